import type { Callback, Logs } from "../callback.ts";
import { diagnose, type Diagnosis } from "../diagnose.ts";
import type { Trainer } from "../trainer.ts";

/** Says in words what the numbers of a run show: after the first epoch, and at the end. */
export class Diagnoses implements Callback {
  readonly #say: (text: string, diagnosis: Diagnosis) => void;
  readonly #said = new Set<string>();
  /** Those of the latest look. */
  found: readonly Diagnosis[] = [];

  /** @param say Told of each kind once; default `console.warn`. */
  constructor(say: (text: string, diagnosis: Diagnosis) => void = (text) => console.warn(text)) {
    this.#say = say;
  }

  async onEpochEnd(epoch: number, _logs: Logs, trainer: Trainer): Promise<void> {
    if (epoch === 0 && trainer.progress.epochs > 1) await this.#look(trainer);
  }

  onTrainEnd(_logs: Logs, trainer: Trainer): Promise<void> {
    return this.#look(trainer);
  }

  async #look(trainer: Trainer): Promise<void> {
    this.found = diagnose(trainer.history.history, await trainer.examine(), trainer.classes);
    for (const diagnosis of this.found) {
      if (!this.#said.has(diagnosis.kind)) this.#say(diagnosis.text, diagnosis);
      this.#said.add(diagnosis.kind);
    }
  }
}
