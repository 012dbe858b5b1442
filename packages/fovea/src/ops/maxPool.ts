import { tensor } from "../tensor/create.ts";
import { apply } from "../tensor/apply.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { takeAlongAxis } from "./gather.ts";
import { maxPool2dOps } from "./maxPool2d.ts";
import { reshape } from "./movement.ts";
import type { PoolAttrs } from "./pool.ts";
import {
  asColumns,
  asPlanes,
  poolByPlanes,
  resolvePoolNd,
  volumeSteps,
  type PoolNd,
  type PoolNdOptions,
} from "./poolNd.ts";
import type { Padding, Padding1d, Padding2d, Padding3d, Pair, Single, Triple } from "./windows.ts";

/** Options of a max pooling whose sizes are S and padding P. */
export interface MaxPoolOptions<S = number | readonly number[], P = Padding> {
  /** Distance of neighbouring windows; default: the window, so that windows tile the input. */
  stride?: S;
  /** Border that never wins, smaller than the window; default 0. */
  padding?: P;
  /** Distance of neighbouring elements of a window; default 1. */
  dilation?: S;
  /** Round the number of windows up instead of down, letting the last ones stick out; default false. */
  ceilMode?: boolean;
}

export type MaxPool1dOptions = MaxPoolOptions<Single, Padding1d>;
export type MaxPool3dOptions = MaxPoolOptions<Triple, Padding3d>;

/** The largest value of each window, and where it lies. */
export interface ValuesAndIndices {
  values: Tensor;
  /** int32, same shape: positions in the row-major order of an input map, as PyTorch's `return_indices`. */
  indices: Tensor;
}

const values = (x: Tensor, attrs: PoolAttrs): Tensor => apply(maxPool2dOps.maxPool2d, { x }, attrs);
const places = (x: Tensor, attrs: PoolAttrs): Tensor => apply(maxPool2dOps.maxPool2dIndices, { x }, attrs);

/** The largest value of each window of 1, 2 or 3 axes. */
export function maxPoolNd(x: Tensor, pool: PoolNd): Tensor {
  return poolByPlanes(x, pool, values);
}

/** Where the largest values lie: positions in the row-major order of the input's pixel axes. */
export function maxPoolIndicesNd(x: Tensor, pool: PoolNd): Tensor {
  if (pool.size.length < 3) return poolByPlanes(x, pool, places);
  const [batch, channels] = x.shape as readonly [number, number];
  const [depth, height, width] = pool.size as readonly [number, number, number];
  const [inPlanes, overPlanes] = volumeSteps(pool);
  const planes = asPlanes(x);
  const best = asColumns(values(planes, inPlanes), channels, pool);
  const offsets = tensor(
    Int32Array.from({ length: depth }, (_, d) => d * height * width),
    { shape: [depth, 1] },
  );
  const whole = asColumns(places(planes, inPlanes), channels, pool).add(offsets);
  const flat = (t: Tensor) => reshape(t, [batch, channels, -1]);
  return reshape(takeAlongAxis(flat(whole), flat(places(best, overPlanes)), 2), [batch, channels, ...pool.out]);
}

function withIndices(
  who: string,
  x: Tensor,
  axes: number,
  kernelSize: number | readonly number[],
  options: PoolNdOptions,
): ValuesAndIndices {
  const pool = resolvePoolNd(who, x, axes, kernelSize, options);
  return { values: maxPoolNd(x, pool), indices: maxPoolIndicesNd(x, pool) };
}

/** The largest value of each window: [N, C, L] → [N, C, L']. */
export function maxPool1d(x: Tensor, kernelSize: Single, options: MaxPool1dOptions = {}): Tensor {
  return maxPoolNd(x, resolvePoolNd("maxPool1d", x, 1, kernelSize, options));
}

/** The largest value of each window: [N, C, D, H, W] → [N, C, D', H', W']. */
export function maxPool3d(x: Tensor, kernelSize: Triple, options: MaxPool3dOptions = {}): Tensor {
  return maxPoolNd(x, resolvePoolNd("maxPool3d", x, 3, kernelSize, options));
}

/** `maxPool1d`, and where each maximum lies: what `maxUnpool1d` takes. */
export function maxPool1dWithIndices(x: Tensor, kernelSize: Single, options: MaxPool1dOptions = {}): ValuesAndIndices {
  return withIndices("maxPool1dWithIndices", x, 1, kernelSize, options);
}

/** `maxPool2d`, and where each maximum lies (row · W + column): what `maxUnpool2d` takes. */
export function maxPool2dWithIndices(
  x: Tensor,
  kernelSize: Pair,
  options: MaxPoolOptions<Pair, Padding2d> = {},
): ValuesAndIndices {
  return withIndices("maxPool2dWithIndices", x, 2, kernelSize, options);
}

/** `maxPool3d`, and where each maximum lies ((plane · H + row) · W + column): what `maxUnpool3d` takes. */
export function maxPool3dWithIndices(x: Tensor, kernelSize: Triple, options: MaxPool3dOptions = {}): ValuesAndIndices {
  return withIndices("maxPool3dWithIndices", x, 3, kernelSize, options);
}
