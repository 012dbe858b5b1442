/** Blocks that several families of torchvision share, named as there. */
import { BatchNorm2d, type BatchNormOptions } from "../nn/batchNorm.ts";
import { Conv2d } from "../nn/conv.ts";
import { Hardsigmoid } from "../nn/hardActivation.ts";
import { ReLU, Sigmoid } from "../nn/activation.ts";
import { kaimingNormal, zeros } from "../nn/init.ts";
import { Linear } from "../nn/linear.ts";
import { Module } from "../nn/module.ts";
import { Sequential } from "../nn/sequential.ts";
import type { Tensor } from "../tensor/tensor.ts";

export interface ConvNormOptions {
  /** Default 1. */
  stride?: number;
  /** Default 1. */
  groups?: number;
  /** Follows the normalisation; default nothing. */
  activation?: (new () => Module) | null;
  /** Of the normalisation. */
  norm?: BatchNormOptions;
}

/** A convolution that keeps the size (divided by the stride), batch normalisation, an activation. */
export function convNorm(
  inChannels: number,
  outChannels: number,
  kernelSize: number,
  { stride = 1, groups = 1, activation = null, norm = {} }: ConvNormOptions = {},
): Sequential {
  return new Sequential(
    new Conv2d(inChannels, outChannels, kernelSize, { stride, padding: (kernelSize - 1) / 2, groups, bias: false }),
    new BatchNorm2d(outChannels, norm),
    ...(activation === null ? [] : [new activation()]),
  );
}

/** Scales every channel by what the means of all channels say (Hu, Shen, Sun, 2017), https://arxiv.org/abs/1709.01507 */
export class SqueezeExcitation extends Module {
  readonly fc1: Conv2d;
  readonly fc2: Conv2d;
  readonly activation: Module;
  readonly scaleActivation: Module;

  constructor(
    channels: number,
    squeezed: number,
    activation: new () => Module = ReLU,
    scaleActivation: typeof Sigmoid | typeof Hardsigmoid = Sigmoid,
  ) {
    super();
    this.fc1 = new Conv2d(channels, squeezed, 1);
    this.fc2 = new Conv2d(squeezed, channels, 1);
    this.activation = new activation();
    this.scaleActivation = new scaleActivation();
  }

  forward(x: Tensor): Tensor {
    const squeezed = this.activation.forward(this.fc1.forward(x.mean([2, 3], true))); // [N, squeezed, 1, 1]
    return x.mul(this.scaleActivation.forward(this.fc2.forward(squeezed)));
  }
}

/** The nearest multiple of `divisor`, but not less than nine tenths of the width. */
export function divisible(width: number, divisor = 8): number {
  const rounded = Math.max(divisor, Math.floor((width + divisor / 2) / divisor) * divisor);
  return rounded < 0.9 * width ? rounded + divisor : rounded;
}

/** Convolutions start by He's rule for outputs, biases at zero, linear layers as `linear` says. */
export function initConvNet(network: Module, linear: (weight: Tensor) => void): void {
  for (const module of network.namedModules().values()) {
    if (module instanceof Conv2d) kaimingNormal(module.weight, { mode: "fanOut" });
    else if (module instanceof Linear) linear(module.weight);
    else continue;
    if (module.bias !== null) zeros(module.bias);
  }
}
