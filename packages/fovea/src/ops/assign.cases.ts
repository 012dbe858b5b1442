import { casesOf } from "../testing/cases.ts";
import { assignOp } from "./assign.ts";

export const assignCases = casesOf(assignOp, [
  [
    "a vector",
    { target: [5], value: { values: [1, 2, 3, 4, 5] } },
    {},
    { expected: { values: [1, 2, 3, 4, 5], origin: "the definition" } },
  ],
  ["a scalar", { target: [], value: [] }, {}],
  ["a convolution's weight", { target: [3, 2, 3, 3], value: [3, 2, 3, 3] }, {}],
  ["more elements than a vector register, with a tail", { target: [7, 19], value: [7, 19] }, {}],
  [
    "whole numbers",
    { target: { values: [0, 0, 0], dtype: "int32" }, value: { values: [7, -8, 9], dtype: "int32" } },
    {},
    { expected: { values: [7, -8, 9], origin: "the definition" } },
  ],
  [
    "bytes",
    { target: { values: [0, 0, 0], dtype: "uint8" }, value: { values: [7, 8, 255], dtype: "uint8" } },
    {},
    { expected: { values: [7, 8, 255], origin: "the definition" } },
  ],
]);
