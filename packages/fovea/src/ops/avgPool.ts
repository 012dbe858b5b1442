import { UsageError } from "../base/errors.ts";
import { sizeOf } from "../base/shape.ts";
import { tensor } from "../tensor/create.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { average } from "./avgPool2d.ts";
import { poolByPlanes, resolvePoolNd, type PoolNd } from "./poolNd.ts";
import type { Padding, Padding1d, Padding2d, Padding3d, Pair, Single, Triple } from "./windows.ts";

/** Options of an average pooling whose sizes are S and padding P. */
export interface AvgPoolOptions<S = number | readonly number[], P = Padding> {
  /** Distance of neighbouring windows; default: the window, so that windows tile the input. */
  stride?: S;
  /** Zeros around the input, fewer than the window; default 0. */
  padding?: P;
  /** Distance of neighbouring elements of a window; default 1. */
  dilation?: S;
  /** Round the number of windows up instead of down, letting the last ones stick out; default false. */
  ceilMode?: boolean;
  /** Whether padding zeros count in the divisor. Default true (PyTorch); false for padding "same" (TensorFlow, Keras). */
  countIncludePad?: boolean;
  /** Divide every window's sum by this instead of by its number of elements. */
  divisorOverride?: number;
}

export type AvgPool1dOptions = AvgPoolOptions<Single, Padding1d>;
export type AvgPool2dOptions = AvgPoolOptions<Pair, Padding2d>;
export type AvgPool3dOptions = AvgPoolOptions<Triple, Padding3d>;

/** The windows' elements along one axis: those inside the input, and those inside the input and its padding. */
function countsAlong({ size, out, kernel, stride, padding, dilation }: PoolNd, axis: number): [number[], number[]] {
  const counts = (least: number, end: number) =>
    Array.from({ length: out[axis]! }, (_, o) => {
      let count = 0;
      for (let k = 0; k < kernel[axis]!; k++) {
        const at = o * stride[axis]! - padding[axis]![0] + k * dilation[axis]!;
        if (at >= least && at < end) count++;
      }
      return count;
    });
  return [counts(0, size[axis]!), counts(-Infinity, size[axis]! + padding[axis]![1])];
}

/** For each window, the number of its elements inside the input over what their sum is to be divided by. */
function ratios(pool: PoolNd, divisor: number | null): Tensor {
  const values = new Float64Array(sizeOf(pool.out)).fill(divisor === null ? 1 : 1 / divisor);
  let inner = values.length;
  pool.out.forEach((d, axis) => {
    const [inside, padded] = countsAlong(pool, axis);
    inner /= d;
    for (let i = 0; i < values.length; i++) {
      const at = Math.floor(i / inner) % d;
      values[i]! *= divisor === null ? inside[at]! / padded[at]! : inside[at]!;
    }
  });
  return tensor(Float32Array.from(values), { shape: pool.out });
}

/** The mean of each window of 1, 2 or 3 axes; with a divisor the windows' sums over it. */
export function avgPoolNd(x: Tensor, pool: PoolNd, countIncludePad: boolean, divisor: number | null = null): Tensor {
  const dilated = pool.dilation.some((d, axis) => d > 1 && pool.kernel[axis]! > 1);
  const corrected = divisor !== null || (dilated && countIncludePad);
  const mean = poolByPlanes(x, pool, (y, attrs) =>
    average(y, { ...attrs, countIncludePad: countIncludePad && !corrected }),
  );
  return corrected ? mean.mul(ratios(pool, divisor)) : mean;
}

function avgPool(
  who: string,
  x: Tensor,
  axes: number,
  kernelSize: number | readonly number[],
  options: AvgPoolOptions,
): Tensor {
  const { countIncludePad = options.padding !== "same", divisorOverride } = options;
  if (divisorOverride === 0) throw new UsageError(`${who}: divisorOverride must not be 0`);
  return avgPoolNd(x, resolvePoolNd(who, x, axes, kernelSize, options), countIncludePad, divisorOverride ?? null);
}

/** The mean of each window: [N, C, L] → [N, C, L']. */
export function avgPool1d(x: Tensor, kernelSize: Single, options: AvgPool1dOptions = {}): Tensor {
  return avgPool("avgPool1d", x, 1, kernelSize, options);
}

/** The mean of each window: [N, C, H, W] → [N, C, H', W']. */
export function avgPool2d(x: Tensor, kernelSize: Pair, options: AvgPool2dOptions = {}): Tensor {
  return avgPool("avgPool2d", x, 2, kernelSize, options);
}

/** The mean of each window: [N, C, D, H, W] → [N, C, D', H', W']. */
export function avgPool3d(x: Tensor, kernelSize: Triple, options: AvgPool3dOptions = {}): Tensor {
  return avgPool("avgPool3d", x, 3, kernelSize, options);
}
