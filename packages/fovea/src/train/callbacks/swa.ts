import { recomputeBatchNorm } from "../../nn/recomputeBatchNorm.ts";
import { loadTensors } from "../../nn/stateDict.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { WeightAverages } from "../averages.ts";
import { toDevice, type TrainBatch } from "../batch.ts";
import type { Callback, CallbackState, Logs } from "../callback.ts";
import type { Trainer } from "../trainer.ts";

export interface SWAOptions {
  /** The first epoch (from 0) whose weights count; default three quarters of the run. */
  startEpoch?: number;
  /** Optimizer's rate from then on; default: as it is. */
  lr?: number;
  /** Batches of the training data for the statistics of batch norms; default all. */
  batches?: number;
}

/**
 * Stochastic weight averaging (Izmailov et al., 2018): the mean of the weights at the ends of the last epochs becomes the
 * network's, with the statistics of its batch norms computed anew.
 */
export class SWA implements Callback {
  readonly name = "swa";
  readonly #options: SWAOptions;
  #averages: WeightAverages | null = null;
  #count = 0;

  constructor(options: SWAOptions = {}) {
    this.#options = options;
  }

  onTrainBegin({ model }: Trainer): void {
    this.#averages = new WeightAverages(model);
    this.#count = 0;
  }

  onEpochBegin(epoch: number, { optimizer, progress }: Trainer): void {
    const { lr } = this.#options;
    if (lr !== undefined && epoch === this.#start(progress.epochs)) optimizer.lr = lr;
  }

  onEpochEnd(epoch: number, _logs: Logs, { progress }: Trainer): void {
    if (epoch < this.#start(progress.epochs)) return;
    this.#count++;
    if (this.#count === 1) this.#averages!.reset();
    else this.#averages!.mix(1 / this.#count);
  }

  async onTrainEnd(_logs: Logs, trainer: Trainer): Promise<void> {
    if (this.#count === 0) return;
    this.#averages!.apply();
    const { batches = Infinity } = this.#options;
    const { model } = trainer;
    const forward = ({ x }: TrainBatch) => (model.forward as (...x: Tensor[]) => unknown)(...x.map(toDevice));
    await recomputeBatchNorm(model, () => firstOf(trainer.trainData(), batches), { forward, exact: false });
  }

  close(): void {
    this.#averages?.dispose();
  }

  state(): CallbackState {
    return { values: this.#count, tensors: this.#averages!.tensors };
  }

  restore({ values, tensors }: CallbackState): void {
    this.#count = values as number;
    loadTensors(this.#averages!.tensors, tensors!, "SWA");
  }

  #start(epochs: number): number {
    return this.#options.startEpoch ?? Math.floor(epochs * 0.75);
  }
}

async function* firstOf(batches: AsyncIterable<TrainBatch>, count: number): AsyncGenerator<TrainBatch> {
  let index = 0;
  for await (const batch of batches) {
    if (index++ >= count) return;
    yield batch;
  }
}
