import type { CaseInput, OpCases } from "../testing/cases.ts";
import { casesOf } from "../testing/cases.ts";
import { binaryOps } from "./binary.ts";

type Name = keyof typeof binaryOps;
type Row = readonly [string, { a: CaseInput; b: CaseInput }, Record<never, never>, { differentiable?: boolean }?];

/** Ways in which two shapes meet. */
const shapes: readonly (readonly [string, readonly number[], readonly number[]])[] = [
  ["equal shapes", [3, 17], [3, 17]],
  ["a scalar on the right", [2, 19], []],
  ["a scalar on the left", [], [2, 19]],
  ["a row over a matrix", [5, 7], [7]],
  ["a column over a matrix", [5, 7], [5, 1]],
  ["a row against a column", [1, 6], [5, 1]],
  ["a channel over an image", [2, 3, 4, 5], [1, 3, 1, 1]],
  ["an image under a channel", [3, 1, 1], [2, 3, 4, 5]],
  ["a picture over a batch", [2, 3, 4, 5], [3, 4, 5]],
  ["few channels over many pixels", [2, 6, 19, 21], [6, 1, 1]],
  ["many channels over pixels", [2, 150, 3, 3], [1, 150, 1, 1]],
  ["a mean per picture and channel", [3, 5, 4, 6], [3, 5, 1, 1]],
  ["axes taking turns", [3, 1, 4, 1, 2], [1, 5, 1, 6, 2]],
  ["rank 0", [], []],
  ["nothing", [0, 4], [1, 4]],
];

const values = (shape: readonly number[], from: number) => {
  const size = shape.reduce((n, d) => n * d, 1);
  return { values: Array.from({ length: size }, (_, i) => from + ((i * 7) % 11) / 4), shape };
};

function rows(name: Name): Row[] {
  // Divisors and bases stay away from 0; maximum and minimum get no ties.
  const positive = name === "div" || name === "pow";
  const untied = name === "maximum" || name === "minimum";
  return shapes.map(([title, a, b]) => {
    const inputs = positive || untied ? { a: values(a, 0.6), b: values(b, untied ? 1.1 : 0.5) } : { a, b };
    return [title, inputs, {}];
  });
}

const integers: Row = [
  "integers",
  { a: { values: [7, -7, 2, 0], dtype: "int32" }, b: { values: [2, 3, -5, 1], dtype: "int32" } },
  {},
];

export const binaryCases = {
  add: casesOf(binaryOps.add, [...rows("add"), integers]),
  sub: casesOf(binaryOps.sub, [...rows("sub"), integers]),
  mul: casesOf(binaryOps.mul, [...rows("mul"), integers]),
  div: casesOf(binaryOps.div, [
    ...rows("div"),
    [
      "by zero",
      { a: { values: [1, -1, 0] }, b: { values: [0, 0, 0] } },
      {},
      { differentiable: false, expected: { values: [Infinity, -Infinity, NaN], origin: "IEEE 754" } },
    ],
  ]),
  pow: casesOf(binaryOps.pow, [
    ...rows("pow"),
    [
      "whole exponents of negative bases",
      { a: { values: [-2, -2, -3, 5, 0, 0] }, b: { values: [2, 3, -1, 0, 2, 0] } },
      {},
      { differentiable: false },
    ],
  ]),
  maximum: casesOf(binaryOps.maximum, [
    ...rows("maximum"),
    integers,
    ["not a number wins", { a: { values: [NaN, 1, 2] }, b: { values: [1, NaN, 3] } }, {}, { differentiable: false }],
  ]),
  minimum: casesOf(binaryOps.minimum, [
    ...rows("minimum"),
    integers,
    ["not a number wins", { a: { values: [NaN, 1, 2] }, b: { values: [1, NaN, 3] } }, {}, { differentiable: false }],
  ]),
} satisfies Record<Name, OpCases>;
