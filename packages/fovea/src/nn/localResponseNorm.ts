import { localResponseNorm, type LocalResponseNormOptions } from "../ops/localResponseNorm.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { showArguments } from "./describe.ts";
import { Module } from "./module.ts";

/**
 * x / (k + α/size · Σ x²)^β over `size` neighbouring channels: [N, C, …] → the same shape.
 *
 * PyTorch's convention; AlexNet's paper does not divide α:
 *
 * @example
 * new nn.LocalResponseNorm(5, { alpha: 1e-4, beta: 0.75, k: 2, divideBySize: false })
 */
export class LocalResponseNorm extends Module {
  readonly size: number;
  readonly options: LocalResponseNormOptions;

  constructor(size: number, options: LocalResponseNormOptions = {}) {
    super();
    this.size = size;
    this.options = options;
  }

  forward(x: Tensor): Tensor {
    return localResponseNorm(x, this.size, this.options);
  }

  override extraRepr(): string {
    return showArguments([this.size], { ...this.options });
  }
}
