import { join } from "node:path";
import { FoveaError } from "../../base/errors.ts";
import { makeFolder, writeFileAtomic } from "../../io/files.ts";
import type { Callback, CallbackState, Logs } from "../callback.ts";
import { readNewestCheckpoint, writeCheckpoint } from "../checkpoint.ts";
import { Monitor, type MonitorOptions } from "../monitor.ts";
import type { Snapshot } from "../snapshot.ts";
import type { Trainer } from "../trainer.ts";
import { encodeTensors } from "../weights.ts";

export interface CheckpointOptions extends MonitorOptions {
  /** Seconds between checkpoints within an epoch; default 300. There is one after every epoch, and one when it is stopped. */
  every?: number;
  /** Checkpoints to keep; default 2. */
  keep?: number;
  /** Write in the background: what is written is a copy made before training goes on. Default true. */
  background?: boolean;
  /** Words about the weights in `best.safetensors` and `last.safetensors`. */
  metadata?: ReadonlyMap<string, string>;
}

/**
 * Keeps a run on disk: `checkpoint/` where it can go on exactly, `last.safetensors` the weights of the latest epoch, and
 * `best.safetensors` those of the epoch with the best `monitor`. Each file is whole or not there, also after a power cut;
 * when the disk is full, what was there stays.
 *
 * @example
 * const folder = "runs/a";
 * await trainer.fit(x, y, { epochs: 50, callbacks: [new Checkpoint(folder)], resume: await Checkpoint.newest(folder) });
 */
export class Checkpoint implements Callback {
  readonly name = "checkpoint";
  readonly writes = true;
  readonly folder: string;
  readonly #options: CheckpointOptions;
  readonly #monitor: Monitor;
  #saved = 0;
  /** The write in progress. */
  #writing: Promise<void> = Promise.resolve();
  #trouble: unknown = null;
  #whole: string | null = null;

  constructor(folder: string, options: CheckpointOptions = {}) {
    this.folder = folder;
    this.#options = options;
    this.#monitor = new Monitor(options);
  }

  /** The newest checkpoint of a folder that is whole, or null; `onProblem` is told of damaged ones. */
  static async newest(folder: string, onProblem: (text: string) => void = () => {}): Promise<Snapshot | null> {
    const { checkpoint, problems } = await readNewestCheckpoint(join(folder, CHECKPOINTS));
    problems.forEach((problem) => onProblem(problem));
    return checkpoint;
  }

  async onTrainBegin(): Promise<void> {
    await makeFolder(this.folder);
    this.#monitor.reset();
    this.#saved = performance.now();
  }

  async onEpochEnd(_epoch: number, logs: Logs, trainer: Trainer): Promise<void> {
    const bytes = await encodeTensors(trainer.evaluatedWeights(), this.#options.metadata);
    const files = this.#monitor.improves(logs) ? ["best", "last"] : ["last"];
    await this.#write(async () => {
      for (const file of files) await writeFileAtomic(join(this.folder, `${file}.safetensors`), bytes);
    });
  }

  async onResumePoint(at: "step" | "epoch" | "stop", trainer: Trainer): Promise<void> {
    const { every = 300, keep = 2 } = this.#options;
    if (at === "step" && performance.now() - this.#saved < every * 1000) return;
    const trouble = await trainer.explainWeights();
    if (trouble !== null) throw trouble; // never over good ones
    const { name, files } = await trainer.snapshot();
    await this.#write(async () => {
      await writeCheckpoint(join(this.folder, CHECKPOINTS), name, files, keep);
      this.#whole = name;
    });
    this.#saved = performance.now();
  }

  async close(): Promise<void> {
    await this.#settle();
  }

  state(): CallbackState {
    return { values: this.#monitor.state };
  }

  restore({ values }: CallbackState): void {
    this.#monitor.state = values;
  }

  /** Starts a write when the one before is done; its error is thrown at the next one. */
  async #write(write: () => Promise<void>): Promise<void> {
    await this.#settle();
    this.#writing = write().catch((error: unknown) => {
      this.#trouble = error;
    });
    if (this.#options.background === false) await this.#settle();
  }

  async #settle(): Promise<void> {
    await this.#writing;
    const trouble = this.#trouble;
    if (trouble === null) return;
    this.#trouble = null;
    const kept = this.#whole === null ? "" : `; the checkpoint ${this.#whole} is whole`;
    const why = trouble instanceof Error ? trouble.message : String(trouble);
    throw new FoveaError(`saving the run failed: ${why}${kept}`, { cause: trouble });
  }
}

const CHECKPOINTS = "checkpoint";
