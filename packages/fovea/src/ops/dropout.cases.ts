import { casesOf } from "../testing/cases.ts";
import { dropoutOp } from "./dropout.ts";

const state = (...words: number[]) => ({ values: words, dtype: "int32" as const });

export const dropoutCases = {
  dropout: casesOf(dropoutOp, [
    ["a vector with a tail", { x: [37], state: state(1, 2, 0, 0, 0, 0) }, { p: 0.5 }],
    ["the mask follows the logical order in any layout", { x: [2, 3, 4, 5], state: state(-7, 9, 5, 0, 3, 1) }, { p: 0.25 }],
    ["the counter carries", { x: [20], state: state(3, 4, -2, -1, -1, 7) }, { p: 0.9 }],
    ["nothing dropped", { x: [5], state: state(0, 0, 0, 0, 0, 0) }, { p: 0 }],
  ]),
};
