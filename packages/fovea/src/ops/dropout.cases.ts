import { casesOf } from "../testing/cases.ts";
import { dropoutOp } from "./dropout.ts";

const state = (...words: number[]) => ({ values: words, dtype: "int32" as const });

export const dropoutCases = {
  dropout: casesOf(dropoutOp, [
    ["a vector with a tail", { x: [37], state: state(1, 2, 0, 0, 0, 0) }, { p: 0.5 }],
    [
      "the mask follows the logical order in any layout",
      { x: [2, 3, 4, 5], state: state(-7, 9, 5, 0, 3, 1) },
      { p: 0.25 },
    ],
    ["the counter carries", { x: [20], state: state(3, 4, -2, -1, -1, 7) }, { p: 0.9 }],
    [
      "more than one part, in whole and in odd pictures",
      { x: [3, 40, 6, 6], state: state(11, 12, 0, 0, 0, 0) },
      { p: 0.3 },
    ],
    ["nine pixels a picture", { x: [2, 21, 3, 3], state: state(5, 6, -1, 0, 0, 0) }, { p: 0.5 }],
    ["nothing at all", { x: [0, 3], state: state(0, 0, 0, 0, 0, 0) }, { p: 0.5 }],
    ["nothing dropped", { x: [5], state: state(0, 0, 0, 0, 0, 0) }, { p: 0 }],
  ]),
};
