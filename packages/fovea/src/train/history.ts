/** What came of training, as Keras returns it from `fit`. */
export class History {
  /** The epochs, from 0. */
  readonly epoch: number[];
  /** By name, a value per epoch: `loss`, `accuracy`, `valLoss`, `valAccuracy`, `lr`. */
  readonly history: { [name: string]: number[] };
  /** False when the signal or the time limit stopped the run: it can be resumed. */
  finished = false;

  constructor(epoch: readonly number[] = [], history: { readonly [name: string]: readonly number[] } = {}) {
    this.epoch = [...epoch];
    this.history = Object.fromEntries(Object.entries(history).map(([name, values]) => [name, [...values]]));
  }

  /** Adds an epoch. A name that is not in every epoch (`validationFreq`) has its values only. */
  add(epoch: number, logs: { readonly [name: string]: number }): void {
    this.epoch.push(epoch);
    for (const [name, value] of Object.entries(logs)) (this.history[name] ??= []).push(value);
  }
}
