import {
  convTranspose1d,
  convTranspose2d,
  convTranspose3d,
  type ConvTranspose1dOptions as Transpose1dOpOptions,
  type ConvTranspose2dOptions as Transpose2dOpOptions,
  type ConvTranspose3dOptions as Transpose3dOpOptions,
  type ConvTransposeOptions,
} from "../ops/convTranspose.ts";
import type { Pair, Single, Triple } from "../ops/windows.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { convParameters, showKernel, weightOptions, type WeightOptions } from "./conv.ts";
import { showArguments } from "./describe.ts";
import { Module } from "./module.ts";
import { Parameter } from "./parameter.ts";

export interface ConvTranspose1dOptions extends Omit<Transpose1dOpOptions, "outputSize">, WeightOptions {}
export interface ConvTranspose2dOptions extends Omit<Transpose2dOpOptions, "outputSize">, WeightOptions {}
export interface ConvTranspose3dOptions extends Omit<Transpose3dOpOptions, "outputSize">, WeightOptions {}

/** What the transposed convolution layers share: weight, bias, options. */
abstract class ConvTranspose<Size, Options extends ConvTransposeOptions> extends Module<
  [x: Tensor, outputSize?: Size | undefined]
> {
  /** [inChannels, outChannels / groups, ...kernel size] */
  readonly weight: Parameter;
  /** [outChannels] */
  readonly bias: Parameter | null;
  readonly options: Options;

  constructor(
    who: string,
    axes: number,
    inChannels: number,
    outChannels: number,
    kernelSize: number | readonly number[],
    weights: WeightOptions,
    options: Options,
  ) {
    super();
    const how = { ...weights, transposed: true };
    const state = convParameters(who, axes, [inChannels, outChannels], kernelSize, options, how);
    this.weight = state.weight;
    this.bias = state.bias;
    this.options = options;
  }

  override extraRepr(): string {
    const [inChannels, perGroup, ...kernel] = this.weight.shape as readonly [number, number, ...number[]];
    return showArguments(
      [inChannels, perGroup * (this.options.groups ?? 1)],
      { kernelSize: showKernel(kernel), ...(this.options as ConvTransposeOptions), bias: this.bias !== null },
      { stride: 1, padding: 0, outputPadding: 0, dilation: 1, groups: 1, bias: true },
    );
  }
}

/** A call's options: the layer's, with `outputSize` in place of `outputPadding` where it is given. */
function wishing<O extends { outputPadding?: S }, S>(options: O, outputSize: S | undefined) {
  if (outputSize === undefined) return options;
  const { outputPadding: _, ...rest } = options;
  return { ...rest, outputSize };
}

/**
 * A transposed 1-D convolution: [N, inChannels, L] → [N, outChannels, L'].
 *
 * @example
 * new nn.ConvTranspose1d(32, 16, 4, { stride: 2, padding: 1 }) // twice the length
 */
export class ConvTranspose1d extends ConvTranspose<Single, Omit<Transpose1dOpOptions, "outputSize">> {
  constructor(
    inChannels: number,
    outChannels: number,
    kernelSize: Single,
    { bias, init, ...options }: ConvTranspose1dOptions = {},
  ) {
    super("ConvTranspose1d", 1, inChannels, outChannels, kernelSize, weightOptions(bias, init), options);
  }

  /** @param outputSize The wished length, where the stride leaves a choice. */
  forward(x: Tensor, outputSize?: Single): Tensor {
    return convTranspose1d(x, this.weight, this.bias, wishing(this.options, outputSize));
  }
}

/**
 * A transposed 2-D convolution: [N, inChannels, H, W] → [N, outChannels, H', W'].
 *
 * @example
 * new nn.ConvTranspose2d(128, 64, 2, { stride: 2 }) // U-Net's way up
 */
export class ConvTranspose2d extends ConvTranspose<Pair, Omit<Transpose2dOpOptions, "outputSize">> {
  constructor(
    inChannels: number,
    outChannels: number,
    kernelSize: Pair,
    { bias, init, ...options }: ConvTranspose2dOptions = {},
  ) {
    super("ConvTranspose2d", 2, inChannels, outChannels, kernelSize, weightOptions(bias, init), options);
  }

  /** @param outputSize The wished [H', W'], where the stride leaves a choice. */
  forward(x: Tensor, outputSize?: Pair): Tensor {
    return convTranspose2d(x, this.weight, this.bias, wishing(this.options, outputSize));
  }
}

/** A transposed 3-D convolution: [N, inChannels, D, H, W] → [N, outChannels, D', H', W']. */
export class ConvTranspose3d extends ConvTranspose<Triple, Omit<Transpose3dOpOptions, "outputSize">> {
  constructor(
    inChannels: number,
    outChannels: number,
    kernelSize: Triple,
    { bias, init, ...options }: ConvTranspose3dOptions = {},
  ) {
    super("ConvTranspose3d", 3, inChannels, outChannels, kernelSize, weightOptions(bias, init), options);
  }

  /** @param outputSize The wished [D', H', W'], where the stride leaves a choice. */
  forward(x: Tensor, outputSize?: Triple): Tensor {
    return convTranspose3d(x, this.weight, this.bias, wishing(this.options, outputSize));
  }
}
