import { ShapeError } from "../base/errors.ts";
import { sameShape, showShape, sizeOf, type Shape } from "../base/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { checkGroups, type Conv1dOptions, type Conv2dOptions, type ConvOptions } from "./convShape.ts";
import { matmul } from "./matmul.ts";
import { permute, reshape } from "./movement.ts";
import { checkPaddingMode, padMode } from "./padding.ts";
import { windowsOf } from "./unfold.ts";
import { outputSize, resolvePadding, signals, sizesOf, type Windows } from "./windows.ts";

/**
 * 1-D convolution without sharing: every output position has a kernel of its own.
 *
 * @param x [N, inChannels, L]
 * @param weight [L', outChannels, inChannels / groups, kernel]
 * @param bias [outChannels, L']
 * @returns [N, outChannels, L']
 */
export function locallyConnected1d(
  x: Tensor,
  weight: Tensor,
  bias?: Tensor | null,
  options: Conv1dOptions = {},
): Tensor {
  return locallyConnected(x, weight, bias, options, 1);
}

/**
 * 2-D convolution without sharing: every output pixel has a kernel of its own.
 *
 * @param x [N, inChannels, H, W]
 * @param weight [H', W', outChannels, inChannels / groups, kernel height, kernel width]
 * @param bias [outChannels, H', W']
 * @returns [N, outChannels, H', W']
 */
export function locallyConnected2d(
  x: Tensor,
  weight: Tensor,
  bias?: Tensor | null,
  options: Conv2dOptions = {},
): Tensor {
  return locallyConnected(x, weight, bias, options, 2);
}

/** Shapes of weight, bias and result of an unshared convolution. */
export function locallyConnectedShapes(
  x: Shape,
  outChannels: number,
  kernelSize: number | readonly number[],
  options: ConvOptions,
  axes: 1 | 2,
): { weight: Shape; bias: Shape; output: Shape; windows: Windows; groups: number } {
  const who = `locallyConnected${axes}d`;
  const { batch, channels, size } = signals(x, axes, who);
  const { groups = 1 } = options;
  checkGroups(groups, channels, outChannels, who);
  const kernel = sizesOf(kernelSize, axes, 1, `${who}: kernel size`);
  const stride = sizesOf(options.stride ?? 1, axes, 1, `${who}: stride`);
  const dilation = sizesOf(options.dilation ?? 1, axes, 1, `${who}: dilation`);
  const padding = resolvePadding(options.padding ?? 0, size, kernel, { stride, dilation }, who);
  const windows = { stride, padding, dilation };
  const describe = () => `${who}: x ${showShape(x)} with window ${showShape(kernel)}`;
  const places = outputSize(size, kernel, windows, false, describe);
  return {
    weight: [...places, outChannels, channels / groups, ...kernel],
    bias: [outChannels, ...places],
    output: [batch, outChannels, ...places],
    windows,
    groups,
  };
}

function locallyConnected(
  x: Tensor,
  weight: Tensor,
  bias: Tensor | null | undefined,
  options: ConvOptions,
  axes: 1 | 2,
): Tensor {
  const who = `locallyConnected${axes}d`;
  if (weight.rank !== 2 * axes + 2) {
    throw new ShapeError(
      `${who}: weight must be [...output size, outChannels, inChannels / groups, ...kernel size] of rank ` +
        `${2 * axes + 2}, got ${showShape(weight.shape)}`,
    );
  }
  const outChannels = weight.shape[axes]!;
  const kernel = weight.shape.slice(axes + 2);
  const shapes = locallyConnectedShapes(x.shape, outChannels, kernel, options, axes);
  const { windows, groups } = shapes;
  if (!sameShape(weight.shape, shapes.weight)) {
    throw new ShapeError(
      `${who}: x ${showShape(x.shape)} wants a weight ${showShape(shapes.weight)} (one kernel per output position), ` +
        `got ${showShape(weight.shape)}`,
    );
  }
  if (bias && !sameShape(bias.shape, shapes.bias)) {
    throw new ShapeError(
      `${who}: bias must be ${showShape(shapes.bias)}, one per output, got ${showShape(bias.shape)}`,
    );
  }
  const mode = options.paddingMode ?? "zeros";
  checkPaddingMode(mode, who);
  const around = mode === "zeros" ? x : padMode(x, windows.padding, mode);
  const inside = mode === "zeros" ? windows : { ...windows, padding: windows.padding.map(() => [0, 0] as const) };
  const [batch, channels] = x.shape as readonly [number, number, ...number[]];
  const cells = windowsOf(around, around.shape.slice(2), kernel, inside, who); // [N, C, cells, places]
  const depth = (channels / groups) * sizeOf(kernel);
  const places = cells.shape[3]!;
  // Every place and group is a matrix product of its own: [N, depth] · [depth, outChannels / groups].
  const columns = permute(reshape(cells, [batch, groups, depth, places]), [3, 1, 0, 2]);
  const kernels = reshape(weight, [places, groups, outChannels / groups, depth]);
  const y = matmul(columns, kernels, { transposeB: true }); // [places, groups, N, outChannels / groups]
  const together = reshape(permute(y, [2, 1, 3, 0]), shapes.output);
  return bias ? together.add(bias) : together;
}
