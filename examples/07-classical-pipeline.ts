// The pipeline before networks (course S000 "classic CNN pipeline", S003): data, hand-made features, a linear classifier.
import assert from "node:assert/strict";
import { tensor } from "fovea";
import { accuracyScore, hog, LinearSVC, sobel, type Matrix } from "fovea/classic";
import { strokes } from "fovea/data";

// An edge between 10 and 0 answers Sobel's kernel with 40 (S001).
const edge = tensor([[Array.from({ length: 6 }, () => [10, 10, 10, 0, 0, 0])]]);
assert.deepEqual(
  await sobel(edge).at(0, 0).at(0, 0).toArray(),
  Array.from({ length: 4 }, () => [0, 40, 40, 0]),
);

// The same dataset objects as for networks; 28 × 28 pictures of drawn digits.
const train = strokes({ count: 1000 });
const test = strokes({ count: 500, split: "test" });
const pixels = ({ images, length }: typeof train) => ({
  rows: length,
  columns: 784,
  values: Float32Array.from(images, (v) => v / 255),
});
const gradients = (data: typeof train) => hog(data, { pixelsPerCell: [4, 4], cellsPerBlock: [2, 2] });

const score = (features: Matrix, others: Matrix) => {
  const svm = new LinearSVC({ C: 0.1, tol: 1e-2 }).fit(features, train.labels);
  return accuracyScore(test.labels, svm.predict(others));
};
const raw = score(pixels(train), pixels(test));
const withHog = score(await gradients(train), await gradients(test));
console.log(`linear SVM on pixels ${(100 * raw).toFixed(1)} %, on HOG ${(100 * withHog).toFixed(1)} %`);
assert.ok(withHog > raw + 0.1);
