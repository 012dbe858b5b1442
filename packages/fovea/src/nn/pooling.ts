import { avgPool2d, type AvgPool2dOptions } from "../ops/avgPool2d.ts";
import { maxPool2d, type MaxPool2dOptions } from "../ops/maxPool2d.ts";
import type { Pair } from "../ops/windows.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { showArguments } from "./describe.ts";
import { Module } from "./module.ts";

/** The largest value of each window: [N, C, H, W] → [N, C, H', W']. The stride defaults to the window. */
export class MaxPool2d extends Module {
  readonly kernelSize: Pair;
  readonly options: MaxPool2dOptions;

  constructor(kernelSize: Pair, options: MaxPool2dOptions = {}) {
    super();
    this.kernelSize = kernelSize;
    this.options = options;
  }

  forward(x: Tensor): Tensor {
    return maxPool2d(x, this.kernelSize, this.options);
  }

  override extraRepr(): string {
    return showArguments([], { kernelSize: this.kernelSize, ...this.options });
  }
}

/** The mean of each window: [N, C, H, W] → [N, C, H', W']. The stride defaults to the window. */
export class AvgPool2d extends Module {
  readonly kernelSize: Pair;
  readonly options: AvgPool2dOptions;

  constructor(kernelSize: Pair, options: AvgPool2dOptions = {}) {
    super();
    this.kernelSize = kernelSize;
    this.options = options;
  }

  forward(x: Tensor): Tensor {
    return avgPool2d(x, this.kernelSize, this.options);
  }

  override extraRepr(): string {
    return showArguments([], { kernelSize: this.kernelSize, ...this.options });
  }
}
