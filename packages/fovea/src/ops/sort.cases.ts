import { casesOf, type OpCases } from "../testing/cases.ts";
import { argsortOp } from "./sort.ts";

const up = { axis: 0, descending: false };
const down = { axis: 0, descending: true };
const odd = { values: [3, NaN, -0, 0, -Infinity, 3, Infinity, -2] };

export const argsortCases: OpCases = casesOf(argsortOp, [
  ["rows", { x: [7, 33] }, { axis: 1, descending: false }],
  ["columns", { x: [33, 7] }, down],
  ["a middle axis", { x: [3, 20, 5] }, { axis: 1, descending: true }],
  ["a long row", { x: [2, 1000] }, { axis: 1, descending: false }],
  ["one element", { x: [3, 1] }, { axis: 1, descending: false }],
  ["nothing", { x: [0, 4] }, { axis: 1, descending: false }],
  ["an empty axis", { x: [4, 0] }, { axis: 1, descending: false }],
  [
    "NaN is largest, −0 equals 0, equals keep their order",
    { x: odd },
    up,
    { expected: { values: [4, 7, 2, 3, 0, 5, 6, 1], origin: "PyTorch's sort, stable=True" } },
  ],
  [
    "descending, NaN is first",
    { x: odd },
    down,
    { expected: { values: [1, 6, 0, 5, 2, 3, 7, 4], origin: "PyTorch's sort, stable=True" } },
  ],
  [
    "integers",
    { x: { values: [5, -3, 5, 2147483647, -2147483648], dtype: "int32" } },
    down,
    { expected: { values: [3, 0, 2, 1, 4], origin: "the order of the numbers" } },
  ],
]);
