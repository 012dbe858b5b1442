import { UsageError } from "../base/errors.ts";
import { exp, log } from "../base/math.ts";
import { bestLabels, encodeLabels, type MarginClassifier } from "./classifier.ts";
import { minimizeLbfgs } from "./lbfgs.ts";
import { linearScores } from "./linearSvc.ts";
import { matrix, toFitted, toMatrix, type Matrix, type Rows } from "./matrix.ts";

export interface LogisticRegressionOptions {
  /** Weight of the data against that of small coefficients; default 1. */
  readonly C?: number;
  /** Stops when no entry of the gradient is larger; default 1e-4. */
  readonly tol?: number;
  /** Default 100. */
  readonly maxIter?: number;
}

/**
 * Softmax regression: minimises C Σ cross-entropy + ½‖W‖² by L-BFGS. Constant terms are free.
 *
 * With two classes it is the usual logistic regression on the difference of their scores, with two rows in `coef`.
 */
export class LogisticRegression implements MarginClassifier {
  classes: Int32Array = new Int32Array();
  /** Weights [classes, columns] after `fit`. */
  coef: Matrix = matrix(0, 0);
  /** Constant terms, one for each class. */
  intercept: Float64Array = new Float64Array();
  nIter = 0;
  /** False where `maxIter` ended the search: more iterations or scaled columns help. */
  converged = false;
  /** The value reached. */
  objective = Infinity;
  readonly #options: Required<LogisticRegressionOptions>;

  constructor(options: LogisticRegressionOptions = {}) {
    const { C = 1, tol = 1e-4, maxIter = 100 } = options;
    if (!(C > 0)) throw new UsageError(`LogisticRegression: C must be above 0, got ${C}`);
    this.#options = { C, tol, maxIter };
  }

  fit(x: Rows, y: ArrayLike<number>): this {
    const samples = toMatrix(x, "LogisticRegression");
    const { classes, codes } = encodeLabels(y, samples.rows, "LogisticRegression");
    const { C, tol, maxIter } = this.#options;
    const { rows, columns, values } = samples;
    const weights = classes.length * columns;
    const parameters = new Float64Array(weights + classes.length);
    this.coef = { rows: classes.length, columns, values: parameters.subarray(0, weights) };
    this.intercept = parameters.subarray(weights);

    const evaluate = (p: Float64Array, gradient: Float64Array): number => {
      const coef = { rows: classes.length, columns, values: p.subarray(0, weights) };
      const logits = linearScores(samples, coef, p.subarray(weights));
      gradient.fill(0);
      let loss = 0;
      for (let r = 0; r < rows; r++) {
        const scores = logits.values.subarray(r * classes.length, (r + 1) * classes.length) as Float64Array;
        loss -= C * logSoftmax(scores)[codes[r]!]!;
        for (let k = 0; k < classes.length; k++) {
          const error = C * (exp(scores[k]!) - (k === codes[r] ? 1 : 0));
          gradient[weights + k]! += error;
          for (let c = 0, i = r * columns, j = k * columns; c < columns; c++) gradient[j++]! += error * values[i++]!;
        }
      }
      for (let j = 0; j < weights; j++) {
        loss += 0.5 * p[j]! * p[j]!;
        gradient[j]! += p[j]!;
      }
      return loss;
    };
    const { iterations, converged, value } = minimizeLbfgs(parameters, evaluate, { tol, maxIter });
    this.classes = classes;
    this.nIter = iterations;
    this.converged = converged;
    this.objective = value;
    return this;
  }

  /** Scores [samples, classes]; of two classes one column, their difference. */
  decisionFunction(x: Rows): Matrix {
    const scores = linearScores(
      toFitted(x, this.coef.columns || null, "LogisticRegression"),
      this.coef,
      this.intercept,
    );
    if (this.classes.length > 2) return scores;
    const difference = matrix(scores.rows, 1);
    for (let r = 0; r < scores.rows; r++) difference.values[r] = scores.values[2 * r + 1]! - scores.values[2 * r]!;
    return difference;
  }

  /** Probabilities [samples, classes]. */
  predictProba(x: Rows): Matrix {
    const scores = linearScores(
      toFitted(x, this.coef.columns || null, "LogisticRegression"),
      this.coef,
      this.intercept,
    );
    for (let r = 0; r < scores.rows; r++) {
      const row = scores.values.subarray(r * scores.columns, (r + 1) * scores.columns) as Float64Array;
      logSoftmax(row).forEach((v, k) => (row[k] = exp(v)));
    }
    return scores;
  }

  predict(x: Rows): Int32Array {
    return bestLabels(this.decisionFunction(x), this.classes);
  }
}

/** Turns scores into logarithms of probabilities, in place. */
function logSoftmax(scores: Float64Array): Float64Array {
  let most = -Infinity;
  for (const s of scores) most = Math.max(most, s);
  let sum = 0;
  for (const s of scores) sum += exp(s - most);
  const total = most + log(sum);
  for (let k = 0; k < scores.length; k++) scores[k]! -= total;
  return scores;
}
