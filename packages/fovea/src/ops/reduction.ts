import { ShapeError } from "../base/errors.ts";
import { sameShape, showShape } from "../base/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { where } from "./select.ts";

/** How a loss per element becomes the result. */
export type Reduction = "mean" | "sum" | "none";

export interface LossOptions {
  /** `mean` over the elements (default), their `sum`, or `none`: a loss per element. */
  reduction?: Reduction;
}

/** Losses as the reduction wants them. */
export function reduced(losses: Tensor, reduction: Reduction = "mean"): Tensor {
  if (reduction === "none") return losses;
  return reduction === "sum" ? losses.sum() : losses.mean();
}

/** Throws unless both tensors have one shape: broadcasting in a loss is nearly always a mistake. */
export function checkPair(name: string, a: string, x: Tensor, b: string, y: Tensor): void {
  if (sameShape(x.shape, y.shape)) return;
  throw new ShapeError(
    `${name}: ${a} ${showShape(x.shape)} and ${b} ${showShape(y.shape)} must have one shape${x.size === y.size ? `; use ${b}.reshape(${showShape(x.shape)})` : ""}`,
  );
}

/** √x whose gradient at 0 is 0 instead of infinite: for lengths of vectors that may be equal. */
export function safeSqrt(x: Tensor): Tensor {
  const positive = x.greater(0);
  // 1 takes the place of 0 before the root is drawn, so that the branch not taken has a finite slope.
  return where(positive, where(positive, x, 1).sqrt(), 0);
}
