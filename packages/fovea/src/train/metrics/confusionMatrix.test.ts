import { expect, it } from "vitest";
import { addBatch, emptyTally, meansOf } from "../fitState.ts";
import { ConfusionMatrix } from "./confusionMatrix.ts";

it("scores classes from the confusion matrix", () => {
  const matrix = new ConfusionMatrix(["cat", "dog"]);
  for (const [label, predicted] of [
    [0, 0],
    [0, 0],
    [0, 1],
    [1, 1],
  ] as const)
    matrix.add(label, predicted);
  expect(matrix.toJSON()).toEqual([
    [2, 1],
    [0, 1],
  ]);
  expect(matrix.accuracy).toBe(0.75);
  // By hand: cat: precision 2/2, recall 2/3, F1 = 2·1·(2/3)/(1 + 2/3) = 0.8; dog: 1/2, 1/1, 2/3.
  const [cat, dog] = matrix.scores();
  expect(cat).toMatchObject({ precision: 1, recall: 2 / 3, images: 3 });
  expect(cat!.f1).toBeCloseTo(0.8, 12);
  expect(dog).toMatchObject({ precision: 0.5, recall: 1, images: 1 });
});

it("a class that never occurs scores 0, not NaN", () => {
  const matrix = new ConfusionMatrix(["a", "b"]);
  matrix.add(0, 0);
  expect(matrix.scores()[1]).toEqual({ name: "b", precision: 0, recall: 0, f1: 0, images: 0 });
  expect(new ConfusionMatrix(["a"]).accuracy).toBe(0);
});

it("means weigh batches by their size", () => {
  const tally = addBatch(addBatch(emptyTally, 3, [["loss", 2]]), 1, [["loss", 6]]);
  expect(meansOf(tally)).toEqual({ loss: 3 });
});
