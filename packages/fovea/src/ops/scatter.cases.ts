import { casesOf, type OpCases } from "../testing/cases.ts";
import { scatterOp } from "./scatter.ts";

const columns = {
  values: [
    [1, 0],
    [3, 3],
    [2, 0],
  ],
  dtype: "int32",
} as const;
const rows = { values: [0, 4, 2, 4], dtype: "int32" } as const;

export const scatterCases: OpCases = casesOf(scatterOp, [
  [
    "ScatterElements with an axis",
    {
      x: { values: [[1, 2, 3, 4, 5]] },
      indices: { values: [[1, 3]], dtype: "int32" },
      values: { values: [[1.5, 2.5]] },
    },
    { axis: 1, mode: "set" },
    { expected: { values: [[1, 1.5, 3, 2.5, 5]], origin: "ONNX, test_scatter_elements_with_axis (values in halves)" } },
  ],
  ["set, one place twice", { x: [3, 4], indices: columns, values: [3, 2] }, { axis: 1, mode: "set" }],
  ["set along the first axis", { x: [5], indices: rows, values: [4] }, { axis: 0, mode: "set" }],
  ["add", { x: [3, 4], indices: columns, values: [3, 2] }, { axis: 1, mode: "add" }],
  ["multiply", { x: [3, 4], indices: columns, values: [3, 2] }, { axis: 1, mode: "mul" }],
  ["max", { x: [3, 4], indices: columns, values: [3, 2] }, { axis: 1, mode: "max" }],
  ["min", { x: [3, 4], indices: columns, values: [3, 2] }, { axis: 1, mode: "min" }],
  [
    "no indices",
    { x: [3, 4], indices: { values: [], shape: [3, 0], dtype: "int32" }, values: [3, 0] },
    { axis: 1, mode: "set" },
  ],
  [
    "the largest of x and both values",
    {
      x: { values: [1, 5, -3] },
      indices: { values: [0, 0, 2], dtype: "int32" },
      values: { values: [4, 2, -7] },
    },
    { axis: 0, mode: "max" },
    { expected: { values: [4, 5, -3], origin: "the definition" }, differentiable: false },
  ],
  [
    "integers",
    {
      x: { values: [1, 5, -3], dtype: "int32" },
      indices: { values: [0, 0, 2], dtype: "int32" },
      values: { values: [4, 2, -7], dtype: "int32" },
    },
    { axis: 0, mode: "min" },
    { expected: { values: [1, 5, -7], origin: "the definition" } },
  ],
]);
