import { fold, unfold, type UnfoldOptions } from "../ops/unfold.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { showArguments } from "./describe.ts";
import { Module } from "./module.ts";

/** The windows of a convolution as columns: [N, C, ...size] → [N, C · kernel cells, windows]. */
export class Unfold extends Module {
  readonly kernelSize: number | readonly number[];
  readonly options: UnfoldOptions;

  constructor(kernelSize: number | readonly number[], options: UnfoldOptions = {}) {
    super();
    this.kernelSize = kernelSize;
    this.options = options;
  }

  forward(x: Tensor): Tensor {
    return unfold(x, this.kernelSize, this.options);
  }

  override extraRepr(): string {
    return showArguments([], { kernelSize: this.kernelSize, ...this.options });
  }
}

/** Columns added back to where they came from: [N, C · kernel cells, windows] → [N, C, ...outputSize]. */
export class Fold extends Module {
  readonly outputSize: readonly number[];
  readonly kernelSize: number | readonly number[];
  readonly options: UnfoldOptions;

  constructor(outputSize: readonly number[], kernelSize: number | readonly number[], options: UnfoldOptions = {}) {
    super();
    this.outputSize = [...outputSize];
    this.kernelSize = kernelSize;
    this.options = options;
  }

  forward(x: Tensor): Tensor {
    return fold(x, this.outputSize, this.kernelSize, this.options);
  }

  override extraRepr(): string {
    return showArguments([], { outputSize: this.outputSize, kernelSize: this.kernelSize, ...this.options });
  }
}
