/** One binary problem of a support vector machine with a kernel. */
export interface KernelProblem {
  readonly size: number;
  /** ±1 for each sample. */
  readonly signs: Int8Array;
  /** The kernel of sample i with each sample. */
  row(i: number): Float64Array;
  /** The kernel of sample i with itself. */
  diagonal(i: number): number;
}

export interface KernelSolution {
  /** Weight of each sample, 0 … C. */
  readonly alpha: Float64Array;
  /** Constant term of the score. */
  readonly intercept: number;
  /** Σ α − ½ Σ αᵢ αⱼ yᵢ yⱼ K(i, j): the dual objective, which is maximised. */
  readonly dual: number;
  readonly iterations: number;
  readonly converged: boolean;
}

/** Quotients of kernels that are not positive definite are kept away from 0 with this, as in LIBSVM. */
const TINY = 1e-12;

/**
 * Sequential minimal optimisation: two weights at a time, chosen by second-order information.
 *
 * Fan, Chen, Lin: "Working set selection using second order information for training SVM", JMLR 6 (2005): the method of
 * LIBSVM, without its shrinking. Stops when no pair violates the optimality conditions by more than `tol`.
 */
export function solveKernelSvm(problem: KernelProblem, C: number, tol: number, maxIter: number): KernelSolution {
  const { size, signs } = problem;
  const alpha = new Float64Array(size);
  const gradient = new Float64Array(size).fill(-1); // of ½ αᵀQα − Σ α
  const diagonal = Float64Array.from({ length: size }, (_, i) => problem.diagonal(i));
  const canRise = (t: number) => (signs[t]! > 0 ? alpha[t]! < C : alpha[t]! > 0);
  const canFall = (t: number) => (signs[t]! > 0 ? alpha[t]! > 0 : alpha[t]! < C);

  let iterations = 0;
  let converged = false;
  for (; iterations < maxIter; iterations++) {
    let i = -1;
    let most = -Infinity;
    for (let t = 0; t < size; t++) {
      const slope = -signs[t]! * gradient[t]!;
      if (slope > most && canRise(t)) {
        most = slope;
        i = t;
      }
    }
    if (i < 0) {
      converged = true;
      break;
    }
    const rowI = problem.row(i);
    let j = -1;
    let least = Infinity;
    let bestGain = 0;
    for (let t = 0; t < size; t++) {
      if (!canFall(t)) continue;
      const slope = -signs[t]! * gradient[t]!;
      least = Math.min(least, slope);
      const difference = most - slope;
      if (difference <= 0) continue;
      const gain = difference ** 2 / Math.max(diagonal[i]! + diagonal[t]! - 2 * rowI[t]!, TINY);
      if (gain > bestGain) {
        bestGain = gain;
        j = t;
      }
    }
    if (most - least < tol || j < 0) {
      converged = true;
      break;
    }
    // α moves along yᵢ αᵢ + yⱼ αⱼ = const until the slope is 0 or one of the two meets a bound.
    const rowJ = problem.row(j);
    const curvature = Math.max(diagonal[i]! + diagonal[j]! - 2 * rowI[j]!, TINY);
    const wanted = (-signs[i]! * gradient[i]! + signs[j]! * gradient[j]!) / curvature;
    const roomI = signs[i]! > 0 ? C - alpha[i]! : alpha[i]!;
    const roomJ = signs[j]! > 0 ? alpha[j]! : C - alpha[j]!;
    const step = Math.min(wanted, roomI, roomJ);
    alpha[i] = step === roomI ? (signs[i]! > 0 ? C : 0) : alpha[i]! + signs[i]! * step;
    alpha[j] = step === roomJ ? (signs[j]! > 0 ? 0 : C) : alpha[j]! - signs[j]! * step;
    for (let t = 0; t < size; t++) gradient[t]! += step * signs[t]! * (rowI[t]! - rowJ[t]!);
  }
  let dual = 0;
  for (let t = 0; t < size; t++) dual -= 0.5 * alpha[t]! * (gradient[t]! - 1);
  return { alpha, intercept: constantTerm(alpha, gradient, signs, C), dual, iterations, converged };
}

/** Where free weights agree, their mean; else the middle of what the weights at the bounds allow. */
function constantTerm(alpha: Float64Array, gradient: Float64Array, signs: Int8Array, C: number): number {
  let sum = 0;
  let free = 0;
  let low = -Infinity;
  let high = Infinity;
  for (let t = 0; t < alpha.length; t++) {
    const value = -signs[t]! * gradient[t]!;
    if (alpha[t]! > 0 && alpha[t]! < C) {
      sum += value;
      free++;
    } else if (alpha[t]! > 0 ? signs[t]! < 0 : signs[t]! > 0) low = Math.max(low, value);
    else high = Math.min(high, value);
  }
  return free > 0 ? sum / free : (low + high) / 2;
}
