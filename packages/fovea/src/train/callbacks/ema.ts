import { UsageError } from "../../base/errors.ts";
import { loadTensors } from "../../nn/stateDict.ts";
import { WeightAverages } from "../averages.ts";
import type { Callback, CallbackState, Logs } from "../callback.ts";
import type { Trainer } from "../trainer.ts";

export interface EMAOptions {
  /** How much of the average stays at a step; default 0.999. */
  decay?: number;
  /** Begin with less, (1 + step) / (10 + step), so that the first weights are soon forgotten; default true. */
  warmup?: boolean;
}

/**
 * Exponential moving averages of the weights (Polyak and Juditsky, 1992): validation looks at them, best weights are
 * theirs, and at the end they become the network's.
 */
export class EMA implements Callback {
  readonly name = "ema";
  readonly #decay: number;
  readonly #warmup: boolean;
  #averages: WeightAverages | null = null;
  #steps = 0;
  /** Steps of the run that are in the averages. */
  #seen = 0;

  constructor({ decay = 0.999, warmup = true }: EMAOptions = {}) {
    if (!(decay >= 0 && decay < 1)) throw new UsageError(`EMA: decay must be in 0 … 1, below 1, got ${decay}`);
    this.#decay = decay;
    this.#warmup = warmup;
  }

  onTrainBegin(trainer: Trainer): void {
    this.#averages = new WeightAverages(trainer.model);
    [this.#steps, this.#seen] = [0, 0];
    trainer.averaged = this.#averages.tensors;
  }

  onTrainBatchEnd(_batch: number, _logs: Logs, { progress }: Trainer): void {
    if (progress.step === this.#seen) return; // a batch of a step that is not done
    this.#seen = progress.step;
    this.#steps++;
    const decay = this.#warmup ? Math.min(this.#decay, (1 + this.#steps) / (10 + this.#steps)) : this.#decay;
    this.#averages!.mix(1 - decay);
  }

  onTestBegin(): void {
    this.#averages!.swap();
  }

  onTestEnd(): void {
    this.#averages!.swap();
  }

  close(): void {
    this.#averages?.dispose();
  }

  state(): CallbackState {
    return { values: { steps: this.#steps, seen: this.#seen }, tensors: this.#averages!.tensors };
  }

  restore({ values, tensors }: CallbackState): void {
    const { steps, seen } = values as { steps: number; seen: number };
    [this.#steps, this.#seen] = [steps, seen];
    loadTensors(this.#averages!.tensors, tensors!, "EMA");
  }
}
