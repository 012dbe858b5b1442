import { ShapeError } from "../base/errors.ts";
import { broadcastShapes, matmulSizes, sameShape, showShape, sizeOf, type Shape } from "../base/shape.ts";
import type { NdArray } from "../backend/contract.ts";
import { apply } from "../tensor/apply.ts";
import { defineOp } from "../tensor/op.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { sumTo } from "./broadcast.ts";
import { expand, reshape } from "./movement.ts";

export type MatmulAttrs = {
  /** Read a as [..., K, M]. */
  readonly transposeA: boolean;
  /** Read b as [..., N, K]. */
  readonly transposeB: boolean;
};

function matmulShape(a: Shape, b: Shape, attrs: MatmulAttrs): number[] {
  const describe = () =>
    `matmul: a ${showShape(a)}${attrs.transposeA ? " transposed" : ""} and b ${showShape(b)}${attrs.transposeB ? " transposed" : ""}`;
  if (a.length < 2 || b.length < 2) throw new ShapeError(`${describe()}: both need at least two axes`);
  const { m, k, inner, n, batchA, batchB, batch } = matmulSizes(a, b, attrs);
  if (k !== inner)
    throw new ShapeError(
      `${describe()}: a has ${k} columns, b has ${inner} rows; they must be equal${k === n ? "; b transposed would fit: { transposeB: true }" : m === inner ? "; a transposed would fit: { transposeA: true }" : ""}`,
    );
  if (batchA.length > 0 && batchB.length > 0 && !sameShape(batchA, batchB)) {
    throw new ShapeError(`${describe()}: leading axes must be equal, or one of the two a plain matrix`);
  }
  return [...batch, m, n];
}

/** Element (row, column) of a rows × columns matrix at `offset`, possibly stored transposed. */
function element(
  t: NdArray,
  transposed: boolean,
  offset: number,
  row: number,
  column: number,
  rows: number,
  columns: number,
) {
  return t.data[offset + (transposed ? column * rows + row : row * columns + column)]!;
}

export const matmulOp = defineOp("matmul", {
  inputs: ["a", "b", "bias?"],
  shape: ({ a, b, bias }, attrs: MatmulAttrs) => {
    for (const t of [a, b, bias]) {
      if (t && t.dtype !== "float32") throw new ShapeError(`matmul: needs float32 tensors, got ${t.dtype}`);
    }
    const shape = matmulShape(a.shape, b.shape, attrs);
    const n = shape.at(-1)!;
    if (bias && !sameShape(bias.shape, [n])) {
      throw new ShapeError(
        `matmul: bias must be [${n}] for a result ${showShape(shape)}, got ${showShape(bias.shape)}`,
      );
    }
    return { shape, dtype: "float32" };
  },
  // C = A·B + bias: dA = dC·Bᵀ, dB = Aᵀ·dC; with Aᵀ or Bᵀ stored, both sides transposed
  vjp: ({ a, b }, { transposeA, transposeB }, _y, g) => ({
    a: () => sumTo(transposeA ? product(b, g, transposeB, true) : product(g, b, false, !transposeB), a.shape),
    b: () => sumTo(transposeB ? product(g, a, true, transposeA) : product(a, g, !transposeA, false), b.shape),
    bias: () => g.sum(g.shape.slice(0, -1).map((_, i) => i)),
  }),
  macs: ({ a, b }, attrs, y) => sizeOf(y.shape) * matmulSizes(a.shape, b.shape, attrs).k,
  reference: ({ a, b, bias }, attrs, y) => {
    const { m, k, n, batchA, batchB, batch } = matmulSizes(a.shape, b.shape, attrs);
    for (let p = 0; p < sizeOf(batch); p++) {
      const [fromA, fromB] = [batchA.length > 0 ? p * m * k : 0, batchB.length > 0 ? p * k * n : 0];
      // Rows of b as they lie in memory.
      const [rows, columns] = attrs.transposeB ? [n, k] : [k, n];
      for (let i = 0; i < m; i++) {
        const to = (p * m + i) * n;
        for (let j = 0; j < n; j++) y.data[to + j] = bias ? bias.data[j]! : 0;
        for (let r = 0; r < rows; r++) {
          for (let c = 0; c < columns; c++) {
            const [l, j] = attrs.transposeB ? [c, r] : [r, c];
            y.data[to + j]! += element(a, attrs.transposeA, fromA, i, l, m, k) * b.data[fromB + r * columns + c]!;
          }
        }
      }
    }
  },
});

/** op(a) · op(b) for matrices or equal batches of them; leading axes of one side may be missing. */
function product(a: Tensor, b: Tensor, transposeA: boolean, transposeB: boolean, bias?: Tensor): Tensor {
  // Many rows against one matrix are one product.
  if (a.rank > 2 && b.rank === 2 && !transposeA) {
    const rows = reshape(a, [-1, a.shape.at(-1)!]);
    const y = apply(matmulOp, { a: rows, b, bias }, { transposeA, transposeB });
    return reshape(y, [...a.shape.slice(0, -1), y.shape[1]!]);
  }
  return apply(matmulOp, { a, b, bias }, { transposeA, transposeB });
}

export interface MatmulOptions {
  /** Read a as [..., K, M]; default false. */
  transposeA?: boolean;
  /** Read b as [..., N, K]; default false. */
  transposeB?: boolean;
}

/**
 * The matrix product, [..., M, K] · [..., K, N] → [..., M, N], leading axes broadcast.
 *
 * A vector on the left is a row, on the right a column; its axis is gone from the result.
 */
export function matmul(a: Tensor, b: Tensor, { transposeA = false, transposeB = false }: MatmulOptions = {}): Tensor {
  if (a.rank === 0 || b.rank === 0) {
    throw new ShapeError(`matmul: a ${showShape(a.shape)} and b ${showShape(b.shape)}: a number has no rows; use mul`);
  }
  if (a.rank === 1 || b.rank === 1) {
    const left = a.rank === 1 ? reshape(a, [1, a.size]) : a;
    const right = b.rank === 1 ? reshape(b, [b.size, 1]) : b;
    const y = matmul(left, right, { transposeA: transposeA && a.rank > 1, transposeB: transposeB && b.rank > 1 });
    const lead = y.shape.slice(0, -2);
    const [m, n] = y.shape.slice(-2) as [number, number];
    return reshape(y, [...lead, ...(a.rank === 1 ? [] : [m]), ...(b.rank === 1 ? [] : [n])]);
  }
  const [batchA, batchB] = [a.shape.slice(0, -2), b.shape.slice(0, -2)];
  if (batchA.length === 0 || batchB.length === 0 || sameShape(batchA, batchB))
    return product(a, b, transposeA, transposeB);
  const batch = broadcastShapes(batchA, batchB, "matmul, leading axes");
  const spread = (t: Tensor) => expand(t, [...batch, ...t.shape.slice(-2)]);
  return product(spread(a), spread(b), transposeA, transposeB);
}

/** x · weightᵀ + bias: [..., inFeatures] with weight [outFeatures, inFeatures] → [..., outFeatures]. */
export function affine(x: Tensor, weight: Tensor, bias?: Tensor): Tensor {
  return product(x, weight, false, true, bias);
}
