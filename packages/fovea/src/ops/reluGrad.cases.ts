import { casesOf } from "../testing/cases.ts";
import { reluGradOp } from "./reluGrad.ts";

export const reluGradCases = casesOf(reluGradOp, [
  [
    "0, negative numbers and NaN let nothing through",
    { g: { values: [1, 2, 3, 4, NaN] }, y: { values: [0.5, 0, -1, NaN, 2] } },
    {},
    { expected: { values: [1, 0, 0, 0, NaN], origin: "the definition" }, differentiable: false },
  ],
  ["an activation", { g: [2, 5, 3, 4], y: [2, 5, 3, 4] }, {}],
  ["a vector and a bit", { g: [37], y: [37] }, {}],
]);
