import type { OpCases } from "../testing/cases.ts";
import { casesOf } from "../testing/cases.ts";
import { gatherOps } from "./gather.ts";

const indices = (values: readonly (number | readonly number[])[]) => ({ values, dtype: "int32" as const });

export const gatherCases = {
  indexSelect: casesOf(gatherOps.indexSelect, [
    [
      "rows, one twice",
      {
        x: {
          values: [
            [1, 2],
            [3, 4],
            [5, 6],
          ],
        },
        indices: indices([2, 0, 2]),
      },
      { axis: 0 },
      { expected: { values: [5, 6, 1, 2, 5, 6], origin: "by hand" } },
    ],
    ["columns", { x: [4, 6], indices: indices([5, 1]) }, { axis: 1 }],
    ["pictures of a batch", { x: [3, 2, 4, 5], indices: indices([1, 1, 0, 2]) }, { axis: 0 }],
    [
      "bytes",
      {
        x: {
          values: [
            [1, 2, 3],
            [4, 5, 6],
          ],
          dtype: "uint8",
        },
        indices: indices([1]),
      },
      { axis: 0 },
    ],
  ]),
  indexAdd: casesOf(gatherOps.indexAdd, [
    [
      "rows that meet are summed",
      {
        x: {
          values: [
            [1, 2],
            [3, 4],
            [5, 6],
          ],
        },
        indices: indices([1, 0, 1]),
      },
      { axis: 0, size: 3 },
      { expected: { values: [3, 4, 6, 8, 0, 0], origin: "by hand" } },
    ],
    ["columns", { x: [4, 3], indices: indices([0, 4, 4]) }, { axis: 1, size: 5 }],
    ["pictures of a batch", { x: [4, 2, 3, 5], indices: indices([1, 1, 0, 2]) }, { axis: 0, size: 3 }],
  ]),
  takeAlongAxis: casesOf(gatherOps.takeAlongAxis, [
    [
      "one per row",
      {
        x: {
          values: [
            [1, 2, 3],
            [4, 5, 6],
          ],
        },
        indices: indices([[2], [0]]),
      },
      { axis: 1 },
      { expected: { values: [3, 4], origin: "by hand" } },
    ],
    [
      "classes of pixels",
      { x: [2, 3, 2, 2], indices: { values: [0, 1, 2, 0, 1, 1, 2, 2], dtype: "int32", shape: [2, 1, 2, 2] } },
      { axis: 1 },
    ],
    ["several, repeated", { x: [3, 4], indices: indices([[0, 0, 1, 2, 2, 0]].flatMap((r) => [r, r, r])) }, { axis: 1 }],
    ["down the columns", { x: [3, 4], indices: indices([[0, 1, 2, 0]]) }, { axis: 0 }],
  ]),
  scatterAdd: casesOf(gatherOps.scatterAdd, [
    [
      "elements that meet are summed",
      { x: { values: [[1, 2, 3]] }, indices: indices([[1, 1, 0]]) },
      { axis: 1, size: 4 },
      { expected: { values: [3, 3, 0, 0], origin: "by hand" } },
    ],
    [
      "down the columns",
      {
        x: [2, 3],
        indices: indices([
          [0, 1, 2],
          [0, 0, 2],
        ]),
      },
      { axis: 0, size: 3 },
    ],
    [
      "classes of pixels",
      { x: [2, 1, 2, 2], indices: { values: [0, 1, 2, 0, 1, 1, 2, 2], dtype: "int32", shape: [2, 1, 2, 2] } },
      { axis: 1, size: 3 },
    ],
  ]),
} satisfies Record<keyof typeof gatherOps, OpCases>;
