import { UsageError } from "../../base/errors.ts";
import type { Callback, Logs } from "../callback.ts";
import type { Trainer } from "../trainer.ts";

/** Ends training when it has taken so many seconds (over all sessions): after the step at hand and a last validation. */
export class TimeLimit implements Callback {
  readonly #seconds: number;

  constructor(seconds: number) {
    if (!(seconds > 0)) throw new UsageError(`TimeLimit: the seconds must be a number above 0, got ${seconds}`);
    this.#seconds = seconds;
  }

  onTrainBatchEnd(_batch: number, _logs: Logs, trainer: Trainer): void {
    if (trainer.progress.seconds < this.#seconds) return;
    trainer.endEpoch = true;
    trainer.stopTraining = true;
  }
}
