import { crossEntropy, mseLoss, type Reduction } from "../ops/losses.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { showArguments } from "./describe.ts";
import { Module } from "./module.ts";

export { crossEntropy, mseLoss, type Reduction };

export interface LossOptions {
  /** `mean` over the elements (default), their `sum`, or `none`: a loss per element. */
  reduction?: Reduction;
}

/** −log softmax(logits)[label]: logits [N, classes, ...] against int32 class numbers [N, ...]. */
export class CrossEntropyLoss extends Module<[logits: Tensor, labels: Tensor]> {
  readonly reduction: Reduction;

  constructor({ reduction = "mean" }: LossOptions = {}) {
    super();
    this.reduction = reduction;
  }

  forward(logits: Tensor, labels: Tensor): Tensor {
    return crossEntropy(logits, labels, { reduction: this.reduction });
  }

  override extraRepr(): string {
    return showArguments([], { reduction: this.reduction }, { reduction: "mean" });
  }
}

/** (prediction − target)². */
export class MSELoss extends Module<[prediction: Tensor, target: Tensor]> {
  readonly reduction: Reduction;

  constructor({ reduction = "mean" }: LossOptions = {}) {
    super();
    this.reduction = reduction;
  }

  forward(prediction: Tensor, target: Tensor): Tensor {
    return mseLoss(prediction, target, { reduction: this.reduction });
  }

  override extraRepr(): string {
    return showArguments([], { reduction: this.reduction }, { reduction: "mean" });
  }
}
