import { ratio } from "./metrics/classCounts.ts";

export { ConfusionMatrix, type ClassScore } from "./metrics/confusionMatrix.ts";

/** Sums of a stretch of training; survives `JSON.stringify`, so that an interrupted stretch goes on exactly. */
export interface Tally {
  readonly images: number;
  readonly loss: number;
  readonly correct: number;
}

export const emptyTally: Tally = { images: 0, loss: 0, correct: 0 };

/** Adds a batch, given its mean loss. */
export function addBatch(tally: Tally, images: number, meanLoss: number, correct: number): Tally {
  return {
    images: tally.images + images,
    loss: tally.loss + meanLoss * images,
    correct: tally.correct + correct,
  };
}

/** Mean loss and accuracy of a tally. */
export function means(tally: Tally): { loss: number; accuracy: number } {
  return { loss: ratio(tally.loss, tally.images), accuracy: ratio(tally.correct, tally.images) };
}
