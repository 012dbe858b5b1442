import { UsageError } from "../base/errors.ts";
import type { Pair, Single } from "../ops/windows.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { Conv1d, Conv2d, type Conv1dOptions, type Conv2dOptions } from "./conv.ts";
import { Module } from "./module.ts";

/** Kernels per input channel of a depthwise convolution. */
export interface MultiplierOptions {
  /** Output channels for every input channel; default 1. */
  multiplier?: number;
}

export interface DepthwiseConv1dOptions extends Omit<Conv1dOptions, "groups">, MultiplierOptions {}
export interface DepthwiseConv2dOptions extends Omit<Conv2dOptions, "groups">, MultiplierOptions {}

function times(who: string, inChannels: number, multiplier = 1): number {
  if (Number.isInteger(multiplier) && multiplier >= 1) return inChannels * multiplier;
  throw new UsageError(`${who}: multiplier must be a whole number ≥ 1, got ${multiplier}`);
}

/** A 1-D convolution of every channel by itself: [N, channels, L] → [N, channels · multiplier, L']. */
export class DepthwiseConv1d extends Conv1d {
  constructor(inChannels: number, kernelSize: Single, { multiplier, ...options }: DepthwiseConv1dOptions = {}) {
    const outChannels = times("DepthwiseConv1d", inChannels, multiplier);
    super(inChannels, outChannels, kernelSize, { ...options, groups: inChannels });
  }
}

/** A 2-D convolution of every channel by itself: [N, channels, H, W] → [N, channels · multiplier, H', W']. */
export class DepthwiseConv2d extends Conv2d {
  constructor(inChannels: number, kernelSize: Pair, { multiplier, ...options }: DepthwiseConv2dOptions = {}) {
    const outChannels = times("DepthwiseConv2d", inChannels, multiplier);
    super(inChannels, outChannels, kernelSize, { ...options, groups: inChannels });
  }
}

/** A depthwise 1-D convolution, then one of length 1: [N, inChannels, L] → [N, outChannels, L']. */
export class SeparableConv1d extends Module {
  readonly depthwise: DepthwiseConv1d;
  readonly pointwise: Conv1d;

  constructor(inChannels: number, outChannels: number, kernelSize: Single, options: DepthwiseConv1dOptions = {}) {
    super();
    const { bias = true, init = "pytorch", multiplier, ...rest } = options;
    const between = times("SeparableConv1d", inChannels, multiplier);
    this.depthwise = new DepthwiseConv1d(inChannels, kernelSize, {
      ...rest,
      init,
      bias: false,
      multiplier: between / inChannels,
    });
    this.pointwise = new Conv1d(between, outChannels, 1, { bias, init });
  }

  forward(x: Tensor): Tensor {
    return this.pointwise.forward(this.depthwise.forward(x));
  }
}

/**
 * A depthwise 2-D convolution, then a 1×1: [N, inChannels, H, W] → [N, outChannels, H', W'].
 *
 * @example
 * new nn.SeparableConv2d(32, 64, 3, { padding: 1, bias: false })
 */
export class SeparableConv2d extends Module {
  readonly depthwise: DepthwiseConv2d;
  readonly pointwise: Conv2d;

  constructor(inChannels: number, outChannels: number, kernelSize: Pair, options: DepthwiseConv2dOptions = {}) {
    super();
    const { bias = true, init = "pytorch", multiplier, ...rest } = options;
    const between = times("SeparableConv2d", inChannels, multiplier);
    this.depthwise = new DepthwiseConv2d(inChannels, kernelSize, {
      ...rest,
      init,
      bias: false,
      multiplier: between / inChannels,
    });
    this.pointwise = new Conv2d(between, outChannels, 1, { bias, init });
  }

  forward(x: Tensor): Tensor {
    return this.pointwise.forward(this.depthwise.forward(x));
  }
}
