import { UsageError } from "../base/errors.ts";
import { exp } from "../base/math.ts";
import { bestLabels, type MarginClassifier } from "./classifier.ts";
import { dotRows, matrix, takeRows, toFitted, toMatrix, type Matrix, type Rows } from "./matrix.ts";
import { OneVsOneClassifier } from "./multiclass.ts";
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

/**
 * A support vector machine with a kernel; of several classes, one against one and a vote.
 *
 * Time grows with the square of the samples at least: above some ten thousand take `LinearSVC`.
 */
export class SVC implements MarginClassifier {
  readonly #options: Required<SVCOptions>;
  #pairs: OneVsOneClassifier<BinarySVC> | null = null;
  #columns: number | null = null;

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

  get classes(): Int32Array {
    return this.#pairs?.classes ?? new Int32Array();
  }

  /** The machine of each pair of classes, (0, 1), (0, 2), … */
  get estimators(): readonly BinarySVC[] {
    return this.#pairs?.estimators ?? [];
  }

  fit(x: Rows, y: ArrayLike<number>): this {
    const samples = toMatrix(x, "SVC");
    const { gamma } = this.#options;
    const settings: Settings = { ...this.#options, gamma: typeof gamma === "number" ? gamma : widthOf(samples, gamma) };
    this.#pairs = new OneVsOneClassifier(() => new BinarySVC(settings)).fit(samples, y);
    this.#columns = samples.columns;
    return this;
  }

  /** Votes of the pairs, and where they are equal, how sure the pairs are; of two classes the score itself. */
  decisionFunction(x: Rows): Matrix {
    const samples = toFitted(x, this.#columns, "SVC");
    return this.#pairs!.decisionFunction(samples);
  }

  predict(x: Rows): Int32Array {
    return bestLabels(this.decisionFunction(x), this.classes);
  }
}

/** The machine of one pair of classes, labels 0 and 1. */
class BinarySVC implements MarginClassifier {
  readonly classes = Int32Array.of(0, 1);
  supportVectors: Matrix = matrix(0, 0);
  /** αᵢ yᵢ of the support vectors. */
  dualCoef: Float64Array = new Float64Array();
  intercept = 0;
  /** The dual objective reached. */
  dual = 0;
  converged = false;
  readonly #settings: Settings;

  constructor(settings: Settings) {
    this.#settings = settings;
  }

  fit(x: Matrix, y: ArrayLike<number>): this {
    const { C, tol, maxIter, cacheSize } = this.#settings;
    const kernel = kernelOf(x, x, this.#settings);
    const signs = Int8Array.from({ length: x.rows }, (_, i) => (y[i] === 1 ? 1 : -1));
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
    const found = solveKernelSvm(problem, C, tol, maxIter);
    const support = Array.from(found.alpha.keys()).filter((i) => found.alpha[i]! > 0);
    this.supportVectors = takeRows(x, support);
    this.dualCoef = Float64Array.from(support, (i) => found.alpha[i]! * signs[i]!);
    this.intercept = found.intercept;
    this.dual = found.dual;
    this.converged = found.converged;
    return this;
  }

  decisionFunction(x: Matrix): Matrix {
    const kernel = kernelOf(x, this.supportVectors, this.#settings);
    const scores = matrix(x.rows, 1);
    for (let r = 0; r < x.rows; r++) {
      let sum = this.intercept;
      for (let s = 0; s < this.dualCoef.length; s++) sum += this.dualCoef[s]! * kernel(r, s);
      scores.values[r] = sum;
    }
    return scores;
  }

  predict(x: Matrix): Int32Array {
    return bestLabels(this.decisionFunction(x), this.classes);
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
