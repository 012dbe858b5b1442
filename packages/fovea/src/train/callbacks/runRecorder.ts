import type { Callback, CallbackState, Logs } from "../callback.ts";
import { addBatch, emptyTally, meansOf, type Tally } from "../fitState.ts";
import type { RunFolder } from "../runFolder.ts";
import type { EpochMetrics, HistoryLine } from "../runLines.ts";
import type { Trainer } from "../trainer.ts";

/** Lines of history per epoch. */
const STRETCHES = 20;

/** Writes a run's metrics.jsonl: a line for each twentieth of an epoch, and one per epoch. */
export class RunRecorder implements Callback {
  readonly name = "metrics";
  readonly writes = true;
  readonly #run: RunFolder;
  #lines: HistoryLine[] = [];
  /** Since the last line. */
  #stretch: Tally = emptyTally;
  #resumed = false;
  /** Steps of trainings before this one: fine-tuning has several. */
  #earlier = 0;

  constructor(run: RunFolder) {
    this.#run = run;
  }

  get lines(): readonly HistoryLine[] {
    return this.#lines;
  }

  onTrainBegin(): void {
    this.#earlier = this.#lines.at(-1)?.step ?? 0;
  }

  onTrainBatchEnd(_batch: number, _logs: Logs, { progress }: Trainer): void {
    const { batch, batches, epoch, lr, scores, size } = progress;
    const step = this.#earlier + progress.step;
    this.#stretch = addBatch(this.#stretch, size, scores);
    if (batches === null || (batch % Math.max(1, Math.ceil(batches / STRETCHES)) !== 0 && batch !== batches)) return;
    const { loss, accuracy } = meansOf(this.#stretch);
    this.#lines.push({ event: "steps", epoch: epoch + 1, step, lr, loss: loss!, accuracy: accuracy ?? 0 });
    this.#stretch = emptyTally;
  }

  onEpochEnd(epoch: number, logs: Logs, { progress }: Trainer): void {
    const line: EpochMetrics = {
      event: "epoch",
      epoch: epoch + 1,
      step: this.#earlier + progress.step,
      lr: logs["lr"]!,
      trainLoss: logs["loss"]!,
      trainAccuracy: logs["accuracy"] ?? 0,
      validationLoss: logs["valLoss"] ?? NaN,
      validationAccuracy: logs["valAccuracy"] ?? NaN,
    };
    this.#lines.push(line);
    this.#stretch = emptyTally;
  }

  async onResumePoint(at: "step" | "epoch" | "stop"): Promise<void> {
    if (this.#resumed) await this.#run.rewriteMetrics(this.#lines); // what a crash left may be longer
    else if (at !== "step") await this.#run.appendMetrics(this.#lines);
    this.#resumed = false;
  }

  /** After a resume there may have been nothing left to train. */
  onTrainEnd(): Promise<void> {
    return this.onResumePoint("epoch");
  }

  state(): CallbackState {
    return { values: { lines: this.#lines, stretch: this.#stretch, earlier: this.#earlier } };
  }

  restore({ values }: CallbackState): void {
    const { lines, stretch, earlier = 0 } = values as { lines: HistoryLine[]; stretch: Tally; earlier?: number };
    this.#lines = lines;
    this.#stretch = stretch;
    this.#earlier = earlier;
    this.#resumed = true;
  }
}
