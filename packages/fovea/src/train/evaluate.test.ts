import "../tensor.ts";
import { expect, it } from "vitest";
import { manualSeed } from "../base/random.ts";
import { strokes } from "../data/datasets/strokes.ts";
import { Linear } from "../nn/linear.ts";
import { Sequential } from "../nn/sequential.ts";
import { Flatten } from "../nn/shape.ts";
import { evaluate } from "./evaluate.ts";

it("evaluate counts, and keeps the worst mistakes in order", async () => {
  manualSeed(7);
  const validation = strokes({ count: 40, split: "test" });
  const result = await evaluate(new Sequential(new Flatten(), new Linear(784, 10)), validation, {
    batchSize: 7,
    worst: 5,
  });
  expect(result.images).toBe(40);
  expect(result.confusion.total).toBe(40);
  expect(result.accuracy).toBe(result.confusion.accuracy);
  expect(result.mistakes).toHaveLength(5);
  const confidences = result.mistakes.map((m) => m.confidence);
  expect(confidences).toEqual(confidences.toSorted((a, b) => b - a));
  for (const { label, predicted, index } of result.mistakes) {
    expect(predicted).not.toBe(label);
    expect(label).toBe(validation.labels[index]);
  }
});
