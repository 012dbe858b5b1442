import { ShapeError, UsageError } from "../base/errors.ts";
import { sameShape, showShape, type Shape } from "../base/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { conv1dInputGrad } from "./conv1d.ts";
import type { Conv2dAttrs } from "./conv2d.ts";
import { conv2dInputGrad } from "./conv2dInputGrad.ts";
import { conv3dInputGrad } from "./conv3d.ts";
import { checkGroups, type ConvAttrs } from "./convShape.ts";
import { pad, reshape } from "./movement.ts";
import {
  axisName,
  resolvePadding,
  signals,
  sizesOf,
  type Padding,
  type Padding1d,
  type Padding2d,
  type Padding3d,
  type Pair,
  type Side,
  type Single,
  type Triple,
} from "./windows.ts";

/** How a transposed convolution moves; `Size` is a number or one per axis, `Pad` the padding of that many axes. */
export interface ConvTransposeOptions<Size = number | readonly number[], Pad = Padding> {
  /** Pixels of the output from one input pixel's kernel to the next; default 1. */
  stride?: Size;
  /**
   * Pixels cut off around the output: the padding of the convolution that this one transposes, so `"same"` gives
   * size · stride outputs. Default 0.
   */
  padding?: Pad;
  /** Pixels added at the end of each axis, less than the stride or the dilation; default 0. */
  outputPadding?: Size;
  /** The wished output size, instead of `outputPadding`. */
  outputSize?: Size;
  /** Pixels from one kernel cell to the next; default 1. */
  dilation?: Size;
  /** Channels are cut into this many groups that do not see each other; default 1. */
  groups?: number;
}

export type ConvTranspose1dOptions = ConvTransposeOptions<Single, Padding1d>;
export type ConvTranspose2dOptions = ConvTransposeOptions<Pair, Padding2d>;
export type ConvTranspose3dOptions = ConvTransposeOptions<Triple, Padding3d>;

/**
 * Transposed 1-D convolution: the gradient of `conv1d` with respect to its input, used as a layer.
 *
 * @param x [N, inChannels, L]
 * @param weight [inChannels, outChannels / groups, kernel]
 * @param bias [outChannels]
 * @returns [N, outChannels, L'] with L' = (L − 1)·stride − padding + dilation·(kernel − 1) + outputPadding + 1
 */
export function convTranspose1d(
  x: Tensor,
  weight: Tensor,
  bias?: Tensor | null,
  options: ConvTranspose1dOptions = {},
): Tensor {
  return transposed(x, weight, bias, options, 1);
}

/**
 * Transposed 2-D convolution: the gradient of `conv2d` with respect to its input, used as a layer.
 *
 * @param x [N, inChannels, H, W]
 * @param weight [inChannels, outChannels / groups, kernel height, kernel width]
 * @param bias [outChannels]
 * @returns [N, outChannels, H', W'] with H' = (H − 1)·stride − padding + dilation·(kernel − 1) + outputPadding + 1
 */
export function convTranspose2d(
  x: Tensor,
  weight: Tensor,
  bias?: Tensor | null,
  options: ConvTranspose2dOptions = {},
): Tensor {
  return transposed(x, weight, bias, options, 2);
}

/**
 * Transposed 3-D convolution: the gradient of `conv3d` with respect to its input, used as a layer.
 *
 * @param x [N, inChannels, D, H, W]
 * @param weight [inChannels, outChannels / groups, kernel depth, kernel height, kernel width]
 * @param bias [outChannels]
 * @returns [N, outChannels, D', H', W'] with D' = (D − 1)·stride − padding + dilation·(kernel − 1) + outputPadding + 1
 */
export function convTranspose3d(
  x: Tensor,
  weight: Tensor,
  bias?: Tensor | null,
  options: ConvTranspose3dOptions = {},
): Tensor {
  return transposed(x, weight, bias, options, 3);
}

const inputGrads = {
  1: conv1dInputGrad,
  2: (g: Tensor, weight: Tensor, shape: Shape, attrs: ConvAttrs) =>
    conv2dInputGrad(g, weight, shape, attrs as Conv2dAttrs),
  3: conv3dInputGrad,
} as const;

function transposed(
  x: Tensor,
  weight: Tensor,
  bias: Tensor | null | undefined,
  options: ConvTransposeOptions,
  axes: 1 | 2 | 3,
): Tensor {
  const { attrs, shape, beyond } = transposedShape(x.shape, weight.shape, options, axes);
  const channels = shape[1]!;
  if (bias && !sameShape(bias.shape, [channels])) {
    throw new ShapeError(
      `convTranspose${axes}d: bias must be [${channels}], one per output channel, got ${showShape(bias.shape)}`,
    );
  }
  const reached = shape.map((d, k) => (k < 2 ? d : d - beyond[k - 2]!));
  const y = inputGrads[axes](x, weight, reached, attrs);
  const rest = beyond.some((n) => n > 0) ? pad(y, [[0, 0], [0, 0], ...beyond.map((n): Side => [0, n])]) : y;
  return bias ? rest.add(reshape(bias, [1, channels, ...beyond.map(() => 1)])) : rest;
}

/**
 * The shape of a transposed convolution, and the convolution from it to x that is transposed. `beyond` counts the
 * pixels at the end of each axis that no kernel reaches.
 */
export function transposedShape(
  x: Shape,
  weight: Shape,
  options: ConvTransposeOptions,
  axes: 1 | 2 | 3,
): { attrs: ConvAttrs; shape: Shape; beyond: readonly number[] } {
  const who = `convTranspose${axes}d`;
  const { batch, channels, size } = signals(x, axes, who);
  if (weight.length !== axes + 2) {
    const names = ["K", "kH, kW", "kD, kH, kW"][axes - 1];
    throw new ShapeError(
      `${who}: weight must be [inChannels, outChannels / groups, ${names}], got ${showShape(weight)}`,
    );
  }
  const [from, perGroup, ...kernel] = weight as readonly [number, number, ...number[]];
  const { groups = 1 } = options;
  const both = `(x ${showShape(x)}, weight ${showShape(weight)})`;
  checkGroups(groups, channels, perGroup * groups, who, () => ` ${both}`);
  if (channels !== from)
    throw new ShapeError(`${who}: input has ${channels} channels but weight expects ${from} ${both}`);
  sizesOf(kernel, axes, 1, `${who}: kernel size`);
  const stride = sizesOf(options.stride ?? 1, axes, 1, `${who}: stride`);
  const dilation = sizesOf(options.dilation ?? 1, axes, 1, `${who}: dilation`);
  const target = size.map((d, k) => d * stride[k]!);
  const padding = resolvePadding(options.padding ?? 0, target, kernel, { stride, dilation }, who);
  const smallest = size.map((d, k) => {
    const [before, after] = padding[k]!;
    return (d - 1) * stride[k]! - before - after + dilation[k]! * (kernel[k]! - 1) + 1;
  });
  const extra = extraOutputs(options, smallest, stride, dilation, `${who} ${both}`);
  const sizes = smallest.map((d, k) => d + extra[k]!);
  sizes.forEach((d, k) => {
    if (d > 0) return;
    const [before, after] = padding[k]!;
    throw new ShapeError(
      `${who} ${both} leaves no output ${axisName(size, k)}: (${size[k]} − 1)·${stride[k]} − ${before} − ${after} + ` +
        `${dilation[k]}·(${kernel[k]} − 1) + ${extra[k]} + 1 = ${String(d).replace("-", "−")}; use less padding`,
    );
  });
  // Outputs added at the end take the place of padding there; where there is none left, no kernel reaches them, and
  // a convolution over them would find room for one window more than x has when they are as many as the stride.
  const beyond = sizes.map((_, k) => (extra[k]! < stride[k]! ? 0 : Math.max(0, extra[k]! - padding[k]![1])));
  const sides = padding.map(([before, after], k): Side => {
    return extra[k]! < stride[k]! ? [before, after] : [before, Math.max(0, after - extra[k]!)];
  });
  const attrs = { stride, padding: sides, dilation, groups };
  return { attrs, shape: [batch, perGroup * groups, ...sizes], beyond };
}

/** Outputs added at the end of each axis, from either option. */
function extraOutputs(
  { outputPadding, outputSize }: ConvTransposeOptions,
  smallest: readonly number[],
  stride: readonly number[],
  dilation: readonly number[],
  who: string,
): number[] {
  const axes = smallest.length;
  if (outputSize !== undefined) {
    if (outputPadding !== undefined) throw new UsageError(`${who}: give outputPadding or outputSize, not both`);
    const wished = sizesOf(outputSize, axes, 1, `${who}: outputSize`);
    return wished.map((d, k) => {
      const extra = d - smallest[k]!;
      const most = Math.max(stride[k]!, dilation[k]!) - 1;
      if (extra >= 0 && extra <= most) return extra;
      throw new ShapeError(
        `${who}: outputSize ${d} for ${axisName(smallest, k)} is out of reach; ` +
          `with stride ${stride[k]} it can be ${smallest[k]} … ${smallest[k]! + most}`,
      );
    });
  }
  const extra = sizesOf(outputPadding ?? 0, axes, 0, `${who}: outputPadding`);
  extra.forEach((n, k) => {
    if (n < Math.max(stride[k]!, dilation[k]!)) return;
    throw new ShapeError(
      `${who}: outputPadding ${n} must be less than the stride (${stride[k]}) or the dilation (${dilation[k]})`,
    );
  });
  return extra;
}
