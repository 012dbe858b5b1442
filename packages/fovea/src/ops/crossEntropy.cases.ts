import { casesOf, type OpCases } from "../testing/cases.ts";
import { crossEntropyOps } from "./crossEntropy.ts";

/** Labels 0, 1, 2, … of `classes`, over and over. */
const labels = (shape: readonly number[], classes: number) => ({
  values: Array.from({ length: shape.reduce((a, d) => a * d, 1) }, (_, i) => (i * 7) % classes),
  shape,
  dtype: "int32" as const,
});

/** Scores and their labels. */
const settings = [
  ["rows of ten", [7, 10]],
  ["long rows", [3, 67]],
  ["pixels of an image", [2, 5, 3, 4]],
  ["rows beside rows, wider than a vector", [2, 4, 70]],
  ["rank 5", [2, 3, 2, 4, 3]],
  ["nothing", [0, 5]],
  ["one class", [4, 1]],
] as const;
const rest = (shape: readonly number[]) => shape.filter((_, i) => i !== 1);

const large = {
  values: [
    [1000, 1001, 999],
    [-1000, 0, -2000],
  ],
};
const two = { values: [1, 1], dtype: "int32" as const };

export const crossEntropyCases = {
  labelCrossEntropy: casesOf(crossEntropyOps.labelCrossEntropy, [
    ...settings.map(([name, x]) => [name, { x, labels: labels(rest(x), x[1]) }, {}] as const),
    ["large scores do not overflow", { x: large, labels: two }, {}, { differentiable: false }],
    [
      "two equal scores cost ln 2",
      { x: { values: [[3, 3]] }, labels: { values: [0], dtype: "int32" } },
      {},
      { expected: { values: [Math.LN2], origin: "−ln ½" } },
    ],
    [
      "not a number spoils its row only",
      {
        x: {
          values: [
            [1, NaN, 2],
            [1, 2, 3],
          ],
        },
        labels: two,
      },
      {},
      { differentiable: false },
    ],
  ]),
  labelCrossEntropyGrad: casesOf(crossEntropyOps.labelCrossEntropyGrad, [
    ...settings.map(([name, x]) => [name, { x, labels: labels(rest(x), x[1]), g: rest(x) }, {}] as const),
    ["large scores do not overflow", { x: large, labels: two, g: [2] }, {}, { differentiable: false }],
    [
      "halves of two equal scores",
      { x: { values: [[3, 3]] }, labels: { values: [0], dtype: "int32" }, g: { values: [2] } },
      {},
      { expected: { values: [-1, 1], origin: "2 · (½ − 1), 2 · ½" } },
    ],
  ]),
} satisfies Record<keyof typeof crossEntropyOps, OpCases>;
