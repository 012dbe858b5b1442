import { ShapeError } from "../base/errors.ts";
import { showShape } from "../base/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { takeAlongAxis } from "./gather.ts";
import { logSoftmax } from "./softmax.ts";
import { squeeze, unsqueeze } from "./movement.ts";

/** How a loss per element becomes the result. */
export type Reduction = "mean" | "sum" | "none";

function reduced(losses: Tensor, reduction: Reduction): Tensor {
  if (reduction === "none") return losses;
  return reduction === "sum" ? losses.sum() : losses.mean();
}

/**
 * −log softmax(logits)[label], averaged.
 *
 * @param logits Scores [N, classes, ...], before any softmax.
 * @param labels Class numbers, int32 [N, ...], 0 … classes − 1.
 */
export function crossEntropy(logits: Tensor, labels: Tensor, options: { reduction?: Reduction } = {}): Tensor {
  const expected = logits.shape.filter((_, i) => i !== 1);
  if (logits.rank < 2 || showShape(expected) !== showShape(labels.shape)) {
    throw new ShapeError(
      `crossEntropy: logits ${showShape(logits.shape)} want labels ${showShape(expected)} (int32 class numbers), got ${showShape(labels.shape)}`,
    );
  }
  if (labels.dtype !== "int32")
    throw new ShapeError(`crossEntropy: labels must be int32 class numbers, got ${labels.dtype}`);
  const picked = squeeze(takeAlongAxis(logSoftmax(logits, 1), unsqueeze(labels, 1), 1), 1);
  return reduced(picked.neg(), options.reduction ?? "mean");
}

/** (prediction − target)², averaged. */
export function mseLoss(prediction: Tensor, target: Tensor, options: { reduction?: Reduction } = {}): Tensor {
  if (showShape(prediction.shape) !== showShape(target.shape)) {
    throw new ShapeError(
      `mseLoss: prediction ${showShape(prediction.shape)} and target ${showShape(target.shape)} must have one shape`,
    );
  }
  return reduced(prediction.sub(target).square(), options.reduction ?? "mean");
}
