import { UsageError } from "../../base/errors.ts";
import type { Callback, CallbackState, Logs } from "../callback.ts";
import { Monitor, type MonitorOptions } from "../monitor.ts";
import type { Trainer } from "../trainer.ts";

export interface ReduceLROnPlateauOptions extends MonitorOptions {
  /** What the rate is multiplied by; default 0.1. */
  factor?: number;
  /** Epochs without an improvement before that; default 10. */
  patience?: number;
  /** Epochs after a change in which nothing is counted; default 0. */
  cooldown?: number;
  /** The rate does not fall below; default 0. */
  minLr?: number;
}

/** Lowers a constant learning rate when a number stops getting better. */
export class ReduceLROnPlateau implements Callback {
  readonly name = "reduceLROnPlateau";
  readonly #options: ReduceLROnPlateauOptions;
  readonly #monitor: Monitor;
  #wait = 0;
  #cooldown = 0;

  constructor(options: ReduceLROnPlateauOptions = {}) {
    const { factor = 0.1 } = options;
    if (!(factor > 0 && factor < 1)) {
      throw new UsageError(`ReduceLROnPlateau: factor must be between 0 and 1, got ${factor}`);
    }
    this.#options = options;
    this.#monitor = new Monitor({ minDelta: 1e-4, ...options });
  }

  onTrainBegin({ optimizer }: Trainer): void {
    if (optimizer.stateDict().scalars.lr.includes(null)) {
      throw new UsageError("ReduceLROnPlateau: the optimizer follows a schedule; give it a number as its rate");
    }
    this.#monitor.reset();
    [this.#wait, this.#cooldown] = [0, 0];
  }

  onEpochEnd(_epoch: number, logs: Logs, { optimizer }: Trainer): void {
    const { factor = 0.1, patience = 10, cooldown = 0, minLr = 0 } = this.#options;
    if (this.#monitor.valueOf(logs) === null) return;
    const improved = this.#monitor.improves(logs);
    if (this.#cooldown > 0) {
      this.#cooldown--;
      this.#wait = 0;
    }
    if (improved) {
      this.#wait = 0;
      return;
    }
    if (this.#cooldown > 0 || ++this.#wait < patience || optimizer.lr <= minLr) return;
    optimizer.rates = optimizer.rates.map((rate) => Math.max(minLr, (rate as number) * factor));
    this.#cooldown = cooldown;
    this.#wait = 0;
  }

  state(): CallbackState {
    return { values: { best: this.#monitor.state, wait: this.#wait, cooldown: this.#cooldown } };
  }

  restore({ values }: CallbackState): void {
    const { best, wait, cooldown } = values as { best: unknown; wait: number; cooldown: number };
    this.#monitor.state = best;
    [this.#wait, this.#cooldown] = [wait, cooldown];
  }
}
