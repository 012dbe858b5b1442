import { casesOf, type OpCases } from "../testing/cases.ts";
import { cumsumOp } from "./cumsum.ts";

const plain = { exclusive: false, reverse: false };

export const cumsumCases: OpCases = casesOf(cumsumOp, [
  ["rows", { x: [5, 40] }, { axis: 1, ...plain }],
  ["columns", { x: [40, 5] }, { axis: 0, ...plain }],
  ["a middle axis, reversed", { x: [3, 20, 5] }, { axis: 1, exclusive: false, reverse: true }],
  ["nothing", { x: [3, 0] }, { axis: 1, ...plain }],
  [
    "integers",
    { x: { values: [1, 2, 3, 4], dtype: "int32" } },
    { axis: 0, ...plain },
    { expected: { values: [1, 3, 6, 10], origin: "the definition" } },
  ],
  [
    "exclusive",
    { x: { values: [1, 2, 3, 4] } },
    { axis: 0, exclusive: true, reverse: false },
    { expected: { values: [0, 1, 3, 6], origin: "ONNX' CumSum, exclusive" } },
  ],
  [
    "exclusive and reversed",
    { x: { values: [1, 2, 3, 4] } },
    { axis: 0, exclusive: true, reverse: true },
    { expected: { values: [9, 7, 4, 0], origin: "ONNX' CumSum, exclusive and reverse" } },
  ],
]);
