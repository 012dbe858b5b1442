import { casesOf, type OpCases } from "../testing/cases.ts";
import { epilogues } from "./epilogue.cases.ts";
import { fusedMatmulOp } from "./fusedMatmul.ts";

const sizes: readonly (readonly [m: number, k: number, n: number])[] = [
  [1, 37, 10],
  [3, 20, 33],
  [13, 29, 31],
  [16, 32, 64],
  [20, 1100, 17], // more than one block of K
];

export const fusedMatmulCases: OpCases = {
  op: fusedMatmulOp,
  cases: [
    ...casesOf(fusedMatmulOp, [
      [
        "1·(−1) and 1·2 with bias and residual",
        { a: { values: [[1]] }, b: { values: [[-1, 2]] }, bias: { values: [0, 1] }, residual: { values: [[0.5, 4]] } },
        { transposeA: false, transposeB: false, activation: "clip", min: 0, max: 6 },
        { expected: { values: [0, 6], origin: "by hand" } },
      ],
    ]).cases,
    ...[false, true].flatMap(
      (transposeB) =>
        casesOf(
          fusedMatmulOp,
          sizes.flatMap(([m, k, n]) =>
            epilogues.map(({ name, bias, residual, attrs }) => {
              const inputs = {
                a: [m, k],
                b: transposeB ? [n, k] : [k, n],
                ...(bias ? { bias: [n] } : {}),
                ...(residual ? { residual: [m, n] } : {}),
              };
              const title = `${m}×${k} by ${k}×${n}${transposeB ? " transposed" : ""}, ${name}`;
              return [title, inputs, { transposeA: false, transposeB, ...attrs }] as const;
            }),
          ),
        ).cases,
    ),
    ...casesOf(fusedMatmulOp, [
      [
        "batches",
        { a: [2, 3, 5], b: [2, 5, 9], bias: [9], residual: [2, 3, 9] },
        { transposeA: false, transposeB: false, activation: "relu", min: 0, max: 0 },
      ],
    ]).cases,
  ],
};
