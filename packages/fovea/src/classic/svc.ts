import { UsageError } from "../base/errors.ts";
import { exp } from "../base/math.ts";
import { bestLabels, encodeLabels, type MarginClassifier } from "./classifier.ts";
import { dotRows, matrix, takeRows, toFitted, toMatrix, type Matrix, type Rows } from "./matrix.ts";
import { pairsOf, voteOfPairs } from "./multiclass.ts";
import { solveKernelSvm } from "./smo.ts";

export interface SVCOptions {
  /** Price of a sample on the wrong side of its margin; default 1. */
  readonly C?: number;
  /** "rbf": exp(−γ‖a − b‖²); "poly": (γ a·b + coef0)^degree; "linear": a·b. Default "rbf". */
  readonly kernel?: "rbf" | "poly" | "linear";
  /** γ; "scale" is 1 / (columns · variance of x), "auto" 1 / columns. Default "scale". */
  readonly gamma?: number | "scale" | "auto";
  /** Of "poly"; default 3. */
  readonly degree?: number;
  /** Of "poly"; default 0. */
  readonly coef0?: number;
  /** Largest violation of the optimality conditions that is left; default 1e-3. */
  readonly tol?: number;
  /** Steps at most for each pair of classes; default 1,000,000. */
  readonly maxIter?: number;
  /** Memory for rows of the kernel, in MiB; default 200. It changes speed only. */
  readonly cacheSize?: number;
}

type Settings = Required<Omit<SVCOptions, "gamma">> & { readonly gamma: number };

/** The machine of one pair of classes. */
export interface PairMachine {
  /** Places of its support vectors in `SVC.supportVectors`. */
  readonly support: Int32Array;
  /** αᵢ yᵢ of each, positive for the later class. */
  readonly dualCoef: Float64Array;
  readonly intercept: number;
  /** The dual objective reached. */
  readonly dual: number;
  readonly converged: boolean;
}

/**
 * A support vector machine with a kernel; of several classes, one against one and a vote.
 *
 * Time grows with the square of the samples at least: above some ten thousand take `LinearSVC`.
 */
export class SVC implements MarginClassifier {
  classes: Int32Array = new Int32Array();
  /** The samples that some pair needs. */
  supportVectors: Matrix = matrix(0, 0);
  /** The machine of each pair of classes, (0, 1), (0, 2), …, (1, 2), … */
  pairs: readonly PairMachine[] = [];
  readonly #options: Required<SVCOptions>;
  #gamma = 1;

  constructor(options: SVCOptions = {}) {
    const { C = 1, kernel = "rbf", gamma = "scale", degree = 3, coef0 = 0 } = options;
    const { tol = 1e-3, maxIter = 1_000_000, cacheSize = 200 } = options;
    if (!(C > 0)) throw new UsageError(`SVC: C must be above 0, got ${C}`);
    if (!["rbf", "poly", "linear"].includes(kernel)) {
      throw new UsageError(`SVC: kernel must be "rbf", "poly" or "linear", got "${String(kernel)}"`);
    }
    if (gamma !== "scale" && gamma !== "auto" && !(gamma > 0)) {
      throw new UsageError(`SVC: gamma must be "scale", "auto" or a number above 0, got ${String(gamma)}`);
    }
    this.#options = { C, kernel, gamma, degree, coef0, tol, maxIter, cacheSize };
  }

  /** False where `maxIter` ended the search for some pair. */
  get converged(): boolean {
    return this.pairs.every(({ converged }) => converged);
  }

  fit(x: Rows, y: ArrayLike<number>): this {
    const samples = toMatrix(x, "SVC");
    const { classes, codes } = encodeLabels(y, samples.rows, "SVC");
    const { gamma } = this.#options;
    this.#gamma = typeof gamma === "number" ? gamma : widthOf(samples, gamma);
    const found = pairsOf(classes.length).map(([first, second]) => {
      const chosen = Int32Array.from(codes.keys()).filter((i) => codes[i] === first || codes[i] === second);
      const signs = Int8Array.from(chosen, (i) => (codes[i] === second ? 1 : -1));
      return this.#solve(takeRows(samples, chosen), chosen, signs);
    });
    const support = Int32Array.from(new Set(found.flatMap(({ places }) => places))).toSorted();
    const placeOf = new Map(Array.from(support, (sample, place) => [sample, place]));
    this.supportVectors = takeRows(samples, support);
    this.pairs = found.map(({ places, ...machine }) => ({
      ...machine,
      support: Int32Array.from(places, (sample) => placeOf.get(sample)!),
    }));
    this.classes = classes;
    return this;
  }

  /** Votes of the pairs, and where they are equal, how sure the pairs are; of two classes the score itself. */
  decisionFunction(x: Rows): Matrix {
    const samples = toFitted(x, this.supportVectors.columns || null, "SVC");
    const kernel = kernelOf(samples, this.supportVectors, { ...this.#options, gamma: this.#gamma });
    const scores = matrix(samples.rows, this.pairs.length);
    const row = new Float64Array(this.supportVectors.rows); // each support vector is met once, whoever needs it
    for (let r = 0; r < samples.rows; r++) {
      for (let s = 0; s < row.length; s++) row[s] = kernel(r, s);
      this.pairs.forEach(({ support, dualCoef, intercept }, k) => {
        let sum = intercept;
        for (let s = 0; s < support.length; s++) sum += dualCoef[s]! * row[support[s]!]!;
        scores.values[r * scores.columns + k] = sum;
      });
    }
    return voteOfPairs(scores, this.classes.length);
  }

  predict(x: Rows): Int32Array {
    return bestLabels(this.decisionFunction(x), this.classes);
  }

  /** One pair; `places` are its support vectors among all samples. */
  #solve(
    x: Matrix,
    chosen: Int32Array,
    signs: Int8Array,
  ): Omit<PairMachine, "support"> & { readonly places: number[] } {
    const { C, tol, maxIter, cacheSize } = this.#options;
    const kernel = kernelOf(x, x, { ...this.#options, gamma: this.#gamma });
    const kept = new Map<number, Float64Array>();
    const room = Math.max(2, Math.floor((cacheSize * 2 ** 20) / (8 * x.rows)));
    const row = (i: number): Float64Array => {
      const known = kept.get(i);
      if (known !== undefined) return known;
      if (kept.size >= room) kept.delete(kept.keys().next().value!);
      const made = Float64Array.from({ length: x.rows }, (_, j) => kernel(i, j));
      kept.set(i, made);
      return made;
    };
    const problem = { size: x.rows, signs, row, diagonal: (i: number) => kernel(i, i) };
    const { alpha, intercept, dual, converged } = solveKernelSvm(problem, C, tol, maxIter);
    const support = Array.from(alpha.keys()).filter((i) => alpha[i]! > 0);
    return {
      places: support.map((i) => chosen[i]!),
      dualCoef: Float64Array.from(support, (i) => alpha[i]! * signs[i]!),
      intercept,
      dual,
      converged,
    };
  }
}

/** The kernel of row r of `a` with row s of `b`. */
function kernelOf(a: Matrix, b: Matrix, { kernel, gamma, degree, coef0 }: Settings): (r: number, s: number) => number {
  if (kernel === "linear") return (r, s) => dotRows(a, r, b, s);
  if (kernel === "poly") return (r, s) => (gamma * dotRows(a, r, b, s) + coef0) ** degree;
  const normsA = squaredNorms(a);
  const normsB = a === b ? normsA : squaredNorms(b);
  return (r, s) => exp(-gamma * Math.max(0, normsA[r]! + normsB[s]! - 2 * dotRows(a, r, b, s)));
}

function squaredNorms(a: Matrix): Float64Array {
  return Float64Array.from({ length: a.rows }, (_, r) => dotRows(a, r, a, r));
}

function widthOf({ columns, values }: Matrix, rule: "scale" | "auto"): number {
  if (rule === "auto") return 1 / columns;
  let sum = 0;
  for (const v of values) sum += v;
  const mean = sum / values.length;
  let squares = 0;
  for (const v of values) squares += (v - mean) ** 2;
  return squares === 0 ? 1 : values.length / (columns * squares);
}
