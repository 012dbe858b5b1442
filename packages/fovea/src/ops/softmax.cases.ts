import type { OpCases } from "../testing/cases.ts";
import { casesOf } from "../testing/cases.ts";
import { softmaxOps } from "./softmax.ts";
const large = {
  values: [
    [1000, 1001, 999],
    [-1000, 0, -2000],
  ],
};

const cases = (name: keyof typeof softmaxOps): OpCases =>
  casesOf(softmaxOps[name], [
    ["rows of ten", { x: [7, 10] }, { axis: 1 }],
    ["long rows", { x: [3, 67] }, { axis: 1 }],
    ["columns", { x: [9, 5] }, { axis: 0 }],
    ["channels of an image", { x: [2, 5, 3, 4] }, { axis: 1 }],
    ["large scores do not overflow", { x: large }, { axis: 1 }, { differentiable: false }],
    ["rows beside rows, wider than a vector", { x: [2, 4, 70] }, { axis: 1 }],
    ["rank 5", { x: [2, 3, 2, 4, 3] }, { axis: 2 }],
    ["nothing", { x: [0, 5] }, { axis: 1 }],
    [
      "not a number spoils its row only",
      {
        x: {
          values: [
            [1, NaN, 2],
            [1, 2, 3],
          ],
        },
      },
      { axis: 1 },
      { differentiable: false },
    ],
    [
      "minus infinity is a class ruled out",
      { x: { values: [[0, -Infinity, 0]] } },
      { axis: 1 },
      { differentiable: false },
    ],
    ["one class", { x: [4, 1] }, { axis: 1 }],
  ]);

export const softmaxCases = {
  softmax: {
    ...cases("softmax"),
    cases: [
      ...cases("softmax").cases,
      ...casesOf(softmaxOps.softmax, [
        [
          "two equal scores give halves",
          { x: { values: [[0, 0]] } },
          { axis: 1 },
          { expected: { values: [0.5, 0.5], origin: "inventory section 4" } },
        ],
      ]).cases,
    ],
  },
  logSoftmax: cases("logSoftmax"),
} satisfies Record<keyof typeof softmaxOps, OpCases>;
