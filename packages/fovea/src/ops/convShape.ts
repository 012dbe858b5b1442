import { ShapeError } from "../base/errors.ts";
import { showShape, type Shape } from "../base/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { checkPaddingMode, padMode, type PaddingMode } from "./padding.ts";
import {
  channelsLastHint,
  checkWindows,
  outputSize,
  resolvePadding,
  signals,
  sizesOf,
  type Padding,
  type Padding1d,
  type Padding2d,
  type Padding3d,
  type Pair,
  type Single,
  type Triple,
  type Windows,
} from "./windows.ts";

/** A convolution over any number of axes, everything spelled out. */
export type ConvAttrs = Windows & { readonly groups: number };

/** How a convolution moves; `Size` is a number or one per axis, `Pad` the padding of that many axes. */
export interface ConvOptions<Size = number | readonly number[], Pad = Padding> {
  /** Pixels from one position of the kernel to the next; default 1. */
  stride?: Size;
  /** Pixels around the picture, in numbers or by a rule; default 0. */
  padding?: Pad;
  /** What these pixels are; default `"zeros"`. */
  paddingMode?: PaddingMode;
  /** Pixels from one kernel cell to the next; default 1. */
  dilation?: Size;
  /** Channels are cut into this many groups that do not see each other; default 1. */
  groups?: number;
}

export type Conv1dOptions = ConvOptions<Single, Padding1d>;
export type Conv2dOptions = ConvOptions<Pair, Padding2d>;
export type Conv3dOptions = ConvOptions<Triple, Padding3d>;

const weights = ["K", "kH, kW", "kD, kH, kW"] as const;

/** Output channels, channels per group and kernel of a weight; throws unless it has `axes` kernel axes. */
export function kernelOf(weight: Shape, axes: number, who: string) {
  if (weight.length !== axes + 2) {
    throw new ShapeError(
      `${who}: weight must be [outChannels, inChannels / groups, ${weights[axes - 1]}], got ${showShape(weight)}`,
    );
  }
  return { out: weight[0]!, perGroup: weight[1]!, kernel: weight.slice(2) };
}

/** Throws unless groups is a whole number ≥ 1 that divides both channel counts. */
export function checkGroups(groups: number, input: number, output: number, who: string, both = () => ""): void {
  if (!Number.isInteger(groups) || groups < 1) {
    throw new ShapeError(`${who}: groups must be a whole number ≥ 1, got ${groups}`);
  }
  if (input % groups !== 0 || output % groups !== 0) {
    throw new ShapeError(
      `${who}: ${input} input and ${output} output channels do not divide into ${groups} groups${both()}`,
    );
  }
}

/** The shape of a convolution's result over any number of axes, with everything that can be wrong checked. */
export function convShape(x: Shape, weight: Shape, attrs: ConvAttrs, axes: number, who: string): number[] {
  const { batch, channels, size } = signals(x, axes, who);
  const { out, perGroup, kernel } = kernelOf(weight, axes, who);
  const { groups } = attrs;
  const both = () => `(x ${showShape(x)}, weight ${showShape(weight)})`;
  checkGroups(groups, channels, out, who, () => ` ${both()}`);
  if (channels !== perGroup * groups) {
    const each = groups > 1 ? ` (${perGroup} in each of ${groups} groups)` : "";
    throw new ShapeError(
      `${who}: input has ${channels} channels but weight expects ${perGroup * groups}${each} ${both()}` +
        (channelsLastHint(x, perGroup * groups) || `; for this x, inChannels should be ${channels}`),
    );
  }
  checkWindows(kernel, attrs, who);
  return [batch, out, ...outputSize(size, kernel, attrs, false, () => `${who} ${both()}`)];
}

/**
 * Options as attributes, defaults filled in and checked; whether they fit the shapes, `convShape` says. Padding that is not
 * zeros is put around x here, so that what remains is a convolution without padding.
 */
export function prepareConv(
  x: Tensor,
  weight: Tensor,
  options: ConvOptions,
  axes: number,
  who: string,
): { x: Tensor; attrs: ConvAttrs } {
  const { attrs, mode, padded } = resolveConv(x.shape, weight.shape, options, axes, who);
  if (mode === "zeros") return { x, attrs };
  const inside = { ...attrs, padding: none(axes) };
  convShape(padded, weight.shape, inside, axes, who); // before the work of padding
  return { x: padMode(x, attrs.padding, mode), attrs: inside };
}

/** Options as attributes, without a tensor; `padded` is the shape of x with its padding. */
export function resolveConv(x: Shape, weight: Shape, options: ConvOptions, axes: number, who: string) {
  const { batch, channels, size } = signals(x, axes, who);
  const { kernel } = kernelOf(weight, axes, who);
  sizesOf(kernel, axes, 1, `${who}: kernel size`);
  const stride = sizesOf(options.stride ?? 1, axes, 1, `${who}: stride`);
  const dilation = sizesOf(options.dilation ?? 1, axes, 1, `${who}: dilation`);
  const padding = resolvePadding(options.padding ?? 0, size, kernel, { stride, dilation }, who);
  const mode = options.paddingMode ?? "zeros";
  checkPaddingMode(mode, who);
  const attrs: ConvAttrs = { stride, padding, dilation, groups: options.groups ?? 1 };
  const padded = [batch, channels, ...size.map((d, k) => d + padding[k]![0] + padding[k]![1])];
  return { attrs, mode, padded };
}

const none = (axes: number) => Array.from({ length: axes }, () => [0, 0] as const);
