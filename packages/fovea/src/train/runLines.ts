/** One line of metrics.jsonl. No times in it: two runs with the same seed and engine write the same bytes. */
export type HistoryLine = StretchMetrics | EpochMetrics;

/** Means over a stretch of training steps. */
export interface StretchMetrics {
  readonly event: "steps";
  /** Epoch, from 1. */
  readonly epoch: number;
  /** Steps taken since the start. */
  readonly step: number;
  readonly lr: number;
  readonly loss: number;
  readonly accuracy: number;
}

/** An epoch: means over its training batches as they went by, then over the validation data. */
export interface EpochMetrics {
  readonly event: "epoch";
  readonly epoch: number;
  readonly step: number;
  readonly lr: number;
  readonly trainLoss: number;
  readonly trainAccuracy: number;
  readonly validationLoss: number;
  readonly validationAccuracy: number;
}

export function epochsOf(history: readonly HistoryLine[]): EpochMetrics[] {
  return history.filter((line) => line.event === "epoch");
}

export function stretchesOf(history: readonly HistoryLine[]): StretchMetrics[] {
  return history.filter((line) => line.event === "steps");
}

/** The epoch with the best validation accuracy, the lower loss among equals; null before the first. */
export function bestEpoch(history: readonly HistoryLine[]): EpochMetrics | null {
  let best: EpochMetrics | null = null;
  for (const line of epochsOf(history)) if (best === null || isBetter(line, best)) best = line;
  return best;
}

function isBetter(a: EpochMetrics, b: EpochMetrics): boolean {
  if (a.validationAccuracy !== b.validationAccuracy) return a.validationAccuracy > b.validationAccuracy;
  return a.validationLoss < b.validationLoss;
}

/** As it is written to metrics.jsonl. */
export function toJsonLines(history: readonly HistoryLine[]): string {
  return history.map((line) => `${JSON.stringify(line)}\n`).join("");
}
