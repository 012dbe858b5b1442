import * as binary from "../ops/binaryLosses.ts";
import * as classes from "../ops/losses.ts";
import * as margins from "../ops/marginLosses.ts";
import * as regression from "../ops/regressionLosses.ts";
import type { LossOptions, Reduction } from "../ops/reduction.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { showArguments } from "./describe.ts";
import { Module } from "./module.ts";

export { crossEntropy } from "../ops/losses.ts";
export { mseLoss } from "../ops/regressionLosses.ts";
export type { LossOptions, Reduction };

/** A loss as a module: its function's options are given once. */
abstract class Loss<
  Options extends object,
  Inputs extends readonly Tensor[] = [x: Tensor, target: Tensor],
> extends Module<Inputs> {
  readonly options: Options;

  constructor(options: Options = {} as Options) {
    super();
    this.options = options;
  }

  override extraRepr(): string {
    return showArguments([], { ...(this.options as Record<string, unknown>) }, { reduction: "mean" });
  }
}

/** −log softmax(logits)[label]: logits [N, classes, ...] against int32 class numbers [N, ...] or probabilities. */
export class CrossEntropyLoss extends Loss<classes.CrossEntropyOptions, [logits: Tensor, target: Tensor]> {
  forward(logits: Tensor, target: Tensor): Tensor {
    return classes.crossEntropy(logits, target, this.options);
  }
}

/** −logProbability[label]: log-probabilities [N, classes, ...] against int32 class numbers [N, ...]. */
export class NLLLoss extends Loss<classes.NllLossOptions, [logProbabilities: Tensor, labels: Tensor]> {
  forward(logProbabilities: Tensor, labels: Tensor): Tensor {
    return classes.nllLoss(logProbabilities, labels, this.options);
  }
}

/** Cross-entropy in which examples that are right already count less: (1 − p)^γ · (−log p). */
export class FocalLoss extends Loss<classes.FocalLossOptions, [logits: Tensor, labels: Tensor]> {
  forward(logits: Tensor, labels: Tensor): Tensor {
    return classes.focalLoss(logits, labels, this.options);
  }
}

/** The Kullback–Leibler divergence of log-probabilities from a target. */
export class KLDivLoss extends Loss<classes.KlDivOptions, [input: Tensor, target: Tensor]> {
  forward(input: Tensor, target: Tensor): Tensor {
    return classes.klDiv(input, target, this.options);
  }
}

/** The binary cross-entropy of probabilities. */
export class BCELoss extends Loss<binary.BceOptions, [probabilities: Tensor, target: Tensor]> {
  forward(probabilities: Tensor, target: Tensor): Tensor {
    return binary.bceLoss(probabilities, target, this.options);
  }
}

/** The binary cross-entropy of σ(logits), without its overflows. */
export class BCEWithLogitsLoss extends Loss<binary.BceWithLogitsOptions, [logits: Tensor, target: Tensor]> {
  forward(logits: Tensor, target: Tensor): Tensor {
    return binary.bceWithLogitsLoss(logits, target, this.options);
  }
}

/** The focal loss of yes-or-no questions, as in torchvision; its reduction is `none` by default. */
export class SigmoidFocalLoss extends Loss<binary.SigmoidFocalLossOptions, [logits: Tensor, target: Tensor]> {
  forward(logits: Tensor, target: Tensor): Tensor {
    return binary.sigmoidFocalLoss(logits, target, this.options);
  }
}

/** max(0, 1 − t · x) for targets −1 and 1. */
export class HingeLoss extends Loss<LossOptions, [x: Tensor, target: Tensor]> {
  forward(x: Tensor, target: Tensor): Tensor {
    return binary.hingeLoss(x, target, this.options);
  }
}

/** 1 − 2 |A ∩ B| / (|A| + |B|) for soft masks [N, C, ...]. */
export class DiceLoss extends Loss<binary.OverlapOptions, [probabilities: Tensor, target: Tensor]> {
  forward(probabilities: Tensor, target: Tensor): Tensor {
    return binary.diceLoss(probabilities, target, this.options);
  }
}

/** 1 − |A ∩ B| / |A ∪ B| for soft masks [N, C, ...]. */
export class JaccardLoss extends Loss<binary.OverlapOptions, [probabilities: Tensor, target: Tensor]> {
  forward(probabilities: Tensor, target: Tensor): Tensor {
    return binary.jaccardLoss(probabilities, target, this.options);
  }
}

/** (prediction − target)². */
export class MSELoss extends Loss<LossOptions, [prediction: Tensor, target: Tensor]> {
  forward(prediction: Tensor, target: Tensor): Tensor {
    return regression.mseLoss(prediction, target, this.options);
  }
}

/** |prediction − target|. */
export class L1Loss extends Loss<LossOptions, [prediction: Tensor, target: Tensor]> {
  forward(prediction: Tensor, target: Tensor): Tensor {
    return regression.l1Loss(prediction, target, this.options);
  }
}

/** A parabola for small differences, a line of slope `delta` for large ones. */
export class HuberLoss extends Loss<regression.HuberLossOptions, [prediction: Tensor, target: Tensor]> {
  forward(prediction: Tensor, target: Tensor): Tensor {
    return regression.huberLoss(prediction, target, this.options);
  }
}

/** A parabola for small differences, a line of slope 1 for large ones. */
export class SmoothL1Loss extends Loss<regression.SmoothL1LossOptions, [prediction: Tensor, target: Tensor]> {
  forward(prediction: Tensor, target: Tensor): Tensor {
    return regression.smoothL1Loss(prediction, target, this.options);
  }
}

/** The hinge loss of several classes: scores [N, classes] against int32 class numbers [N]. */
export class MultiMarginLoss extends Loss<margins.MultiMarginOptions, [x: Tensor, labels: Tensor]> {
  forward(x: Tensor, labels: Tensor): Tensor {
    return margins.multiMarginLoss(x, labels, this.options);
  }
}

/** max(0, |anchor − positive| − |anchor − negative| + margin). */
export class TripletMarginLoss extends Loss<
  margins.TripletMarginOptions,
  [anchor: Tensor, positive: Tensor, negative: Tensor]
> {
  forward(anchor: Tensor, positive: Tensor, negative: Tensor): Tensor {
    return margins.tripletMarginLoss(anchor, positive, negative, this.options);
  }
}

/** Draws pairs that are the same (1) together, and others (0) apart up to a margin. */
export class ContrastiveLoss extends Loss<margins.MarginOptions, [a: Tensor, b: Tensor, same: Tensor]> {
  forward(a: Tensor, b: Tensor, same: Tensor): Tensor {
    return margins.contrastiveLoss(a, b, same, this.options);
  }
}

/** 1 − cos(a, b) where the target is 1, max(0, cos(a, b) − margin) where it is −1. */
export class CosineEmbeddingLoss extends Loss<margins.MarginOptions, [a: Tensor, b: Tensor, target: Tensor]> {
  forward(a: Tensor, b: Tensor, target: Tensor): Tensor {
    return margins.cosineEmbeddingLoss(a, b, target, this.options);
  }
}
