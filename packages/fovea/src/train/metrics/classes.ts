import { ShapeError, UsageError } from "../../base/errors.ts";
import { exp, log } from "../../base/math.ts";
import { showShape, sizeOf } from "../../base/shape.ts";
import type { MetricValues } from "./metric.ts";

/** How predictions are to be read. */
export interface ClassOptions {
  /** Predictions are scores before softmax or sigmoid (default), or with false probabilities. */
  fromLogits?: boolean;
  /** Where every class is a question of its own (and for a single one): yes from this probability on; default 0.5. */
  threshold?: number;
  /** Targets of this value do not count, such as 255 in masks. */
  ignoreIndex?: number;
}

/**
 * What predictions and targets are to each other.
 *
 * `exclusive`: predictions [N, C, …] and classes [N, …], one of C. `separate`: as many targets as predictions, each 0 or
 * 1; [N] is one class, [N, C, …] are C of them.
 */
export interface Layout {
  readonly kind: "exclusive" | "separate";
  readonly classes: number;
  /** Rows N, and positions (pixels) in each. */
  readonly rows: number;
  readonly positions: number;
}

export function layoutOf(who: string, predictions: MetricValues, targets: MetricValues): Layout {
  const [rows = 1, second = 1, ...rest] = predictions.shape;
  const [size, count] = [sizeOf(predictions.shape), sizeOf(targets.shape)];
  const classes = predictions.shape.length < 2 ? 1 : second;
  const positions = sizeOf(rest);
  const fits = predictions.data.length === size && targets.data.length === count && targets.shape[0] === rows;
  if (fits && predictions.shape.length > 0 && count === size) return { kind: "separate", classes, rows, positions };
  if (fits && classes > 1 && count === rows * positions) return { kind: "exclusive", classes, rows, positions };
  throw new ShapeError(
    `${who}: predictions ${showShape(predictions.shape)} need classes ${showShape([rows, ...rest])}, or as many 0s and 1s; ` +
      `got ${showShape(targets.shape)}`,
  );
}

/** Calls `visit` with each counted target of an exclusive layout, its class, and where its scores start and how far apart they are. */
export function eachExclusive(
  who: string,
  { classes, rows, positions }: Layout,
  targets: MetricValues,
  ignoreIndex: number | undefined,
  visit: (target: number, start: number, stride: number) => void,
): void {
  for (let n = 0; n < rows; n++) {
    for (let p = 0; p < positions; p++) {
      const target = targets.data[n * positions + p]!;
      if (target === ignoreIndex) continue;
      if (!Number.isInteger(target) || target < 0 || target >= classes) {
        throw new UsageError(
          `${who}: a target is ${target}, the predictions know classes 0 … ${classes - 1}; ` +
            `for targets that do not count, say { ignoreIndex: ${target} }`,
        );
      }
      visit(target, n * classes * positions + p, positions);
    }
  }
}

/** Calls `visit` with each counted target of a separate layout: whether it is so, its class, and where its score is. */
export function eachSeparate(
  who: string,
  { classes, positions }: Layout,
  targets: MetricValues,
  ignoreIndex: number | undefined,
  visit: (target: boolean, at: number, label: number) => void,
): void {
  for (let i = 0; i < targets.data.length; i++) {
    const target = targets.data[i]!;
    if (target === ignoreIndex) continue;
    if (target !== 0 && target !== 1) {
      throw new UsageError(`${who}: a target is ${target}; with a target per prediction each is 0 or 1`);
    }
    visit(target === 1, i, Math.floor(i / positions) % classes);
  }
}

/** Which of the scores is the largest: the first among equals. */
export function best({ data }: MetricValues, start: number, stride: number, classes: number): number {
  let at = 0;
  for (let c = 1; c < classes; c++) if (data[start + c * stride]! > data[start + at * stride]!) at = c;
  return at;
}

/** The score from which on the answer is yes. */
export function scoreThreshold(who: string, { fromLogits = true, threshold = 0.5 }: ClassOptions): number {
  if (!(threshold > 0 && threshold < 1)) {
    throw new UsageError(`${who}: threshold is a probability between 0 and 1, got ${threshold}`);
  }
  return fromLogits ? log(threshold / (1 - threshold)) : threshold; // σ(x) ≥ t where x ≥ log(t / (1 − t))
}

/** The probabilities of one row of scores. */
export function probabilitiesOf(
  { data }: MetricValues,
  start: number,
  stride: number,
  classes: number,
  fromLogits: boolean,
): number[] {
  const row = Array.from({ length: classes }, (_, c) => data[start + c * stride]!);
  if (!fromLogits) return row;
  const largest = row.reduce((a, b) => Math.max(a, b), -Infinity);
  const powers = row.map((x) => exp(x - largest));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((p) => p / sum);
}

/** The probability of a yes. */
export function sigmoidOf(x: number, fromLogits: boolean): number {
  return fromLogits ? 1 / (1 + exp(-x)) : x;
}
