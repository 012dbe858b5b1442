import { linear } from "../ops/linear.ts";
import { sizesOf } from "../ops/windows.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { showArguments } from "./describe.ts";
import { initLayer, type InitScheme } from "./init.ts";
import { Module } from "./module.ts";
import { Parameter } from "./parameter.ts";

export interface LinearOptions {
  /** Add a bias; default true. */
  bias?: boolean;
  /** How weights start: as in PyTorch (default) or as in Keras (Glorot uniform, zero bias). */
  init?: InitScheme;
}

/** A fully connected layer: [..., inFeatures] → [..., outFeatures], x · weightᵀ + bias. */
export class Linear extends Module {
  /** [outFeatures, inFeatures] */
  readonly weight: Parameter;
  /** [outFeatures] */
  readonly bias: Parameter | null;

  constructor(inFeatures: number, outFeatures: number, { bias = true, init }: LinearOptions = {}) {
    super();
    sizesOf(inFeatures, 1, 1, "Linear: inFeatures");
    sizesOf(outFeatures, 1, 1, "Linear: outFeatures");
    this.weight = new Parameter([outFeatures, inFeatures]);
    this.bias = bias ? new Parameter([outFeatures]) : null;
    initLayer(this.weight, this.bias, init);
  }

  forward(x: Tensor): Tensor {
    return linear(x, this.weight, this.bias ?? undefined);
  }

  override extraRepr(): string {
    const [outFeatures, inFeatures] = this.weight.shape;
    return showArguments([inFeatures!, outFeatures!], { bias: this.bias !== null }, { bias: true });
  }
}
