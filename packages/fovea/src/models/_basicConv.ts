import { BatchNorm2d } from "../nn/batchNorm.ts";
import { Conv2d, type Conv2dOptions } from "../nn/conv.ts";
import { Module } from "../nn/module.ts";
import type { Pair } from "../ops/windows.ts";
import { tensor } from "../tensor/create.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** What Inception networks are made of: a convolution without bias, batch normalisation (ε 0.001), ReLU. */
export class BasicConv2d extends Module {
  readonly conv: Conv2d;
  readonly bn: BatchNorm2d;

  constructor(
    inChannels: number,
    outChannels: number,
    kernelSize: Pair,
    options: Conv2dOptions = {},
    { scale = true } = {},
  ) {
    super();
    this.conv = new Conv2d(inChannels, outChannels, kernelSize, { ...options, bias: false });
    this.bn = new BatchNorm2d(outChannels, { eps: 0.001, scale });
  }

  forward(x: Tensor): Tensor {
    return this.bn.forward(this.conv.forward(x)).relu();
  }
}

const MEAN = [0.485, 0.456, 0.406];
const STD = [0.229, 0.224, 0.225];

/** Images standardised with ImageNet's mean and deviation, turned to the range −1 … 1 that weights from TensorFlow want. */
export function fromTensorFlow(x: Tensor): Tensor {
  const perChannel = (values: readonly number[]) => tensor(values, { shape: [1, 3, 1, 1] });
  return x.mul(perChannel(STD.map((s) => s / 0.5))).add(perChannel(MEAN.map((m) => (m - 0.5) / 0.5)));
}
