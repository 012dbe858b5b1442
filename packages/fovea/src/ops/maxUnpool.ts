import { ShapeError } from "../base/errors.ts";
import { sameShape, showShape, sizeOf } from "../base/shape.ts";
import { ones } from "../tensor/create.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { scatterAdd } from "./gather.ts";
import { reshape } from "./movement.ts";
import { signals, sizesOf, type Pair, type Single, type Triple } from "./windows.ts";

/** Options of an unpooling whose sizes are S. */
export interface MaxUnpoolOptions<S = number | readonly number[]> {
  /** The stride of the pooling; default: its window. */
  stride?: S;
  /** The padding of the pooling; default 0. */
  padding?: S;
  /** The pixel axes of the pooling's input, where it is not (size − 1)·stride − 2·padding + kernel. */
  outputSize?: readonly number[];
}

function maxUnpool(
  who: string,
  x: Tensor,
  indices: Tensor,
  axes: number,
  kernelSize: number | readonly number[],
  options: MaxUnpoolOptions,
): Tensor {
  const { batch, channels, size } = signals(x.shape, axes, who);
  if (indices.dtype !== "int32" || !sameShape(indices.shape, x.shape)) {
    throw new ShapeError(
      `${who}: indices must be int32 ${showShape(x.shape)} like x, got ${indices.dtype} ${showShape(indices.shape)}; ` +
        `use those of maxPool${axes}dWithIndices`,
    );
  }
  const kernel = sizesOf(kernelSize, axes, 1, `${who}: kernelSize`);
  const stride = sizesOf(options.stride ?? kernel, axes, 1, `${who}: stride`);
  const padding = sizesOf(options.padding ?? 0, axes, 0, `${who}: padding`);
  const usual = size.map((d, k) => (d - 1) * stride[k]! - 2 * padding[k]! + kernel[k]!);
  const out = sizesOf(options.outputSize?.slice(-axes) ?? usual, axes, 1, `${who}: output size`);
  const pixels = sizeOf(out);
  const flat = (t: Tensor) => reshape(t, [batch, channels, sizeOf(size)]);
  const add = (t: Tensor) => scatterAdd(t, flat(indices), 2, pixels);
  // Overlapping windows may name one place several times, and it gets their mean: their common value after a pooling.
  const counts = add(ones([batch, channels, sizeOf(size)])).maximum(1);
  return reshape(add(flat(x)).div(counts), [batch, channels, ...out]);
}

/** Puts each value back where its maximum was, zeros elsewhere: [N, C, L'] → [N, C, L]. */
export function maxUnpool1d(
  x: Tensor,
  indices: Tensor,
  kernelSize: Single,
  options: MaxUnpoolOptions<Single> = {},
): Tensor {
  return maxUnpool("maxUnpool1d", x, indices, 1, kernelSize, options);
}

/** Puts each value back where its maximum was, zeros elsewhere: [N, C, H', W'] → [N, C, H, W]. */
export function maxUnpool2d(
  x: Tensor,
  indices: Tensor,
  kernelSize: Pair,
  options: MaxUnpoolOptions<Pair> = {},
): Tensor {
  return maxUnpool("maxUnpool2d", x, indices, 2, kernelSize, options);
}

/** Puts each value back where its maximum was, zeros elsewhere: [N, C, D', H', W'] → [N, C, D, H, W]. */
export function maxUnpool3d(
  x: Tensor,
  indices: Tensor,
  kernelSize: Triple,
  options: MaxUnpoolOptions<Triple> = {},
): Tensor {
  return maxUnpool("maxUnpool3d", x, indices, 3, kernelSize, options);
}
