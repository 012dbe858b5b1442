import type { Callback } from "../callback.ts";
import type { Trainer } from "../trainer.ts";

/**
 * Sets the learning rate at the beginning of each epoch, as Keras' callback of that name. (An optimizer's own schedule
 * changes it at each step; every epoch's rate is in the history as `lr`.)
 *
 * @example
 * new LearningRateScheduler((epoch, lr) => (epoch < 10 ? lr : lr * 0.9))
 */
export class LearningRateScheduler implements Callback {
  readonly #schedule: (epoch: number, lr: number) => number;

  /** @param schedule The rate of an epoch (from 0), given the one so far. */
  constructor(schedule: (epoch: number, lr: number) => number) {
    this.#schedule = schedule;
  }

  onEpochBegin(epoch: number, { optimizer }: Trainer): void {
    optimizer.lr = this.#schedule(epoch, optimizer.lr);
  }
}
