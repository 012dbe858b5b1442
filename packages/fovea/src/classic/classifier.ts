import { ShapeError, UsageError } from "../base/errors.ts";
import type { Matrix, Rows } from "./matrix.ts";

/** A classifier with scikit-learn's names: `fit`, then `predict`. Labels are whole numbers, in any order, with gaps. */
export interface Classifier {
  /** The labels that `fit` saw, ascending. */
  readonly classes: Int32Array;
  /** Learns from samples `x` and the label of each. */
  fit(x: Rows, y: ArrayLike<number>): this | Promise<this>;
  /** The label of each sample. */
  predict(x: Rows): Int32Array | Promise<Int32Array>;
}

/** A classifier that can say how sure it is. */
export interface MarginClassifier extends Classifier {
  fit(x: Rows, y: ArrayLike<number>): this;
  predict(x: Rows): Int32Array;
  /** Scores [samples, classes]; of two classes one column, positive for `classes[1]`. */
  decisionFunction(x: Rows): Matrix;
}

/** The labels as numbers 0 … classes − 1, and which label each stands for. Throws unless there are two classes at least. */
export function encodeLabels(
  y: ArrayLike<number>,
  rows: number,
  who: string,
): { readonly classes: Int32Array; readonly codes: Int32Array } {
  if (y.length !== rows) throw new ShapeError(`${who}: x has ${rows} rows, but y ${y.length} labels`);
  for (let i = 0; i < rows; i++) {
    if (!Number.isInteger(y[i])) throw new UsageError(`${who}: labels are whole numbers, got ${y[i]} in place ${i}`);
  }
  const classes = Int32Array.from(new Set(Array.from(y))).toSorted();
  if (classes.length < 2) {
    throw new UsageError(`${who}: needs samples of two classes at least, got only class ${classes[0]}`);
  }
  const codeOf = new Map(Array.from(classes, (label, code) => [label, code]));
  return { classes, codes: Int32Array.from(y, (label) => codeOf.get(label)!) };
}

/** The label with the best score in each row; the first where several are equal. */
export function bestLabels({ rows, columns, values }: Matrix, classes: Int32Array): Int32Array {
  return Int32Array.from({ length: rows }, (_, r) => {
    if (columns === 1) return classes[values[r]! > 0 ? 1 : 0]!;
    let best = 0;
    for (let c = 1; c < columns; c++) if (values[r * columns + c]! > values[r * columns + best]!) best = c;
    return classes[best]!;
  });
}

/** Share of labels that are right. */
export function accuracyScore(truth: ArrayLike<number>, predicted: ArrayLike<number>): number {
  if (truth.length !== predicted.length) {
    throw new ShapeError(`accuracyScore: ${truth.length} true labels, but ${predicted.length} predicted ones`);
  }
  let right = 0;
  for (let i = 0; i < truth.length; i++) if (truth[i] === predicted[i]) right++;
  return truth.length === 0 ? 0 : right / truth.length;
}
