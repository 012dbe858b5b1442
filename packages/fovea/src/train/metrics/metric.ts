/** Numbers row after row with their shape: a tensor that has been read. */
export interface MetricValues {
  readonly data: ArrayLike<number>;
  readonly shape: readonly number[];
}

/**
 * A figure of merit that is measured batch by batch.
 *
 * `fit` and `evaluate` reset it, hand it every batch's predictions and targets, and read it at the end of the epoch.
 * Whoever needs another one writes a class with these members (most easily one that extends `StreamingMetric`).
 */
export interface Metric {
  /** As in a history: `accuracy`, `top5`. */
  readonly name: string;
  /** Whether the best is the largest or the smallest value; for checkpoints and early stopping. */
  readonly mode: "max" | "min";
  /** Takes a batch: what the model gave, and what it should have given. Each metric says which shapes it reads. */
  update(predictions: MetricValues, targets: MetricValues): void;
  /** The figure over all since the last `reset`; NaN when nothing came that counts. */
  compute(): number;
  reset(): void;
  /** All that it remembers, for `JSON.stringify`: an interrupted epoch goes on exactly. */
  state: readonly number[];
}

/** The part that all metrics here share: the memory is a row of numbers, whose meaning each defines. */
export abstract class StreamingMetric implements Metric {
  abstract readonly name: string;
  readonly mode: "max" | "min" = "max";
  protected seen: number[] = [];

  abstract update(predictions: MetricValues, targets: MetricValues): void;
  abstract compute(): number;

  reset(): void {
    this.seen = [];
  }

  get state(): readonly number[] {
    return [...this.seen];
  }

  set state(state: readonly number[]) {
    this.seen = [...state];
  }
}
