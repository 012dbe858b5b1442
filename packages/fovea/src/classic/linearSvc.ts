import { UsageError } from "../base/errors.ts";
import { RandomStream } from "../base/random.ts";
import { bestLabels, encodeLabels, type MarginClassifier } from "./classifier.ts";
import { matrix, toFitted, toMatrix, type Matrix, type Rows } from "./matrix.ts";

export interface LinearSVCOptions {
  /** Price of a sample on the wrong side of its margin; the larger, the closer the fit. Default 1. */
  readonly C?: number;
  /** max(0, 1 − margin), or its square; default "squaredHinge". */
  readonly loss?: "hinge" | "squaredHinge";
  /** Largest violation of the optimality conditions that is left; default 1e-4. */
  readonly tol?: number;
  /** Passes over the samples at most; default 1000. */
  readonly maxIter?: number;
  /** Whether there is a constant term; default true. It is a weight on a column of ones, and like others kept small. */
  readonly fitIntercept?: boolean;
  /** "balanced" makes rare classes count as much as frequent ones; default: each sample counts the same. */
  readonly classWeight?: "balanced";
  /** Seed of the order in which samples are visited; default 0. It changes the path, not the optimum. */
  readonly randomState?: number | bigint;
}

type Settings = Required<Omit<LinearSVCOptions, "classWeight">>;

/** How far one binary problem has come: `primal` and `dual` enclose the best value there is. */
export interface SvmObjective {
  readonly primal: number;
  readonly dual: number;
}

/**
 * A linear support vector machine; of several classes, one against the rest for each.
 *
 * Minimises ½‖w‖² + C Σ loss(1 − yᵢ w·xᵢ) by dual coordinate descent (Hsieh, Chang, Lin, Keerthi, Sundararajan: "A dual
 * coordinate descent method for large-scale linear SVM", ICML 2008: the method of LIBLINEAR). Columns of very different
 * size, or far from 0, make it slow by a factor of ten and more: scale or centre them first (`StandardScaler`).
 *
 * @example
 * const svm = new LinearSVC({ C: 0.1 }).fit(features, labels);
 * accuracyScore(testLabels, svm.predict(testFeatures));
 */
export class LinearSVC implements MarginClassifier {
  classes: Int32Array = new Int32Array();
  /** Weights [classes, columns] after `fit`; of two classes one row. */
  coef: Matrix = matrix(0, 0);
  /** Constant terms, one for each row of `coef`. */
  intercept: Float64Array = new Float64Array();
  /** Passes over the samples, the most of any class. */
  nIter = 0;
  /** False where `maxIter` ended the search: more iterations, scaled columns or a smaller C help. */
  converged = false;
  /** The value reached, for each row of `coef`. */
  objectives: readonly SvmObjective[] = [];
  readonly #options: Settings;
  readonly #balanced: boolean;

  constructor(options: LinearSVCOptions = {}) {
    const { C = 1, loss = "squaredHinge", tol = 1e-4, maxIter = 1000, fitIntercept = true, randomState = 0 } = options;
    if (!(C > 0)) throw new UsageError(`LinearSVC: C must be above 0, got ${C}`);
    if (loss !== "hinge" && loss !== "squaredHinge") {
      throw new UsageError(`LinearSVC: loss must be "hinge" or "squaredHinge", got "${String(loss)}"`);
    }
    const { classWeight } = options;
    if (classWeight !== undefined && classWeight !== "balanced") {
      throw new UsageError(`LinearSVC: classWeight must be "balanced" or left out, got "${String(classWeight)}"`);
    }
    this.#options = { C, loss, tol, maxIter, fitIntercept, randomState };
    this.#balanced = classWeight === "balanced";
  }

  fit(x: Rows, y: ArrayLike<number>): this {
    const samples = toMatrix(x, "LinearSVC");
    const { classes, codes } = encodeLabels(y, samples.rows, "LinearSVC");
    const { C } = this.#options;
    const counts = new Float64Array(classes.length);
    for (const code of codes) counts[code]!++;
    const price = (code: number) => (this.#balanced ? (C * codes.length) / (classes.length * counts[code]!) : C);

    const problems = classes.length === 2 ? [1] : Array.from(classes.keys());
    const found = problems.map((positive) => {
      const signs = Int8Array.from(codes, (code) => (code === positive ? 1 : -1));
      const other = classes.length === 2 ? price(0) : C; // LIBLINEAR's rule: weights of the class against the rest
      return solve(samples, signs, [other, price(positive)], this.#options);
    });
    this.classes = classes;
    this.coef = matrix(found.length, samples.columns);
    found.forEach(({ weights }, r) => this.coef.values.set(weights, r * samples.columns));
    this.intercept = Float64Array.from(found, ({ intercept }) => intercept);
    this.nIter = Math.max(...found.map(({ passes }) => passes));
    this.converged = found.every(({ converged }) => converged);
    this.objectives = found.map(({ objective }) => objective);
    return this;
  }

  decisionFunction(x: Rows): Matrix {
    return linearScores(toFitted(x, this.coef.columns || null, "LinearSVC"), this.coef, this.intercept);
  }

  predict(x: Rows): Int32Array {
    return bestLabels(this.decisionFunction(x), this.classes);
  }
}

/** x · coefᵀ + intercept, [samples, rows of coef]. */
export function linearScores(x: Matrix, coef: Matrix, intercept: ArrayLike<number>): Matrix {
  const scores = matrix(x.rows, coef.rows);
  const { columns } = x;
  for (let r = 0; r < x.rows; r++) {
    for (let k = 0; k < coef.rows; k++) {
      let sum = intercept[k]!;
      for (let c = 0, i = r * columns, j = k * columns; c < columns; c++) sum += x.values[i++]! * coef.values[j++]!;
      scores.values[r * coef.rows + k] = sum;
    }
  }
  return scores;
}

/** One binary problem, signs ±1. Algorithm 3 of the paper: random order, and samples at a bound leave until the end. */
function solve(
  { rows, columns, values }: Matrix,
  signs: Int8Array,
  [priceNegative, pricePositive]: readonly [number, number],
  { loss, tol, maxIter, fitIntercept, randomState }: Settings,
) {
  const squared = loss === "squaredHinge";
  const price = (i: number) => (signs[i]! > 0 ? pricePositive : priceNegative);
  const extra = fitIntercept ? 1 : 0;
  const weights = new Float64Array(columns);
  let intercept = 0;
  const alpha = new Float64Array(rows);
  const curvature = new Float64Array(rows);
  for (let i = 0; i < rows; i++) {
    let sum = extra + (squared ? 0.5 / price(i) : 0);
    for (let j = i * columns, end = j + columns; j < end; j++) sum += values[j]! * values[j]!;
    curvature[i] = sum;
  }
  const score = (i: number): number => {
    let sum = intercept;
    for (let c = 0, j = i * columns; c < columns; c++) sum += weights[c]! * values[j++]!;
    return sum;
  };

  const random = new RandomStream(randomState).fork("svm");
  const order = Uint32Array.from({ length: rows }, (_, i) => i);
  const swap = (a: number, b: number): void => {
    const kept = order[a]!;
    order[a] = order[b]!;
    order[b] = kept;
  };
  let active = rows;
  let oldHighest = Infinity;
  let oldLowest = -Infinity;
  let passes = 0;
  let converged = false;
  while (passes < maxIter) {
    passes++;
    let highest = -Infinity;
    let lowest = Infinity;
    for (let s = active - 1; s > 0; s--) swap(s, random.int(s + 1));
    for (let s = 0; s < active; s++) {
      const i = order[s]!;
      const sign = signs[i]!;
      const bound = squared ? Infinity : price(i);
      const gradient = sign * score(i) - 1 + (squared ? (alpha[i]! * 0.5) / price(i) : 0);
      const old = alpha[i]!;
      let projected = gradient;
      if ((old === 0 && gradient > oldHighest) || (old === bound && gradient < oldLowest)) {
        swap(s--, --active);
        continue;
      }
      if ((old === 0 && gradient > 0) || (old === bound && gradient < 0)) projected = 0;
      highest = Math.max(highest, projected);
      lowest = Math.min(lowest, projected);
      if (Math.abs(projected) <= 1e-12) continue;
      alpha[i] = Math.min(Math.max(old - gradient / curvature[i]!, 0), bound);
      const step = (alpha[i]! - old) * sign;
      intercept += step * extra;
      for (let c = 0, j = i * columns; c < columns; c++) weights[c]! += step * values[j++]!;
    }
    if (highest - lowest <= tol) {
      if (active === rows) {
        converged = true;
        break;
      }
      active = rows;
      oldHighest = Infinity;
      oldLowest = -Infinity;
    } else {
      oldHighest = highest > 0 ? highest : Infinity;
      oldLowest = lowest < 0 ? lowest : -Infinity;
    }
  }

  let half = 0.5 * intercept * intercept;
  for (const w of weights) half += 0.5 * w * w;
  let primal = half;
  let dual = -half;
  for (let i = 0; i < rows; i++) {
    const missing = Math.max(0, 1 - signs[i]! * score(i));
    primal += price(i) * (squared ? missing * missing : missing);
    dual += alpha[i]! - (squared ? (alpha[i]! * alpha[i]!) / (4 * price(i)) : 0);
  }
  return { weights, intercept, passes, converged, objective: { primal, dual } satisfies SvmObjective };
}
