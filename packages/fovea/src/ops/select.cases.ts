import { casesOf } from "../testing/cases.ts";
import { castOp } from "./cast.ts";
import { clampOp, whereOp } from "./select.ts";

const mask = (length: number, shape: readonly number[] = [length]) => ({
  values: Array.from({ length }, (_, i) => Number(i % 3 === 0)),
  dtype: "bool" as const,
  shape,
});

export const selectCases = {
  where: casesOf(whereOp, [
    ["equal shapes", { condition: mask(34, [2, 17]), a: [2, 17], b: [2, 17] }, {}],
    ["a scalar on either side", { condition: mask(20), a: [20], b: { values: 0 } }, {}],
    ["a mask per channel", { condition: mask(3, [3, 1, 1]), a: [2, 3, 4, 5], b: [2, 3, 4, 5] }, {}],
    ["a mask over a channel", { condition: mask(120, [2, 3, 4, 5]), a: [1, 3, 1, 1], b: [2, 3, 4, 5] }, {}],
    ["many pixels", { condition: mask(1260, [2, 3, 14, 15]), a: [2, 3, 14, 15], b: { values: 0 } }, {}],
    ["a row, a column and a scalar", { condition: mask(7), a: [5, 1], b: [] }, {}],
    [
      "not a number is not chosen by accident",
      { condition: mask(4), a: { values: [1, NaN, NaN, 4] }, b: { values: [NaN, 2, 3, NaN] } },
      {},
      { differentiable: false },
    ],
    [
      "integers",
      { condition: mask(4), a: { values: [1, 2, 3, 4], dtype: "int32" }, b: { values: [5, 6, 7, 8], dtype: "int32" } },
      {},
    ],
  ]),
  clamp: casesOf(clampOp, [
    [
      "both sides",
      { x: { values: [-2, -0.3, 0.2, 0.7, 5, 0.1, -9, 0.4, 3, 2, 1.5, -1, 0.9, 0.8, 0.6, 0.05, -4] } },
      { min: -0.5, max: 1 },
    ],
    ["an image", { x: [2, 3, 4, 5] }, { min: -1, max: 6 }, { differentiable: false }],
    ["not a number stays", { x: { values: [NaN, 1] } }, { min: 0, max: 0.5 }, { differentiable: false }],
  ]),
  cast: casesOf(castOp, [
    [
      "float to int32 truncates",
      { x: { values: [1.9, -1.9, 0, 300.5] } },
      { dtype: "int32" },
      { expected: { values: [1, -1, 0, 300], origin: "C conversion" } },
    ],
    [
      "float to bool",
      { x: { values: [0, -0, 0.1, -3, NaN] } },
      { dtype: "bool" },
      { expected: { values: [0, 0, 1, 1, 1], origin: "anything not 0" } },
    ],
    [
      "uint8 to float32",
      { x: { values: Array.from({ length: 40 }, (_, i) => i * 6), dtype: "uint8" } },
      { dtype: "float32" },
    ],
    ["int32 to float32", { x: { values: [1, -2, 1 << 24], dtype: "int32" } }, { dtype: "float32" }],
    ["bool to int32", { x: { values: [1, 0, 1], dtype: "bool" } }, { dtype: "int32" }],
    ["bool to float32 in an image", { x: mask(120, [2, 3, 4, 5]) }, { dtype: "float32" }],
    ["int32 to bool", { x: { values: [0, 256, -1], dtype: "int32" } }, { dtype: "bool" }],
    [
      "float to int32 far out",
      { x: { values: [NaN, 2147483520, -2147483648] } },
      { dtype: "int32" },
      { expected: { values: [0, 2147483520, -2147483648], origin: "the range of int32" } },
    ],
    [
      "int32 to uint8 keeps the low byte",
      { x: { values: [256, 257, -1, 511], dtype: "int32" } },
      { dtype: "uint8" },
      { expected: { values: [0, 1, 255, 255], origin: "C conversion" } },
    ],
    ["bool to uint8", { x: mask(19) }, { dtype: "uint8" }],
    ["uint8 to bool", { x: { values: [0, 2, 255, 1, 0], dtype: "uint8" } }, { dtype: "bool" }],
    ["float to uint8", { x: { values: [0, 1.5, 255, 128] } }, { dtype: "uint8" }],
  ]),
};
