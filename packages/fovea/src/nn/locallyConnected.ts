import type { Conv1dOptions, Conv2dOptions } from "../ops/convShape.ts";
import { locallyConnected1d, locallyConnected2d, locallyConnectedShapes } from "../ops/locallyConnected.ts";
import { sizesOf, type Pair, type Single } from "../ops/windows.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { checkChannels, showKernel, type WeightOptions } from "./conv.ts";
import { showArguments } from "./describe.ts";
import { uniform } from "./init.ts";
import { Module } from "./module.ts";
import { Parameter } from "./parameter.ts";

export interface LocallyConnected1dOptions extends Conv1dOptions, Omit<WeightOptions, "init"> {}
export interface LocallyConnected2dOptions extends Conv2dOptions, Omit<WeightOptions, "init"> {}

/** Weight and bias of an unshared convolution, filled as PyTorch fills a convolution's. */
function parametersOf(
  axes: 1 | 2,
  inChannels: number,
  outChannels: number,
  inputSize: number | readonly number[],
  kernelSize: number | readonly number[],
  { bias = true, ...options }: LocallyConnected1dOptions | LocallyConnected2dOptions,
): { weight: Parameter; bias: Parameter | null } {
  const who = `LocallyConnected${axes}d`;
  checkChannels(who, inChannels, outChannels, options.groups ?? 1);
  const size = sizesOf(inputSize, axes, 1, `${who}: inputSize`);
  const shapes = locallyConnectedShapes([1, inChannels, ...size], outChannels, kernelSize, options, axes);
  const weight = new Parameter(shapes.weight);
  const fanIn = shapes.weight.slice(axes + 1).reduce((a, d) => a * d, 1);
  const bound = 1 / Math.sqrt(fanIn);
  uniform(weight, -bound, bound);
  return { weight, bias: bias ? uniform(new Parameter(shapes.bias), -bound, bound) : null };
}

const defaults = { stride: 1, padding: 0, paddingMode: "zeros", dilation: 1, groups: 1, bias: true };

/** A 1-D convolution whose kernel differs at every position: [N, inChannels, L] → [N, outChannels, L']. */
export class LocallyConnected1d extends Module {
  /** [L', outChannels, inChannels / groups, kernel] */
  readonly weight: Parameter;
  /** [outChannels, L'] */
  readonly bias: Parameter | null;
  readonly options: Conv1dOptions;

  /** @param inputSize The length of the inputs, which decides how many kernels there are. */
  constructor(
    inChannels: number,
    outChannels: number,
    inputSize: Single,
    kernelSize: Single,
    options: LocallyConnected1dOptions = {},
  ) {
    super();
    const { weight, bias } = parametersOf(1, inChannels, outChannels, inputSize, kernelSize, options);
    const { bias: _, ...rest } = options;
    this.weight = weight;
    this.bias = bias;
    this.options = rest;
  }

  forward(x: Tensor): Tensor {
    return locallyConnected1d(x, this.weight, this.bias, this.options);
  }

  override extraRepr(): string {
    const [length, out, perGroup, kernelSize] = this.weight.shape as readonly [number, number, number, number];
    const given = { outputSize: length, kernelSize, ...this.options, bias: this.bias !== null };
    return showArguments([perGroup * (this.options.groups ?? 1), out], given, defaults);
  }
}

/**
 * A 2-D convolution whose kernel differs at every pixel: [N, inChannels, H, W] → [N, outChannels, H', W'].
 *
 * @example
 * new nn.LocallyConnected2d(16, 32, [8, 8], 3) // 6·6·(3²·16 + 1)·32 parameters
 */
export class LocallyConnected2d extends Module {
  /** [H', W', outChannels, inChannels / groups, kernel height, kernel width] */
  readonly weight: Parameter;
  /** [outChannels, H', W'] */
  readonly bias: Parameter | null;
  readonly options: Conv2dOptions;

  /** @param inputSize [H, W] of the inputs, which decides how many kernels there are. */
  constructor(
    inChannels: number,
    outChannels: number,
    inputSize: Pair,
    kernelSize: Pair,
    options: LocallyConnected2dOptions = {},
  ) {
    super();
    const { weight, bias } = parametersOf(2, inChannels, outChannels, inputSize, kernelSize, options);
    const { bias: _, ...rest } = options;
    this.weight = weight;
    this.bias = bias;
    this.options = rest;
  }

  forward(x: Tensor): Tensor {
    return locallyConnected2d(x, this.weight, this.bias, this.options);
  }

  override extraRepr(): string {
    const [height, width, out, perGroup, ...kernel] = this.weight.shape as readonly [
      number,
      number,
      number,
      number,
      ...number[],
    ];
    const given = {
      outputSize: [height, width],
      kernelSize: showKernel(kernel),
      ...this.options,
      bias: this.bias !== null,
    };
    return showArguments([perGroup * (this.options.groups ?? 1), out], given, defaults);
  }
}
