import { fromHost } from "../../tensor/create.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import type { Callback, CallbackState, Logs } from "../callback.ts";
import { Monitor, type MonitorOptions } from "../monitor.ts";
import type { Trainer } from "../trainer.ts";

export interface EarlyStoppingOptions extends MonitorOptions {
  /** Epochs without an improvement that are borne; default 0: the first one stops the run. */
  patience?: number;
  /** Put the weights of the best epoch back at the end, bit for bit; default false. */
  restoreBestWeights?: boolean;
  /** Epochs (from 0) before this one are not looked at; default 0. */
  startFromEpoch?: number;
}

/** Ends training when a number stops getting better. */
export class EarlyStopping implements Callback {
  readonly name = "earlyStopping";
  readonly #options: EarlyStoppingOptions;
  readonly #monitor: Monitor;
  #wait = 0;
  #bestWeights: ReadonlyMap<string, Tensor> | null = null;
  /** The epoch (from 0) with the best value; null before the first. */
  bestEpoch: number | null = null;
  /** The epoch after which training was ended; null when it was not. */
  stoppedEpoch: number | null = null;

  constructor(options: EarlyStoppingOptions = {}) {
    this.#options = options;
    this.#monitor = new Monitor(options);
  }

  onTrainBegin(): void {
    this.#monitor.reset();
    this.#wait = 0;
    [this.#bestWeights, this.bestEpoch, this.stoppedEpoch] = [null, null, null];
  }

  async onEpochEnd(epoch: number, logs: Logs, trainer: Trainer): Promise<void> {
    const { patience = 0, restoreBestWeights = false, startFromEpoch = 0 } = this.#options;
    if (epoch < startFromEpoch || this.#monitor.valueOf(logs) === null) return;
    if (this.#monitor.improves(logs)) {
      this.#wait = 0;
      this.bestEpoch = epoch;
      if (restoreBestWeights) this.#bestWeights = await copied(trainer.evaluatedWeights());
      return;
    }
    this.#wait++;
    if (this.#wait < Math.max(1, patience)) return;
    this.stoppedEpoch = epoch;
    trainer.stopTraining = true;
  }

  onTrainEnd(_logs: Logs, { model }: Trainer): void {
    if (this.#bestWeights !== null) model.loadStateDict(this.#bestWeights);
  }

  state(): CallbackState {
    const { bestEpoch, stoppedEpoch } = this;
    const values = { best: this.#monitor.state, wait: this.#wait, bestEpoch, stoppedEpoch };
    return { values, ...(this.#bestWeights && { tensors: this.#bestWeights }) };
  }

  restore({ values, tensors }: CallbackState): void {
    const { best, wait, bestEpoch, stoppedEpoch } = values as {
      best: unknown;
      wait: number;
      bestEpoch: number | null;
      stoppedEpoch: number | null;
    };
    this.#monitor.state = best;
    this.#wait = wait;
    [this.bestEpoch, this.stoppedEpoch] = [bestEpoch, stoppedEpoch];
    this.#bestWeights = tensors !== undefined && tensors.size > 0 ? tensors : null;
  }
}

/** Values of their own: training goes on in the originals. */
async function copied(weights: ReadonlyMap<string, Tensor>): Promise<Map<string, Tensor>> {
  const copies = new Map<string, Tensor>();
  for (const [name, t] of weights) copies.set(name, fromHost(await t.data(), t.shape, t.dtype));
  return copies;
}
