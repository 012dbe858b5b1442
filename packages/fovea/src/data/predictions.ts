import { ShapeError, UsageError } from "../base/errors.ts";
import { showShape } from "../base/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { imagenetClasses } from "./imagenetClasses.ts";

/** One of the most probable classes. */
export interface Prediction {
  /** Number of the class. */
  readonly index: number;
  /** Its name: "Indian_elephant". */
  readonly name: string;
  readonly score: number;
}

/** A prediction among ImageNet's classes. */
export interface ImageNetPrediction extends Prediction {
  /** WordNet identifier: "n02504013". */
  readonly synset: string;
}

/**
 * The most probable of ImageNet's classes for each row, best first; as Keras' `decode_predictions`.
 *
 * @param predictions Probabilities (or logits: the order is the same) [N, 1000].
 * @param top How many; default 5.
 */
export async function decodePredictions(predictions: Tensor, top = 5): Promise<ImageNetPrediction[][]> {
  if (predictions.rank !== 2 || predictions.shape[1] !== imagenetClasses.length) {
    throw new ShapeError(`decodePredictions: wanted [N, 1000], got ${showShape(predictions.shape)}`);
  }
  const scores = await predictions.data();
  return Array.from({ length: predictions.shape[0]! }, (_, row) =>
    topClasses(
      scores.subarray(1000 * row, 1000 * (row + 1)),
      imagenetClasses.map(({ name }) => name),
      top,
    ).map((found) => ({ ...found, synset: imagenetClasses[found.index]!.synset })),
  );
}

/** The classes with the largest scores, best first; of equal ones the one with the smaller number. */
export function topClasses(scores: ArrayLike<number>, labels: readonly string[], top: number): Prediction[] {
  if (!Number.isInteger(top) || top < 1) throw new UsageError(`top must be a whole number ≥ 1, got ${top}`);
  if (scores.length !== labels.length) {
    throw new ShapeError(`there are ${scores.length} scores for ${labels.length} labels`);
  }
  return Array.from(labels, (name, index) => ({ index, name, score: scores[index]! }))
    .toSorted((a, b) => b.score - a.score || a.index - b.index)
    .slice(0, top);
}
