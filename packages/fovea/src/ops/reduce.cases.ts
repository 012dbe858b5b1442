import type { CaseInput, OpCases } from "../testing/cases.ts";
import { sizeOf } from "../base/shape.ts";
import { casesOf } from "../testing/cases.ts";
import { reduceOps } from "./reduce.ts";

const settings: readonly (readonly [string, readonly number[], readonly number[], boolean])[] = [
  ["everything", [3, 37], [0, 1], false],
  ["rows", [5, 21], [1], false],
  ["columns", [21, 5], [0], true],
  ["many rows of few columns", [3000, 3], [0], false],
  ["channels of an image", [2, 5, 4, 3], [0, 2, 3], true],
  ["pixels", [2, 5, 4, 3], [2, 3], false],
  ["over channels", [2, 5, 4, 3], [1], false],
  ["axes apart", [2, 3, 4, 5], [0, 2], false],
  ["no axes", [2, 3], [], false],
  ["axes of size 1", [1, 4, 1], [0, 2], false],
  ["rank 0", [], [], false],
  ["rank 5", [2, 3, 2, 3, 2], [1, 3, 4], true],
  ["rows of many vectors", [3, 2500], [1], false],
  ["columns of many vectors", [150, 130], [0], false],
  ["channels of a batch of pictures", [4, 3, 20, 16], [0, 2, 3], true],
  ["pixels of many channels", [2, 70, 9, 5], [2, 3], true],
  ["the batch", [70, 2, 3, 3], [0], false],
];

const integers: CaseInput = { values: [3, -1, 4, 1, -5, 9, 2, 6], dtype: "int32", shape: [2, 4] };

/** Distinct values, so that an extreme has no ties, in an order that mixes them. */
const distinct = (shape: readonly number[]): CaseInput => {
  const size = shape.reduce((n, d) => n * d, 1);
  return {
    values: Array.from(
      { length: size },
      (_, i) => 0.3 + ((i * 7919) % size) / Math.max(1, size) / (size > 500 ? 1 : 0.25),
    ),
    shape,
  };
};

const axisSettings: readonly (readonly [string, readonly number[], number])[] = [
  ["rows", [5, 21], 1],
  ["columns", [21, 5], 0],
  ["the middle", [2, 9, 4], 1],
  ["channels of an image", [2, 5, 4, 3], 1],
  ["pixels of an image", [2, 5, 4, 3], 3],
];

const arg = (name: "argmax" | "argmin"): OpCases =>
  casesOf(reduceOps[name], [
    ...axisSettings.map(
      ([title, shape, axis]) => [title, { x: shape as CaseInput }, { axis, keepDims: false }] as const,
    ),
    [
      "the first of equals",
      {
        x: {
          values: [
            [1, 3, 3],
            [2, 2, 1],
          ],
        },
      },
      { axis: 1, keepDims: false },
      name === "argmax" ? { expected: { values: [1, 0], origin: "PyTorch's rule" } } : {},
    ],
    [
      "NaN wins",
      { x: { values: [[1, NaN, 3, NaN]] } },
      { axis: 1, keepDims: true },
      { expected: { values: [1], origin: "PyTorch's rule" } },
    ],
    ["integers", { x: integers }, { axis: 0, keepDims: false }],
  ]);

export const reduceCases = {
  sum: casesOf(reduceOps.sum, [
    ...settings.map(([title, shape, axes, keepDims]) => [title, { x: shape }, { axes, keepDims }] as const),
    ["integers", { x: integers }, { axes: [1], keepDims: false }, { expected: { values: [7, 12], origin: "by hand" } }],
    [
      "of nothing is 0",
      { x: [0, 3] },
      { axes: [0], keepDims: false },
      { expected: { values: [0, 0, 0], origin: "empty sum" } },
    ],
    [
      "100,000 tenths lose nothing visible",
      { x: { values: Array.from({ length: 100_000 }, () => 0.1) } },
      { axes: [0], keepDims: false },
      { differentiable: false },
    ],
  ]),
  prod: casesOf(reduceOps.prod, [
    ["rows", { x: distinct([3, 5]) }, { axes: [1], keepDims: false }],
    ["everything", { x: distinct([2, 2, 3]) }, { axes: [0, 1, 2], keepDims: false }],
    [
      "integers wrap",
      { x: { values: [65536, 65536, 3, -5], dtype: "int32", shape: [2, 2] } },
      { axes: [0], keepDims: false },
    ],
    [
      "of nothing is 1",
      { x: [2, 0] },
      { axes: [1], keepDims: false },
      { expected: { values: [1, 1], origin: "empty product" } },
    ],
  ]),
  max: casesOf(reduceOps.max, [
    ...settings.map(
      ([title, shape, axes, keepDims]) =>
        [
          title,
          { x: distinct(shape) },
          { axes, keepDims },
          { differentiable: axes.length > 0 && sizeOf(shape) < 500 },
        ] as const,
    ),
    ["integers", { x: integers }, { axes: [1], keepDims: false }, { expected: { values: [4, 9], origin: "by hand" } }],
    [
      "NaN wins",
      {
        x: {
          values: [
            [1, NaN],
            [2, 3],
          ],
        },
      },
      { axes: [1], keepDims: false },
      { differentiable: false },
    ],
    ["all −∞", { x: { values: [-Infinity, -Infinity] } }, { axes: [0], keepDims: false }, { differentiable: false }],
  ]),
  min: casesOf(reduceOps.min, [
    ...settings.map(
      ([title, shape, axes, keepDims]) =>
        [
          title,
          { x: distinct(shape) },
          { axes, keepDims },
          { differentiable: axes.length > 0 && sizeOf(shape) < 500 },
        ] as const,
    ),
    [
      "integers",
      { x: integers },
      { axes: [0], keepDims: true },
      { expected: { values: [-5, -1, 2, 1], origin: "by hand" } },
    ],
  ]),
  argmax: arg("argmax"),
  argmin: arg("argmin"),
} satisfies Record<keyof typeof reduceOps, OpCases>;
