import { UsageError } from "../base/errors.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { avgPoolNd } from "./avgPool.ts";
import { maxPoolNd } from "./maxPool.ts";
import { resolvePoolNd } from "./poolNd.ts";
import { where } from "./select.ts";
import type { Padding, Padding1d, Padding2d, Padding3d, Pair, Single, Triple } from "./windows.ts";

/** Options of an Lp pooling whose sizes are S and padding P. */
export interface LpPoolOptions<S = number | readonly number[], P = Padding> {
  /** Distance of neighbouring windows; default: the window. */
  stride?: S;
  /** Zeros around the input; default 0. */
  padding?: P;
  /** Distance of neighbouring elements of a window; default 1. */
  dilation?: S;
  /** Round the number of windows up instead of down, letting the last ones stick out; default false. */
  ceilMode?: boolean;
}

/** |x| to a power p; the square without a logarithm. */
const powered = (x: Tensor, p: number): Tensor => (p === 2 ? x.square() : p === 1 ? x.abs() : x.abs().pow(p));

/** (Σ |x|^p)^(1/p) from the sums of |x|^p. Where all is 0 the root has no slope; 0 stands for it. */
function root(sum: Tensor, p: number): Tensor {
  if (p === 1) return sum;
  const positive = sum.greater(0);
  const safe = where(positive, sum, 1);
  return where(positive, p === 2 ? safe.sqrt() : safe.pow(1 / p), sum);
}

/** The norm over all axes after the channels, which stay with size 1. */
export function lpNormPixels(x: Tensor, p: number): Tensor {
  checkPower("globalLpPool", p);
  const axes = x.shape.flatMap((_, k) => (k < 2 ? [] : [k]));
  return p === Infinity ? x.abs().max(axes, true) : root(powered(x, p).sum(axes, true), p);
}

function checkPower(who: string, p: number): void {
  if (!(p > 0)) throw new UsageError(`${who}: the power must be above 0, got ${p}`);
}

function lpPool(
  who: string,
  x: Tensor,
  p: number,
  axes: number,
  kernelSize: number | readonly number[],
  options: LpPoolOptions,
): Tensor {
  checkPower(who, p);
  const pool = resolvePoolNd(who, x, axes, kernelSize, options);
  return p === Infinity ? maxPoolNd(x.abs(), pool) : root(avgPoolNd(powered(x, p), pool, false, 1), p);
}

/**
 * (Σ |x|^p)^(1/p) over each window: [N, C, L] → [N, C, L']. p = Infinity is the largest |x|.
 *
 * PyTorch's `lp_pool1d(x, norm_type, ...)`, which leaves out the absolute value: for odd p it gives NaN where ours is
 * the norm.
 */
export function lpPool1d(x: Tensor, p: number, kernelSize: Single, options: LpPoolOptions<Single, Padding1d> = {}) {
  return lpPool("lpPool1d", x, p, 1, kernelSize, options);
}

/** (Σ |x|^p)^(1/p) over each window: [N, C, H, W] → [N, C, H', W']. p = 2 is the L2 pooling of the course. */
export function lpPool2d(x: Tensor, p: number, kernelSize: Pair, options: LpPoolOptions<Pair, Padding2d> = {}) {
  return lpPool("lpPool2d", x, p, 2, kernelSize, options);
}

/** (Σ |x|^p)^(1/p) over each window: [N, C, D, H, W] → [N, C, D', H', W']. */
export function lpPool3d(x: Tensor, p: number, kernelSize: Triple, options: LpPoolOptions<Triple, Padding3d> = {}) {
  return lpPool("lpPool3d", x, p, 3, kernelSize, options);
}
