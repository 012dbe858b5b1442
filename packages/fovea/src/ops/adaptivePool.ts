import { ShapeError } from "../base/errors.ts";
import { showShape, sizeOf } from "../base/shape.ts";
import { tensor } from "../tensor/create.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { alongAxis } from "./alongAxis.ts";
import { avgPoolNd } from "./avgPool.ts";
import { indexSelect } from "./gather.ts";
import { lpNormPixels } from "./lpPool.ts";
import { maxPoolIndicesNd, maxPoolNd, type ValuesAndIndices } from "./maxPool.ts";
import { reshape } from "./movement.ts";
import type { PoolNd } from "./poolNd.ts";
import { signals, sizesOf, type Pair, type Single, type Triple } from "./windows.ts";

/** A size per axis; null keeps the input's. */
export type OutputPair = Pair | readonly [number | null, number | null];
export type OutputTriple = Triple | readonly [number | null, number | null, number | null];

/** Where bin k of an axis begins and ends: ⌊k·size/out⌋ and ⌈(k + 1)·size/out⌉, as in PyTorch. Bins may overlap. */
function bin(k: number, size: number, out: number): [start: number, end: number] {
  return [Math.floor((k * size) / out), Math.ceil(((k + 1) * size) / out)];
}

function outputSizes(who: string, x: Tensor, axes: number, wanted: number | readonly (number | null)[]): number[] {
  const { size } = signals(x.shape, axes, who);
  if (size.includes(0)) throw new ShapeError(`${who}: ${showShape(x.shape)} has no pixels to choose from`);
  const list = typeof wanted === "number" ? wanted : wanted.map((d, k) => d ?? size[k]!);
  return sizesOf(list, axes, 1, `${who}: output size`);
}

/** Windows of the given size that tile an input. */
function tiles(kernel: readonly number[], out: readonly number[]): PoolNd {
  const size = out.map((d, k) => d * kernel[k]!);
  const none = kernel.map(() => [0, 0] as const);
  return { kernel, stride: kernel, padding: none, dilation: kernel.map(() => 1), ceilMode: false, size, out };
}

/** Means over bins, for pixel axes of any sizes. A bin is a box, so its mean is taken one axis after another. */
export function adaptiveAvgPool(who: string, x: Tensor, out: readonly number[]): Tensor {
  if (x.dtype !== "float32") throw new ShapeError(`${who}: needs float32, got ${x.dtype}`);
  const size = x.shape.slice(2);
  if (out.every((d, k) => d === size[k])) return x;
  if (out.every((d) => d === 1))
    return x.mean(
      size.map((_, k) => 2 + k),
      true,
    );
  if (out.every((d, k) => size[k]! % d === 0)) {
    return avgPoolNd(
      x,
      tiles(
        out.map((d, k) => size[k]! / d),
        out,
      ),
      false,
    );
  }
  return out.reduce((y, d, k) => {
    const taps = Array.from({ length: d }, (_, i) => {
      const [start, end] = bin(i, size[k]!, d);
      const from = Array.from({ length: end - start }, (_v, j) => start + j);
      return { from, weights: from.map(() => 1 / from.length) };
    });
    return alongAxis(y, 2 + k, taps);
  }, x);
}

/** Bins of any sizes as windows of one size that tile: shorter bins repeat their last pixel, which changes no maximum. */
function evenBins(x: Tensor, out: readonly number[]): { even: Tensor; pool: PoolNd; from: number[][] } {
  const size = x.shape.slice(2);
  const kernel = out.map((d, k) => {
    const widths = Array.from({ length: d }, (_, i) => bin(i, size[k]!, d)).map(([start, end]) => end - start);
    return Math.max(...widths);
  });
  const from = out.map((d, k) =>
    Array.from({ length: d * kernel[k]! }, (_, i) => {
      const [start, end] = bin(Math.floor(i / kernel[k]!), size[k]!, d);
      return Math.min(start + (i % kernel[k]!), end - 1);
    }),
  );
  const even = from.reduce((y, list, k) => {
    const same = list.length === size[k] && list.every((v, i) => v === i);
    return same ? y : indexSelect(y, tensor(Int32Array.from(list)), 2 + k);
  }, x);
  return { even, pool: tiles(kernel, out), from };
}

function adaptiveMaxPool(who: string, x: Tensor, axes: number, wanted: number | readonly (number | null)[]): Tensor {
  const { even, pool } = evenBins(x, outputSizes(who, x, axes, wanted));
  return maxPoolNd(even, pool);
}

function adaptiveMaxPoolWithIndices(
  who: string,
  x: Tensor,
  axes: number,
  wanted: number | readonly (number | null)[],
): ValuesAndIndices {
  const { even, pool, from } = evenBins(x, outputSizes(who, x, axes, wanted));
  const indices = maxPoolIndicesNd(even, pool);
  // Positions in the repeated pixels back to positions in x.
  let original = [0];
  from.forEach((list, k) => {
    original = original.flatMap((lead) => list.map((i) => lead * x.shape[2 + k]! + i));
  });
  const found = indexSelect(tensor(Int32Array.from(original)), reshape(indices, [sizeOf(indices.shape)]));
  return { values: maxPoolNd(even, pool), indices: reshape(found, indices.shape) };
}

/** Means over `outputSize` bins that cover the input whatever its size: [N, C, L] → [N, C, outputSize]. */
export function adaptiveAvgPool1d(x: Tensor, outputSize: Single): Tensor {
  return adaptiveAvgPool("adaptiveAvgPool1d", x, outputSizes("adaptiveAvgPool1d", x, 1, outputSize));
}

/** Means over bins that cover the picture whatever its size: [N, C, H, W] → [N, C, ...outputSize]. null keeps a size. */
export function adaptiveAvgPool2d(x: Tensor, outputSize: OutputPair): Tensor {
  return adaptiveAvgPool("adaptiveAvgPool2d", x, outputSizes("adaptiveAvgPool2d", x, 2, outputSize));
}

/** Means over bins that cover the volume whatever its size: [N, C, D, H, W] → [N, C, ...outputSize]. */
export function adaptiveAvgPool3d(x: Tensor, outputSize: OutputTriple): Tensor {
  return adaptiveAvgPool("adaptiveAvgPool3d", x, outputSizes("adaptiveAvgPool3d", x, 3, outputSize));
}

/** Maxima over `outputSize` bins that cover the input whatever its size: [N, C, L] → [N, C, outputSize]. */
export function adaptiveMaxPool1d(x: Tensor, outputSize: Single): Tensor {
  return adaptiveMaxPool("adaptiveMaxPool1d", x, 1, outputSize);
}

/** Maxima over bins that cover the picture whatever its size: [N, C, H, W] → [N, C, ...outputSize]. null keeps a size. */
export function adaptiveMaxPool2d(x: Tensor, outputSize: OutputPair): Tensor {
  return adaptiveMaxPool("adaptiveMaxPool2d", x, 2, outputSize);
}

/** Maxima over bins that cover the volume whatever its size: [N, C, D, H, W] → [N, C, ...outputSize]. */
export function adaptiveMaxPool3d(x: Tensor, outputSize: OutputTriple): Tensor {
  return adaptiveMaxPool("adaptiveMaxPool3d", x, 3, outputSize);
}

/** `adaptiveMaxPool1d`, and where each maximum lies. */
export function adaptiveMaxPool1dWithIndices(x: Tensor, outputSize: Single): ValuesAndIndices {
  return adaptiveMaxPoolWithIndices("adaptiveMaxPool1dWithIndices", x, 1, outputSize);
}

/** `adaptiveMaxPool2d`, and where each maximum lies (row · W + column). */
export function adaptiveMaxPool2dWithIndices(x: Tensor, outputSize: OutputPair): ValuesAndIndices {
  return adaptiveMaxPoolWithIndices("adaptiveMaxPool2dWithIndices", x, 2, outputSize);
}

/** `adaptiveMaxPool3d`, and where each maximum lies ((plane · H + row) · W + column). */
export function adaptiveMaxPool3dWithIndices(x: Tensor, outputSize: OutputTriple): ValuesAndIndices {
  return adaptiveMaxPoolWithIndices("adaptiveMaxPool3dWithIndices", x, 3, outputSize);
}

/** All axes after the channels; throws where there are none. */
function pixelAxes(who: string, x: Tensor): number[] {
  if (x.rank < 3) throw new ShapeError(`${who}: needs [N, C, …] with pixel axes, got ${showShape(x.shape)}`);
  return x.shape.flatMap((_, k) => (k < 2 ? [] : [k]));
}

/** The mean of every channel's pixels, whatever their number: [N, C, …] → [N, C, 1, …]. */
export function globalAvgPool(x: Tensor): Tensor {
  return x.mean(pixelAxes("globalAvgPool", x), true);
}

/** The largest of every channel's pixels: [N, C, …] → [N, C, 1, …]. Equal maxima share the gradient. */
export function globalMaxPool(x: Tensor): Tensor {
  return x.max(pixelAxes("globalMaxPool", x), true);
}

/** (Σ |x|^p)^(1/p) over every channel's pixels: [N, C, …] → [N, C, 1, …]. */
export function globalLpPool(x: Tensor, p = 2): Tensor {
  pixelAxes("globalLpPool", x);
  return lpNormPixels(x, p);
}
