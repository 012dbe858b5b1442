import { casesOf, type OpCase, type OpCases } from "../testing/cases.ts";
import { matmulOp, type MatmulAttrs } from "./matmul.ts";

const plain: MatmulAttrs = { transposeA: false, transposeB: false };
const ways: readonly (readonly [string, MatmulAttrs])[] = [
  ["A·B", plain],
  ["Aᵀ·B", { transposeA: true, transposeB: false }],
  ["A·Bᵀ", { transposeA: false, transposeB: true }],
  ["Aᵀ·Bᵀ", { transposeA: true, transposeB: true }],
];
const sizes: readonly (readonly [m: number, k: number, n: number])[] = [
  [1, 1, 1],
  [1, 37, 10], // one picture through a classifier
  [3, 20, 33],
  [5, 1, 7],
  [13, 29, 31], // tails everywhere
  [16, 32, 64], // no tails
  [20, 1100, 17], // more than one block of K
  [7, 300, 150], // more than one slab of B
];

const oriented = (rows: number, columns: number, transposed: boolean) =>
  transposed ? [columns, rows] : [rows, columns];

const grid: readonly OpCase[] = ways.flatMap(
  ([name, attrs]) =>
    casesOf(
      matmulOp,
      sizes.map(
        ([m, k, n], i) =>
          [
            `${name}, ${m}×${k} by ${k}×${n}`,
            {
              a: oriented(m, k, attrs.transposeA),
              b: oriented(k, n, attrs.transposeB),
              ...(i % 2 === 1 ? { bias: [n] } : {}),
            },
            attrs,
          ] as const,
      ),
    ).cases,
);

export const matmulCases = {
  matmul: {
    op: matmulOp,
    cases: [
      ...casesOf(matmulOp, [
        [
          "2×3 by 3×2",
          {
            a: {
              values: [
                [1, 2, 3],
                [4, 5, 6],
              ],
            },
            b: {
              values: [
                [7, 8],
                [9, 10],
                [11, 12],
              ],
            },
          },
          plain,
          { expected: { values: [58, 64, 139, 154], origin: "by hand" } },
        ],
        [
          "a bias is added to every row",
          {
            a: {
              values: [
                [1, 0],
                [0, 1],
              ],
            },
            b: {
              values: [
                [1, 2],
                [3, 4],
              ],
            },
            bias: { values: [10, 20] },
          },
          { transposeA: false, transposeB: true },
          { expected: { values: [11, 23, 12, 24], origin: "by hand" } },
        ],
      ]).cases,
      ...grid,
      ...casesOf(matmulOp, [
        ["equal batches", { a: [3, 5, 7], b: [3, 7, 6] }, plain],
        [
          "two batch axes, A and B transposed",
          { a: [2, 3, 4, 5], b: [2, 3, 6, 4] },
          { transposeA: true, transposeB: true },
        ],
        ["a batch against one matrix", { a: [3, 4, 7], b: [6, 7], bias: [6] }, { transposeA: false, transposeB: true }],
        ["one matrix against a batch", { a: [4, 7], b: [3, 7, 6] }, plain],
        ["one transposed matrix against a batch", { a: [7, 4], b: [3, 7, 6] }, { transposeA: true, transposeB: false }],
        [
          "LeNet's first dense layer on a small batch",
          { a: [16, 400], b: [120, 400], bias: [120] },
          { transposeA: false, transposeB: true },
        ],
      ]).cases,
    ],
  },
} satisfies Record<string, OpCases>;
