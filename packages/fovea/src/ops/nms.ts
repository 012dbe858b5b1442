import { ShapeError, UsageError } from "../base/errors.ts";
import { showShape } from "../base/shape.ts";
import { tensor } from "../tensor/create.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { narrow, reshape } from "./movement.ts";

/**
 * Intersection over union of every box of `a` [N, 4] with every box of `b` [M, 4]: [N, M].
 *
 * Boxes are (x1, y1, x2, y2) with x1 ≤ x2, y1 ≤ y2. Boxes without area have 0.
 */
export function boxIou(a: Tensor, b: Tensor): Tensor {
  for (const t of [a, b]) {
    if (t.rank !== 2 || t.shape[1] !== 4) throw new ShapeError(`boxIou: needs boxes [N, 4], got ${showShape(t.shape)}`);
  }
  const side = (t: Tensor, k: number, shape: readonly number[]) => reshape(narrow(t, 1, k, 1), shape);
  const ofA = (k: number) => side(a, k, [a.shape[0]!, 1]);
  const ofB = (k: number) => side(b, k, [1, b.shape[0]!]);
  const overlap = (low: number, high: number) =>
    ofA(high)
      .minimum(ofB(high))
      .sub(ofA(low).maximum(ofB(low)))
      .relu();
  const area = (of: (k: number) => Tensor) =>
    of(2)
      .sub(of(0))
      .mul(of(3).sub(of(1)));
  const shared = overlap(0, 2).mul(overlap(1, 3));
  // Nothing shared is 0 whatever the areas, also where both are 0.
  return shared.div(area(ofA).add(area(ofB)).sub(shared).maximum(1e-30));
}

export interface SuppressOptions {
  /** Boxes that overlap a better one by more than this are dropped; default 0.5. */
  iouThreshold?: number;
  /** Boxes must score above this; default: any score. */
  scoreThreshold?: number;
  /** Keep at most so many; default: no limit. */
  maxOutput?: number;
}

/** Intersection over union of boxes i and j; corners may come in any order. */
function iou(boxes: ArrayLike<number>, i: number, j: number): number {
  const [a, b] = [i * 4, j * 4];
  const low = (k: number, at: number) => Math.min(boxes[at + k]!, boxes[at + k + 2]!);
  const high = (k: number, at: number) => Math.max(boxes[at + k]!, boxes[at + k + 2]!);
  let shared = 1;
  let areaA = 1;
  let areaB = 1;
  for (const k of [0, 1]) {
    shared *= Math.max(0, Math.min(high(k, a), high(k, b)) - Math.max(low(k, a), low(k, b)));
    areaA *= high(k, a) - low(k, a);
    areaB *= high(k, b) - low(k, b);
  }
  return shared > 0 ? shared / (areaA + areaB - shared) : 0;
}

/** Positions by falling score, equal ones in their order; those not above the threshold (or NaN) left out. */
function ranked(scores: ArrayLike<number>, scoreThreshold: number): number[] {
  const list = Array.from({ length: scores.length }, (_, i) => i);
  const any = scoreThreshold === -Infinity;
  const least = Math.fround(scoreThreshold); // in the scores' precision: a score of 0.6 is not above 0.6
  return list
    .filter((i) => (any ? !Number.isNaN(scores[i]!) : scores[i]! > least))
    .toSorted((i, j) => scores[j]! - scores[i]! || i - j);
}

/** Greedy suppression on plain arrays: what `nms` does, and what readers of models with such a step call. */
export function suppress(
  boxes: ArrayLike<number>,
  scores: ArrayLike<number>,
  { iouThreshold = 0.5, scoreThreshold = -Infinity, maxOutput = Infinity }: SuppressOptions = {},
): number[] {
  const kept: number[] = [];
  for (const i of ranked(scores, scoreThreshold)) {
    if (kept.length >= maxOutput) break;
    if (kept.every((k) => iou(boxes, k, i) <= iouThreshold)) kept.push(i);
  }
  return kept;
}

async function read(who: string, boxes: Tensor, scores: Tensor): Promise<[ArrayLike<number>, ArrayLike<number>]> {
  if (boxes.rank !== 2 || boxes.shape[1] !== 4 || scores.rank !== 1 || scores.shape[0] !== boxes.shape[0]) {
    throw new ShapeError(
      `${who}: needs boxes [N, 4] and scores [N], got ${showShape(boxes.shape)} and ${showShape(scores.shape)}`,
    );
  }
  return [await boxes.data(), await scores.data()];
}

/**
 * Non-maximum suppression: the indices (int32) of the boxes that overlap no better one, best first.
 *
 * Boxes are [N, 4] as (x1, y1, x2, y2), scores [N]; of equal scores the first box wins. There is no gradient.
 */
export async function nms(boxes: Tensor, scores: Tensor, options: SuppressOptions = {}): Promise<Tensor> {
  const [b, s] = await read("nms", boxes, scores);
  return tensor(Int32Array.from(suppress(b, s, options)));
}

/** `nms` within each class: boxes of different `classes` [N] (int32) never suppress one another. Best first. */
export async function batchedNms(
  boxes: Tensor,
  scores: Tensor,
  classes: Tensor,
  options: SuppressOptions = {},
): Promise<Tensor> {
  const [b, s] = await read("batchedNms", boxes, scores);
  if (classes.rank !== 1 || classes.shape[0] !== scores.shape[0]) {
    throw new ShapeError(
      `batchedNms: needs one class per box, got ${showShape(classes.shape)} for boxes ${showShape(boxes.shape)}`,
    );
  }
  const { iouThreshold = 0.5, scoreThreshold = -Infinity, maxOutput = Infinity } = options;
  const classOf = await classes.data();
  const kept: number[] = [];
  const perClass = new Map<number, number[]>();
  for (const i of ranked(s, scoreThreshold)) {
    if (kept.length >= maxOutput) break;
    const rivals = perClass.get(classOf[i]!) ?? [];
    if (!rivals.every((k) => iou(b, k, i) <= iouThreshold)) continue;
    rivals.push(i);
    perClass.set(classOf[i]!, rivals);
    kept.push(i);
  }
  return tensor(Int32Array.from(kept));
}

export interface SoftNmsOptions {
  /** How overlap lowers a score: by e^(−iou²/σ) (default), or by 1 − iou above the threshold. */
  method?: "gaussian" | "linear";
  /** σ of the Gaussian; default 0.5. */
  sigma?: number;
  /** Linear: overlaps up to this cost nothing; default 0.3. */
  iouThreshold?: number;
  /** Boxes whose lowered score is not above this are dropped; default 0.001. */
  scoreThreshold?: number;
  /** Keep at most so many; default: no limit. */
  maxOutput?: number;
}

/**
 * Soft suppression (Bodla et al., 2017): overlap with a better box lowers a score instead of dropping the box.
 *
 * Gives the indices (int32) of the boxes that remain and their lowered scores, best first.
 */
export async function softNms(
  boxes: Tensor,
  scores: Tensor,
  options: SoftNmsOptions = {},
): Promise<{ indices: Tensor; scores: Tensor }> {
  const {
    method = "gaussian",
    sigma = 0.5,
    iouThreshold = 0.3,
    scoreThreshold = 0.001,
    maxOutput = Infinity,
  } = options;
  if (method !== "gaussian" && method !== "linear") {
    throw new UsageError(`softNms: method "${String(method)}" is not known; use "gaussian" or "linear"`);
  }
  if (!(sigma > 0)) throw new UsageError(`softNms: sigma must be above 0, got ${sigma}`);
  const [b, s] = await read("softNms", boxes, scores);
  const lowered = Float64Array.from(s);
  let rest = ranked(lowered, scoreThreshold);
  const kept: number[] = [];
  while (rest.length > 0 && kept.length < maxOutput) {
    const best = rest.reduce((i, j) => (lowered[j]! > lowered[i]! ? j : i));
    kept.push(best);
    rest = rest.filter((i) => {
      if (i === best) return false;
      const overlap = iou(b, best, i);
      if (method === "gaussian") lowered[i]! *= Math.exp((-overlap * overlap) / sigma);
      else if (overlap > iouThreshold) lowered[i]! *= 1 - overlap;
      return lowered[i]! > scoreThreshold;
    });
  }
  return {
    indices: tensor(Int32Array.from(kept)),
    scores: tensor(Float32Array.from(kept, (i) => lowered[i]!)),
  };
}
