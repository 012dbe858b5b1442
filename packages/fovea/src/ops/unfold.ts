import { ShapeError } from "../base/errors.ts";
import { rowMajorStrides, showShape, sizeOf } from "../base/shape.ts";
import { fromHost } from "../tensor/create.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { indexAdd, indexSelect } from "./gather.ts";
import { pad, reshape, slice } from "./movement.ts";
import { checkWindows, outputSize, resolvePadding, sizesOf, type Padding, type Side, type Windows } from "./windows.ts";

/** How windows are cut out of a picture. */
export interface UnfoldOptions {
  /** Pixels from one window to the next; default 1. */
  stride?: number | readonly number[];
  /** Zeros around the picture; default 0. */
  padding?: Padding;
  /** Pixels between neighbours in a window; default 1. */
  dilation?: number | readonly number[];
}

/**
 * The windows of a convolution as columns (im2col): [N, C, ...size] → [N, C · kernel cells, windows].
 *
 * A convolution is then one matrix product. Works in 1-D, 2-D and 3-D.
 */
export function unfold(x: Tensor, kernelSize: number | readonly number[], options: UnfoldOptions = {}): Tensor {
  const { size, kernel, windows } = resolve("unfold", x.shape.slice(2), kernelSize, options);
  const columns = windowsOf(x, size, kernel, windows, `unfold: x ${showShape(x.shape)}`);
  return reshape(columns, [x.shape[0]!, x.shape[1]! * sizeOf(kernel), columns.shape[3]!]);
}

/**
 * The adjoint of `unfold` (col2im): each window's cells are added to where they came from.
 *
 * @param x [N, C · kernel cells, windows]
 * @param outputSize The picture's size, without batch and channels.
 */
export function fold(
  x: Tensor,
  outputSize: readonly number[],
  kernelSize: number | readonly number[],
  options: UnfoldOptions = {},
): Tensor {
  const { size, kernel, windows } = resolve("fold", outputSize, kernelSize, options);
  const { taps, count, padded } = tapsOf(size, kernel, windows, `fold: x ${showShape(x.shape)}`);
  const [n, rows, columns] = x.shape as readonly [number, number, number];
  const cells = sizeOf(kernel);
  if (x.rank !== 3 || rows % cells !== 0 || columns !== count) {
    throw new ShapeError(
      `fold: x must be [N, C · ${cells}, ${count}] for a picture of ${showShape(size)} under a kernel of ` +
        `${showShape(kernel)}, got ${showShape(x.shape)}`,
    );
  }
  const channels = rows / cells;
  const flat = indexAdd(reshape(x, [n, channels, cells * columns]), taps, 2, sizeOf(padded));
  const full = reshape(flat, [n, channels, ...padded]);
  const starts = windows.padding.map(([before]) => before);
  return slice(full, [0, 0, ...starts], [n, channels, ...starts.map((before, k) => before + size[k]!)]);
}

/** The cells under every window: [N, C, kernel cells, windows]. */
export function windowsOf(
  x: Tensor,
  size: readonly number[],
  kernel: readonly number[],
  windows: Windows,
  who: string,
): Tensor {
  const { taps, count, padded } = tapsOf(size, kernel, windows, who);
  const [n, channels] = x.shape as readonly [number, number, ...number[]];
  const none: Side = [0, 0];
  const full = windows.padding.some(([a, b]) => a + b > 0) ? pad(x, [none, none, ...windows.padding]) : x;
  const cells = indexSelect(reshape(full, [n, channels, sizeOf(padded)]), taps, 2);
  return reshape(cells, [n, channels, sizeOf(kernel), count]);
}

/** Positions in the padded picture of every kernel cell in every window, window fastest. */
function tapsOf(size: readonly number[], kernel: readonly number[], windows: Windows, who: string) {
  const { stride, padding, dilation } = windows;
  const outputs = outputSize(size, kernel, windows, false, () => `${who} with window ${showShape(kernel)}`);
  const padded = size.map((d, k) => d + padding[k]![0] + padding[k]![1]);
  const [cells, count] = [sizeOf(kernel), sizeOf(outputs)];
  const [cellStrides, windowStrides, strides] = [kernel, outputs, padded].map(rowMajorStrides) as [
    number[],
    number[],
    number[],
  ];
  const taps = new Int32Array(cells * count);
  for (let cell = 0; cell < cells; cell++) {
    for (let window = 0; window < count; window++) {
      let position = 0;
      for (let k = 0; k < size.length; k++) {
        const from = (Math.floor(window / windowStrides[k]!) % outputs[k]!) * stride[k]!;
        const by = (Math.floor(cell / cellStrides[k]!) % kernel[k]!) * dilation[k]!;
        position += (from + by) * strides[k]!;
      }
      taps[cell * count + window] = position;
    }
  }
  return { taps: fromHost(taps, [taps.length], "int32"), count, padded };
}

function resolve(
  who: string,
  size: readonly number[],
  kernelSize: number | readonly number[],
  { stride = 1, padding = 0, dilation = 1 }: UnfoldOptions,
) {
  const axes = size.length;
  if (axes < 1 || axes > 3) throw new ShapeError(`${who}: pictures have 1 to 3 axes after [N, C], here ${axes}`);
  const kernel = sizesOf(kernelSize, axes, 1, `${who}: kernelSize`);
  const moves = {
    stride: sizesOf(stride, axes, 1, `${who}: stride`),
    dilation: sizesOf(dilation, axes, 1, `${who}: dilation`),
  };
  const windows: Windows = { ...moves, padding: resolvePadding(padding, size, kernel, moves, who) };
  checkWindows(kernel, windows, who);
  return { size: [...size], kernel, windows };
}
