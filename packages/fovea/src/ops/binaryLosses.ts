import { UsageError } from "../base/errors.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { softplus } from "./unary.ts";
import { focusing } from "./losses.ts";
import { checkPair, reduced, type LossOptions } from "./reduction.ts";
import { where } from "./select.ts";

/** Losses of yes-or-no questions: predictions and targets (0 … 1) of one shape, each element a question of its own. */

export interface BceOptions extends LossOptions {
  /** Factor per element; broadcasts. */
  weight?: Tensor;
}

/** The smallest normal float32: logarithms of anything less are taken as −100, as in PyTorch. */
const TINY = 2 ** -126;

/** ln p, −100 at 0. */
function boundedLog(p: Tensor): Tensor {
  return where(p.greater(TINY), p.maximum(TINY).log(), -100);
}

/**
 * −t · ln p − (1 − t) · ln(1 − p) for probabilities p.
 *
 * Logarithms stop at −100. With scores at hand, `bceWithLogitsLoss` is more exact.
 */
export function bceLoss(probabilities: Tensor, target: Tensor, { weight, reduction }: BceOptions = {}): Tensor {
  checkPair("bceLoss", "probabilities", probabilities, "target", target);
  const yes = target.mul(boundedLog(probabilities));
  const no = target
    .neg()
    .add(1)
    .mul(boundedLog(probabilities.neg().add(1)));
  const losses = yes.add(no).neg();
  return reduced(weight ? losses.mul(weight) : losses, reduction);
}

export interface BceWithLogitsOptions extends BceOptions {
  /** Factor of the positive part; broadcasts, so one per class for [N, classes]. */
  posWeight?: Tensor;
}

/** The binary cross-entropy of σ(logits), without its overflows. */
export function bceWithLogitsLoss(logits: Tensor, target: Tensor, options: BceWithLogitsOptions = {}): Tensor {
  checkPair("bceWithLogitsLoss", "logits", logits, "target", target);
  const { weight, posWeight, reduction } = options;
  const losses = logisticLosses(logits, target, posWeight);
  return reduced(weight ? losses.mul(weight) : losses, reduction);
}

/** (1 − t) · x + (1 + (w − 1) t) · ln(1 + e⁻ˣ) */
function logisticLosses(x: Tensor, t: Tensor, posWeight?: Tensor): Tensor {
  const wrong = t.neg().add(1).mul(x);
  const log = softplus(x.neg());
  return wrong.add(posWeight ? t.mul(posWeight.sub(1)).add(1).mul(log) : log);
}

export interface SigmoidFocalLossOptions extends LossOptions {
  /** Weight of positives, 1 − alpha of negatives; −1 for none; default 0.25. */
  alpha?: number;
  /** How much examples that are right already count less; default 2. */
  gamma?: number;
}

/** The focal loss of yes-or-no questions (Lin et al., 2017), as in torchvision; its reduction is `none` by default. */
export function sigmoidFocalLoss(logits: Tensor, target: Tensor, options: SigmoidFocalLossOptions = {}): Tensor {
  checkPair("sigmoidFocalLoss", "logits", logits, "target", target);
  const { alpha = 0.25, gamma = 2, reduction = "none" } = options;
  if (alpha > 1) throw new UsageError(`sigmoidFocalLoss: alpha must be in [0, 1], or −1 for none, got ${alpha}`);
  const negative = target.neg().add(1);
  // The probability of the wrong answer; σ(−x) is exact where 1 − σ(x) would be 0.
  const wrong = logits.sigmoid().mul(negative).add(logits.neg().sigmoid().mul(target));
  const losses = logisticLosses(logits, target).mul(focusing(wrong, gamma));
  if (alpha < 0) return reduced(losses, reduction);
  return reduced(losses.mul(target.mul(alpha).add(negative.mul(1 - alpha))), reduction);
}

/** max(0, 1 − t · x) for targets −1 and 1. */
export function hingeLoss(x: Tensor, target: Tensor, options: LossOptions = {}): Tensor {
  checkPair("hingeLoss", "x", x, "target", target);
  return reduced(x.mul(target).neg().add(1).relu(), options.reduction);
}

export interface OverlapOptions extends LossOptions {
  /** Added to both sides of the fraction, so that two empty masks agree; default 1e-5. */
  smooth?: number;
  /** Axes that are one region; default all behind the channels: a loss per image and class. */
  axes?: readonly number[];
}

/** Σ p·t and Σ p + Σ t over the regions. */
function overlap(name: string, p: Tensor, t: Tensor, axes: readonly number[] | undefined): [Tensor, Tensor] {
  checkPair(name, "probabilities", p, "target", t);
  const region = axes ?? p.shape.flatMap((_, i) => (i < 2 ? [] : [i]));
  if (axes === undefined && region.length === 0) {
    throw new UsageError(
      `${name}: a tensor of rank ${p.rank} has no axes behind the channels; say which axes to sum over`,
    );
  }
  return [p.mul(t).sum(region), p.add(t).sum(region)];
}

/**
 * 1 − (2 Σ p·t + s) / (Σ p + Σ t + s) (Milletari et al., 2016).
 *
 * @param probabilities [N, C, ...]: after softmax or sigmoid.
 * @param target The same shape: masks, or one-hot labels.
 */
export function diceLoss(probabilities: Tensor, target: Tensor, options: OverlapOptions = {}): Tensor {
  const { smooth = 1e-5, axes, reduction } = options;
  const [both, sum] = overlap("diceLoss", probabilities, target, axes);
  return reduced(both.mul(2).add(smooth).div(sum.add(smooth)).neg().add(1), reduction);
}

/** 1 − intersection over union of soft masks: 1 − (Σ p·t + s) / (Σ p + Σ t − Σ p·t + s) (Rahman and Wang, 2016). */
export function jaccardLoss(probabilities: Tensor, target: Tensor, options: OverlapOptions = {}): Tensor {
  const { smooth = 1e-5, axes, reduction } = options;
  const [both, sum] = overlap("jaccardLoss", probabilities, target, axes);
  return reduced(both.add(smooth).div(sum.sub(both).add(smooth)).neg().add(1), reduction);
}
