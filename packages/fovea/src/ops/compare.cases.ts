import type { OpCases } from "../testing/cases.ts";
import { casesOf } from "../testing/cases.ts";
import { compareOps } from "./compare.ts";

type Name = keyof typeof compareOps;

/** Bit n of 0, 1, 2, … */
const bits = (n: number, length: number) => ({
  values: Array.from({ length }, (_, i) => (i >> n) & 1),
  dtype: "bool" as const,
});

const logical = (name: Name): boolean => name.startsWith("logical");

function cases(name: Name): OpCases {
  const op = compareOps[name];
  if (logical(name)) {
    return casesOf(op, [
      ["the truth table, more than a vector long", { a: bits(0, 70), b: bits(1, 70) }, {}],
      ["a row over a matrix", { a: { ...bits(0, 12), shape: [3, 4] }, b: bits(1, 4) }, {}],
    ]);
  }
  const some = [1, 2, 2, -3, 0, -0, Infinity, NaN, 5, 6, 7, 8, 9, 1, 2, 3, 4, 5, 6];
  const other = [2, 1, 2, -3, -0, 0, Infinity, NaN, 5, 5, 8, 8, 0, 1, 0, 3, 0, 5, 0];
  return casesOf(op, [
    ["floats, equal, unequal, infinite and NaN", { a: { values: some }, b: { values: other } }, {}],
    ["integers", { a: { values: [1, 2, 3], dtype: "int32" }, b: { values: [3, 2, 1], dtype: "int32" } }, {}],
    ["a scalar", { a: [4, 9], b: { values: 0.1 } }, {}],
    ["a channel over an image", { a: [2, 3, 4, 5], b: [1, 3, 1, 1] }, {}],
    ["an image under a channel", { a: [3, 1, 1], b: [2, 3, 4, 5] }, {}],
  ]);
}

export const compareCases = Object.fromEntries(
  Object.keys(compareOps).map((name) => [name, cases(name as Name)]),
) as Record<Name, OpCases>;
