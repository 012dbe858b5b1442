import { ShapeError } from "../base/errors.ts";
import { showShape } from "../base/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { reshape } from "./movement.ts";
import { checkPadding, type PoolAttrs } from "./pool.ts";
import { outputSize, resolvePadding, signals, sizesOf, type Padding, type Side, type Windows } from "./windows.ts";

/** Options of a pooling over any number of axes. */
export interface PoolNdOptions {
  stride?: number | readonly number[];
  padding?: Padding;
  dilation?: number | readonly number[];
  ceilMode?: boolean;
}

/** A pooling over 1, 2 or 3 axes with everything spelled out. */
export interface PoolNd extends Windows {
  readonly kernel: readonly number[];
  readonly ceilMode: boolean;
  /** The pixel axes of the input and of the output. */
  readonly size: readonly number[];
  readonly out: readonly number[];
}

/** Options over `axes` axes of x as a PoolNd, defaults filled in. */
export function resolvePoolNd(
  who: string,
  x: Tensor,
  axes: number,
  kernelSize: number | readonly number[],
  options: PoolNdOptions,
): PoolNd {
  if (x.dtype !== "float32") throw new ShapeError(`${who}: needs float32, got ${x.dtype}`);
  const { size } = signals(x.shape, axes, who);
  const kernel = sizesOf(kernelSize, axes, 1, `${who}: kernelSize`);
  const stride = sizesOf(options.stride ?? kernel, axes, 1, `${who}: stride`);
  const dilation = sizesOf(options.dilation ?? 1, axes, 1, `${who}: dilation`);
  const padding = resolvePadding(options.padding ?? 0, size, kernel, { stride, dilation }, who);
  checkPadding(who, kernel, padding, dilation);
  const ceilMode = options.ceilMode ?? false;
  const describe = () => `${who}: x ${showShape(x.shape)} with window ${showShape(kernel)}`;
  const out = outputSize(size, kernel, { stride, padding, dilation }, ceilMode, describe);
  return { kernel, stride, padding, dilation, ceilMode, size, out };
}

type Two<T> = readonly [T, T];

/** Two axes of a pooling as the attributes of a two-dimensional one; a missing axis has a window of one. */
function pair(pool: PoolNd, first: number | null, second: number | null): PoolAttrs {
  const of = <T>(list: readonly T[], none: T): Two<T> => [
    first === null ? none : list[first]!,
    second === null ? none : list[second]!,
  ];
  return {
    kernel: of(pool.kernel, 1),
    stride: of(pool.stride, 1),
    padding: of<Side>(pool.padding, [0, 0]),
    dilation: of(pool.dilation, 1),
    ceilMode: pool.ceilMode,
  };
}

/** A pooling of pictures: what 1-D and 3-D poolings are made of. */
export type Pool2d = (x: Tensor, attrs: PoolAttrs) => Tensor;

/**
 * A pooling that can be done one axis after another, by one of pictures: signals are pictures of one row; volumes are
 * pooled over rows and columns of each plane, then over planes.
 */
export function poolByPlanes(x: Tensor, pool: PoolNd, pool2d: Pool2d): Tensor {
  const [batch, channels] = x.shape as readonly [number, number];
  const shape = [batch, channels, ...pool.out];
  if (pool.size.length === 1) {
    return reshape(pool2d(reshape(x, [batch, channels, 1, pool.size[0]!]), pair(pool, null, 0)), shape);
  }
  if (pool.size.length === 2) return pool2d(x, pair(pool, 0, 1));
  const planes = pool2d(asPlanes(x), pair(pool, 1, 2));
  return reshape(pool2d(asColumns(planes, channels, pool), pair(pool, 0, null)), shape);
}

/** [N, C, D, H, W] as pictures, one per plane: [N, C·D, H, W]. */
export function asPlanes(x: Tensor): Tensor {
  const [batch, channels, depth, height, width] = x.shape as readonly [number, number, number, number, number];
  return reshape(x, [batch, channels * depth, height, width]);
}

/** Pooled planes [N, C·D, H', W'] as pictures whose rows are planes: [N, C, D, H'·W']. */
export function asColumns(planes: Tensor, channels: number, { size, out }: PoolNd): Tensor {
  return reshape(planes, [planes.shape[0]!, channels, size[0]!, out[1]! * out[2]!]);
}

/** The attributes for the two steps of a volume: over rows and columns, then over planes. */
export function volumeSteps(pool: PoolNd): readonly [PoolAttrs, PoolAttrs] {
  return [pair(pool, 1, 2), pair(pool, 0, null)];
}

/** The attributes of a signal seen as a picture of one row. */
export function signalStep(pool: PoolNd): PoolAttrs {
  return pair(pool, null, 0);
}
