import { ShapeError, UsageError } from "../base/errors.ts";
import { sameShape, showShape, sizeOf, type Shape } from "../base/shape.ts";
import { Storage } from "../tensor/storage.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { cast } from "./cast.ts";
import { labelCrossEntropy } from "./crossEntropy.ts";
import { indexSelect, takeAlongAxis } from "./gather.ts";
import { reshape, squeeze, unsqueeze } from "./movement.ts";
import { checkPair, reduced, type LossOptions, type Reduction } from "./reduction.ts";
import { where } from "./select.ts";
import { logSoftmax } from "./softmax.ts";

export type { LossOptions, Reduction };

export interface NllLossOptions extends LossOptions {
  /** Weight of each class, [classes]. The mean then divides by the sum of the labels' weights, as in PyTorch. */
  weight?: Tensor;
  /** Label of elements that do not count, such as 255 for unlabelled pixels; default: every label counts. */
  ignoreIndex?: number;
}

export interface CrossEntropyOptions extends NllLossOptions {
  /** Share of the target that is spread evenly over all classes (Szegedy et al., 2016); default 0. */
  labelSmoothing?: number;
}

/** What every loss over class numbers needs: the labels as safe indices, and what each element counts. */
interface Labels {
  /** [N, 1, ...], each within 0 … classes − 1 where it counts. */
  readonly index: Tensor;
  /** Weight per element [N, ...]: the class's, 0 where ignored; null = 1 everywhere. */
  readonly weight: Tensor | null;
  /** Which elements count; null = all. */
  readonly counted: Tensor | null;
}

function readLabels(name: string, scores: Tensor, labels: Tensor, { weight, ignoreIndex }: NllLossOptions): Labels {
  const expected = scores.shape.filter((_, i) => i !== 1);
  if (scores.rank < 2 || !sameShape(expected, labels.shape)) {
    throw new ShapeError(
      `${name}: logits ${showShape(scores.shape)} want labels ${showShape(expected)} (int32 class numbers), got ${showShape(labels.shape)} ${labels.dtype}` +
        labelsHint(scores, labels, expected),
    );
  }
  if (labels.dtype !== "int32")
    throw new ShapeError(
      `${name}: labels must be int32 class numbers, got ${labels.dtype} ${showShape(labels.shape)} ` +
        `for logits ${showShape(scores.shape)}; convert with cast("int32")`,
    );
  checkClasses(name, scores, labels, ignoreIndex);
  checkWeight(name, scores, weight);
  const counted = ignoreIndex === undefined ? null : labels.notEqual(ignoreIndex);
  const safe = counted === null ? labels : where(counted, labels, 0);
  let perElement: Tensor | null = null;
  if (weight) perElement = reshape(indexSelect(weight, reshape(safe, [-1])), safe.shape);
  if (counted !== null) perElement = perElement ? where(counted, perElement, 0) : cast(counted, "float32");
  return { index: unsqueeze(safe, 1), weight: perElement, counted };
}

/** What would fit, where it can be told. */
function labelsHint(scores: Tensor, labels: Tensor, expected: Shape): string {
  if (labels.size === sizeOf(expected) && labels.rank > 0) return `; use labels.reshape(${showShape(expected)})`;
  if (sameShape(scores.shape, labels.shape))
    return '; for one-hot labels use labels.argmax(1), for probabilities labels.cast("float32")';
  if (labels.rank === scores.rank && labels.shape[0] === scores.shape[0]) {
    return `; these labels have ${labels.shape[1]} classes, the logits ${scores.shape[1]}: the last layer should give ${labels.shape[1]}`;
  }
  if (labels.shape[0] !== scores.shape[0] && sameShape(labels.shape.slice(1), expected.slice(1))) {
    return `; there are ${labels.shape[0]} labels for ${scores.shape[0]} examples`;
  }
  return "";
}

/** Throws for labels that are no class. Only where the host has the values: nothing is waited for. */
function checkClasses(name: string, scores: Tensor, labels: Tensor, ignoreIndex: number | undefined): void {
  const values = labels.source instanceof Storage ? (labels.source.hostValues as Int32Array | null) : null;
  const classes = scores.shape[1]!;
  const wrong = values?.find((v) => v !== ignoreIndex && (v < 0 || v >= classes));
  if (wrong === undefined) return;
  const [first, last] = [values!.reduce((a, b) => Math.min(a, b)), values!.reduce((a, b) => Math.max(a, b))];
  const hint =
    first === 1 && last === classes
      ? "; they seem to count from 1: use labels.sub(1)"
      : first >= 0
        ? `; the last layer should give at least ${last + 1} scores`
        : `; for labels that do not count, say { ignoreIndex: ${first} }`;
  throw new ShapeError(
    `${name}: label ${wrong} is no class: logits ${showShape(scores.shape)} have ${classes} classes, 0 … ${classes - 1}, ` +
      `and labels ${showShape(labels.shape)} run from ${first} to ${last}${hint}`,
  );
}

function checkWeight(name: string, scores: Tensor, weight: Tensor | undefined): void {
  if (weight && !sameShape(weight.shape, [scores.shape[1]!])) {
    throw new ShapeError(`${name}: weight must be [${scores.shape[1]}], one per class, got ${showShape(weight.shape)}`);
  }
}

/** Losses per element, weighted and reduced; the mean divides by the sum of the weights. */
function weighted(losses: Tensor, { weight, counted }: Labels, reduction: Reduction = "mean"): Tensor {
  if (weight === null) return reduced(losses, reduction);
  // Ignored losses are replaced, not multiplied by 0: they may be infinite.
  const own = counted === null ? losses : where(counted, losses, 0);
  const total = own.mul(weight);
  return reduction === "mean" ? total.sum().div(weight.sum()) : reduced(total, reduction);
}

/**
 * −logProbability[label]: for the results of `logSoftmax`.
 *
 * @param logProbabilities [N, classes, ...].
 * @param labels Class numbers, int32 [N, ...], 0 … classes − 1.
 */
export function nllLoss(logProbabilities: Tensor, labels: Tensor, options: NllLossOptions = {}): Tensor {
  const known = readLabels("nllLoss", logProbabilities, labels, options);
  const picked = squeeze(takeAlongAxis(logProbabilities, known.index, 1), 1);
  return weighted(picked.neg(), known, options.reduction);
}

/**
 * −log softmax(logits)[label], averaged; or −Σ target · log softmax(logits) for soft targets.
 *
 * @param logits Scores [N, classes, ...], before any softmax.
 * @param target Class numbers, int32 [N, ...], 0 … classes − 1; or probabilities, float32 of the logits' shape.
 */
export function crossEntropy(logits: Tensor, target: Tensor, options: CrossEntropyOptions = {}): Tensor {
  const { weight, ignoreIndex, labelSmoothing = 0, reduction = "mean" } = options;
  if (!(labelSmoothing >= 0 && labelSmoothing <= 1)) {
    throw new UsageError(`crossEntropy: labelSmoothing must be in [0, 1], got ${labelSmoothing}`);
  }
  if (target.dtype === "float32" && logits.rank >= 2 && sameShape(target.shape, logits.shape)) {
    if (ignoreIndex !== undefined)
      throw new UsageError("crossEntropy: ignoreIndex needs class numbers, not probabilities");
    return softCrossEntropy(logits, target, weight, labelSmoothing, reduction);
  }
  const known = readLabels("crossEntropy", logits, target, options);
  const hard = labelCrossEntropy(logits, squeeze(known.index, 1));
  if (labelSmoothing === 0) return weighted(hard, known, reduction);
  const logs = logSoftmax(logits, 1);
  // Each class has the target ε / classes, the labelled one 1 − ε more. A class's weight stays with the class.
  const spread = weightedClasses(logs, weight)
    .sum(1)
    .mul(-labelSmoothing / logits.shape[1]!);
  const own = known.weight === null ? hard : hard.mul(known.weight);
  const both = own.mul(1 - labelSmoothing).add(spread);
  const losses = known.counted === null ? both : where(known.counted, both, 0);
  if (reduction === "mean" && known.weight !== null) return losses.sum().div(known.weight.sum());
  return reduced(losses, reduction);
}

function softCrossEntropy(
  logits: Tensor,
  target: Tensor,
  weight: Tensor | undefined,
  smoothing: number,
  reduction: Reduction,
): Tensor {
  checkWeight("crossEntropy", logits, weight);
  const smooth = smoothing === 0 ? target : target.mul(1 - smoothing).add(smoothing / logits.shape[1]!);
  return reduced(weightedClasses(logSoftmax(logits, 1), weight).mul(smooth).sum(1).neg(), reduction);
}

/** x [N, classes, ...] times a weight per class. */
function weightedClasses(x: Tensor, weight: Tensor | undefined): Tensor {
  if (!weight) return x;
  return x.mul(
    reshape(
      weight,
      x.shape.map((d, i) => (i === 1 ? d : 1)),
    ),
  );
}

export interface FocalLossOptions extends NllLossOptions {
  /** How much examples that are right already count less; default 2. */
  gamma?: number;
}

/**
 * (1 − p)^γ · (−log p) for the probability p of the labelled class (Lin et al., 2017, over a softmax).
 *
 * @param logits Scores [N, classes, ...].
 * @param labels Class numbers, int32 [N, ...].
 */
export function focalLoss(logits: Tensor, labels: Tensor, options: FocalLossOptions = {}): Tensor {
  const known = readLabels("focalLoss", logits, labels, options);
  const log = squeeze(takeAlongAxis(logSoftmax(logits, 1), known.index, 1), 1);
  return weighted(focusing(log.exp().neg().add(1), options.gamma ?? 2).mul(log.neg()), known, options.reduction);
}

/** q^γ for q in [0, 1], with finite slopes at 0. */
export function focusing(q: Tensor, gamma: number): Tensor {
  if (!(gamma >= 0)) throw new UsageError(`focal loss: gamma must be ≥ 0, got ${gamma}`);
  if (gamma === 1) return q;
  if (gamma === 2) return q.square();
  return q.maximum(1e-30).pow(gamma);
}

export interface KlDivOptions {
  /** The target holds logarithms of probabilities too; default false. */
  logTarget?: boolean;
  /** As elsewhere (default `mean`, over the elements), or `batchMean`: the sum divided by N, which is the mathematical one. */
  reduction?: Reduction | "batchMean";
}

/** The Kullback–Leibler divergence Σ target · (log target − input) of log-probabilities from a target. */
export function klDiv(input: Tensor, target: Tensor, options: KlDivOptions = {}): Tensor {
  checkPair("klDiv", "input", input, "target", target);
  const { logTarget = false, reduction = "mean" } = options;
  const losses = logTarget ? target.exp().mul(target.sub(input)) : xLogX(target).sub(target.mul(input));
  return reduction === "batchMean" ? losses.sum().mul(1 / input.shape[0]!) : reduced(losses, reduction);
}

/** x · ln x, 0 at 0. */
function xLogX(x: Tensor): Tensor {
  return x.mul(where(x.greater(0), x, 1).log());
}
