import { UsageError } from "../base/errors.ts";
import type { Shape } from "../base/shape.ts";
import { conv1d } from "../ops/conv1d.ts";
import { conv2d } from "../ops/conv2d.ts";
import { conv3d } from "../ops/conv3d.ts";
import type {
  Conv1dOptions as Conv1dOpOptions,
  Conv2dOptions as Conv2dOpOptions,
  Conv3dOptions as Conv3dOpOptions,
  ConvOptions,
} from "../ops/convShape.ts";
import { sizesOf, type Pair, type Single, type Triple } from "../ops/windows.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { showArguments } from "./describe.ts";
import { initLayer, type InitScheme } from "./init.ts";
import { Module } from "./module.ts";
import { Parameter } from "./parameter.ts";

/** Options of every layer with a weight and a bias. */
export interface WeightOptions {
  /** Add a bias per output channel; default true. */
  bias?: boolean;
  /** How weights start: as in PyTorch (default) or as in Keras (Glorot uniform, zero bias). */
  init?: InitScheme;
}

export interface Conv1dOptions extends Conv1dOpOptions, WeightOptions {}
export interface Conv2dOptions extends Conv2dOpOptions, WeightOptions {}
export interface Conv3dOptions extends Conv3dOpOptions, WeightOptions {}

/** Throws unless the channel counts are whole, at least 1, and divide into the groups. */
export function checkChannels(who: string, inChannels: number, outChannels: number, groups: number): void {
  const check = (name: string, count: number) => {
    if (Number.isInteger(count) && count >= 1) return;
    throw new UsageError(`${who}: ${name} must be a whole number ≥ 1, got ${String(count)}`);
  };
  check("inChannels", inChannels);
  check("outChannels", outChannels);
  check("groups", groups);
  if (inChannels % groups !== 0 || outChannels % groups !== 0) {
    throw new UsageError(
      `${who}: ${groups} groups must divide both ${inChannels} input and ${outChannels} output channels`,
    );
  }
}

/** A kernel size as people write it: one number where all are equal. */
export function showKernel(kernel: Shape): number | Shape {
  return kernel.every((d) => d === kernel[0]) ? kernel[0]! : kernel;
}

/** Weight [first, second / groups, ...kernel size] and bias of a convolution or a transposed one, checked and filled. */
export function convParameters(
  who: string,
  axes: number,
  [first, second]: readonly [first: number, second: number],
  kernelSize: number | readonly number[],
  { groups = 1, stride = 1, dilation = 1 }: Pick<ConvOptions, "groups" | "stride" | "dilation">,
  { bias = true, init, transposed = false }: WeightOptions & { transposed?: boolean },
): { weight: Parameter; bias: Parameter | null } {
  const [inChannels, outChannels] = transposed ? [first, second] : [second, first];
  checkChannels(who, inChannels, outChannels, groups);
  const kernel = sizesOf(kernelSize, axes, 1, `${who}: kernelSize`);
  sizesOf(stride, axes, 1, `${who}: stride`);
  sizesOf(dilation, axes, 1, `${who}: dilation`);
  const weight = new Parameter([first, second / groups, ...kernel]);
  const biases = bias ? new Parameter([outChannels]) : null;
  initLayer(weight, biases, init);
  return { weight, bias: biases };
}

const USUAL = { stride: 1, padding: 0, paddingMode: "zeros", dilation: 1, groups: 1, bias: true };

/** What the convolution layers share: weight, bias, options. */
abstract class Conv<Options extends ConvOptions> extends Module {
  /** [outChannels, inChannels / groups, ...kernel size] */
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
    const state = convParameters(who, axes, [outChannels, inChannels], kernelSize, options, weights);
    this.weight = state.weight;
    this.bias = state.bias;
    this.options = options;
  }

  override extraRepr(): string {
    const { stride, padding, paddingMode, dilation, groups = 1 } = this.options as ConvOptions;
    const [outChannels, perGroup] = this.weight.shape as readonly [number, number];
    const kernelSize = showKernel(this.weight.shape.slice(2));
    return showArguments(
      [perGroup * groups, outChannels],
      { kernelSize, stride, padding, paddingMode, dilation, groups, bias: this.bias !== null },
      USUAL,
    );
  }
}

/**
 * A 1-D convolution: [N, inChannels, L] → [N, outChannels, L'].
 *
 * @example
 * new nn.Conv1d(16, 32, 3, { padding: "causal", dilation: 4 })
 */
export class Conv1d extends Conv<Conv1dOpOptions> {
  constructor(
    inChannels: number,
    outChannels: number,
    kernelSize: Single,
    { bias, init, ...options }: Conv1dOptions = {},
  ) {
    super("Conv1d", 1, inChannels, outChannels, kernelSize, weightOptions(bias, init), options);
  }

  forward(x: Tensor): Tensor {
    return conv1d(x, this.weight, this.bias, this.options);
  }
}

/**
 * A 2-D convolution: [N, inChannels, H, W] → [N, outChannels, H', W'].
 *
 * @example
 * new nn.Conv2d(64, 128, 3, { stride: 2, padding: 1 })
 */
export class Conv2d extends Conv<Conv2dOpOptions> {
  constructor(
    inChannels: number,
    outChannels: number,
    kernelSize: Pair,
    { bias, init, ...options }: Conv2dOptions = {},
  ) {
    super("Conv2d", 2, inChannels, outChannels, kernelSize, weightOptions(bias, init), options);
  }

  forward(x: Tensor): Tensor {
    return conv2d(x, this.weight, this.bias, this.options);
  }
}

/**
 * A 3-D convolution: [N, inChannels, D, H, W] → [N, outChannels, D', H', W'].
 *
 * @example
 * new nn.Conv3d(3, 16, [1, 3, 3], { padding: [0, 1, 1] })
 */
export class Conv3d extends Conv<Conv3dOpOptions> {
  constructor(
    inChannels: number,
    outChannels: number,
    kernelSize: Triple,
    { bias, init, ...options }: Conv3dOptions = {},
  ) {
    super("Conv3d", 3, inChannels, outChannels, kernelSize, weightOptions(bias, init), options);
  }

  forward(x: Tensor): Tensor {
    return conv3d(x, this.weight, this.bias, this.options);
  }
}

/** Only what was given, for exact optional properties. */
export function weightOptions(bias: boolean | undefined, init: InitScheme | undefined): WeightOptions {
  return { ...(bias === undefined ? {} : { bias }), ...(init === undefined ? {} : { init }) };
}
