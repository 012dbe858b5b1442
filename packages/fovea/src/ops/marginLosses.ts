import { ShapeError, UsageError } from "../base/errors.ts";
import { sameShape, showShape } from "../base/shape.ts";
import { arange } from "../tensor/create.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { cast } from "./cast.ts";
import { indexSelect, takeAlongAxis } from "./gather.ts";
import { unsqueeze } from "./movement.ts";
import { checkPair, reduced, safeSqrt, type LossOptions } from "./reduction.ts";
import { where } from "./select.ts";

/** Losses that want a distance of at least a margin: between classes, or between embeddings [N, D]. */

export interface MultiMarginOptions extends LossOptions {
  /** How far the right class should be ahead; default 1. */
  margin?: number;
  /** 1, or 2 for squares; default 1. */
  p?: 1 | 2;
  /** Factor per class, of the label; [classes]. */
  weight?: Tensor;
}

/** The hinge loss of several classes: Σ over the wrong ones of max(0, margin − x[label] + x[other])ᵖ / classes. */
export function multiMarginLoss(x: Tensor, labels: Tensor, options: MultiMarginOptions = {}): Tensor {
  const { margin = 1, p = 1, weight, reduction } = options;
  if (x.rank !== 2 || !sameShape(labels.shape, [x.shape[0]!]) || labels.dtype !== "int32") {
    throw new ShapeError(
      `multiMarginLoss: wanted scores [N, classes] and labels int32 [N], got ${showShape(x.shape)} and ${labels.dtype} ${showShape(labels.shape)}`,
    );
  }
  if (p !== 1 && p !== 2) throw new UsageError(`multiMarginLoss: p must be 1 or 2, got ${String(p)}`);
  const classes = x.shape[1]!;
  const right = takeAlongAxis(x, unsqueeze(labels, 1), 1);
  const short = x.sub(right).add(margin).relu();
  let losses = p === 1 ? short : short.square();
  if (weight) losses = losses.mul(unsqueeze(indexSelect(weight, labels), 1));
  const others = where(isClass(labels, classes), 0, losses);
  return reduced(others.sum(1).mul(1 / classes), reduction);
}

/** [N, classes], true at the label. */
function isClass(labels: Tensor, classes: number): Tensor {
  return unsqueeze(labels, 1).equal(arange(classes, "int32"));
}

/** The p-norm of differences along the last axis. */
function distance(difference: Tensor, p: number): Tensor {
  if (p === 2) return safeSqrt(difference.square().sum(-1));
  if (p === 1) return difference.abs().sum(-1);
  if (!(p > 1)) throw new UsageError(`distance: p must be ≥ 1, got ${p}`);
  return difference
    .abs()
    .maximum(1e-30)
    .pow(p)
    .sum(-1)
    .pow(1 / p);
}

export interface TripletMarginOptions extends LossOptions {
  /** How much nearer the positive should be; default 1. */
  margin?: number;
  /** Which norm; default 2. */
  p?: number;
  /** Added to differences, so that equal vectors have a slope; default 1e-6. */
  eps?: number;
  /** Take the distance from positive to negative where it is the smaller (Balntas et al., 2016); default false. */
  swap?: boolean;
}

/** max(0, |anchor − positive| − |anchor − negative| + margin) (Schroff et al., 2015). */
export function tripletMarginLoss(
  anchor: Tensor,
  positive: Tensor,
  negative: Tensor,
  options: TripletMarginOptions = {},
): Tensor {
  checkPair("tripletMarginLoss", "anchor", anchor, "positive", positive);
  checkPair("tripletMarginLoss", "anchor", anchor, "negative", negative);
  const { margin = 1, p = 2, eps = 1e-6, swap = false, reduction } = options;
  const near = distance(anchor.sub(positive).add(eps), p);
  const far = distance(anchor.sub(negative).add(eps), p);
  const apart = swap ? far.minimum(distance(positive.sub(negative).add(eps), p)) : far;
  return reduced(near.sub(apart).add(margin).relu(), reduction);
}

export interface MarginOptions extends LossOptions {
  /** Distance beyond which different pairs cost nothing. */
  margin?: number;
}

/**
 * ½ d² for pairs that are the same, ½ max(0, margin − d)² for others, d = |a − b| (Hadsell, Chopra, LeCun, 2006).
 *
 * @param same 1 for pairs that belong together, 0 for others; [N].
 */
export function contrastiveLoss(a: Tensor, b: Tensor, same: Tensor, options: MarginOptions = {}): Tensor {
  checkPair("contrastiveLoss", "a", a, "b", b);
  const { margin = 1, reduction } = options;
  const squared = a.sub(b).square().sum(-1);
  checkPair("contrastiveLoss", "distances", squared, "same", same);
  const short = safeSqrt(squared).neg().add(margin).relu().square();
  return reduced(where(cast(same, "bool"), squared, short).mul(0.5), reduction);
}

/**
 * 1 − cos(a, b) where the target is 1, max(0, cos(a, b) − margin) where it is −1.
 *
 * @param target 1 or −1; [N].
 */
export function cosineEmbeddingLoss(a: Tensor, b: Tensor, target: Tensor, options: MarginOptions = {}): Tensor {
  checkPair("cosineEmbeddingLoss", "a", a, "b", b);
  const { margin = 0, reduction } = options;
  const lengths = a.square().sum(-1).add(1e-12).mul(b.square().sum(-1).add(1e-12));
  const cosine = a.mul(b).sum(-1).div(lengths.sqrt());
  checkPair("cosineEmbeddingLoss", "cosines", cosine, "target", target);
  const losses = where(target.greater(0), cosine.neg().add(1), cosine.sub(margin).relu());
  return reduced(losses, reduction);
}
