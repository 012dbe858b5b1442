import { ShapeError } from "../base/errors.ts";
import { lazy } from "../base/lazy.ts";
import { normalizeAxis, showShape, sizeOf } from "../base/shape.ts";
import type { NdArray, TensorSpec } from "../backend/contract.ts";
import { apply } from "../tensor/apply.ts";
import { fromHost, tensor } from "../tensor/create.ts";
import { defineOp } from "../tensor/op.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { indexSelect } from "./gather.ts";

/** One output of a linear map along an axis: the positions it is made of, and their weights. */
export interface Taps {
  readonly from: readonly number[];
  readonly weights: readonly number[];
}

const names = ["x", "starts", "from", "weights", "startsT", "fromT", "weightsT"] as const;

type AlongAxisAttrs = { readonly axis: number };

/**
 * A sparse matrix times x along an axis: y[…, k, …] = Σ weights[t] · x[…, from[t], …] over starts[k] ≤ t < starts[k + 1].
 *
 * The transposed matrix comes with it: the gradient is the same op with both exchanged.
 */
const alongAxisOp = defineOp("alongAxis", {
  inputs: names,
  shape: ({ x, starts, from, weights, startsT, fromT, weightsT }, { axis }: AlongAxisAttrs) => {
    checkMatrix(starts, from, weights);
    checkMatrix(startsT, fromT, weightsT);
    if (x.dtype !== "float32") throw new ShapeError(`alongAxis: needs float32, got ${x.dtype}`);
    if (startsT.shape[0] !== x.shape[axis]! + 1) {
      throw new ShapeError(
        `alongAxis: a matrix with ${startsT.shape[0]! - 1} columns for axis ${axis} of ${showShape(x.shape)}`,
      );
    }
    return { shape: x.shape.map((d, k) => (k === axis ? starts.shape[0]! - 1 : d)), dtype: "float32" };
  },
  // y = A·x: dx = Aᵀ·g
  vjp: ({ starts, from, weights, startsT, fromT, weightsT }, attrs, _y, g) => ({
    x: () =>
      product(
        { x: g, starts: startsT, from: fromT, weights: weightsT, startsT: starts, fromT: from, weightsT: weights },
        attrs,
      ),
    starts: null,
    from: null,
    weights: null,
    startsT: null,
    fromT: null,
    weightsT: null,
  }),
  reference: ({ x, starts, from, weights }, { axis }, y) => {
    const inner = sizeOf(x.shape.slice(axis + 1));
    const [size, out] = [x.shape[axis]!, y.shape[axis]!];
    y.data.fill(0);
    forEachEntry(starts, (k, t) => {
      for (let o = 0; o < sizeOf(x.shape.slice(0, axis)); o++) {
        for (let i = 0; i < inner; i++) {
          y.data[(o * out + k) * inner + i]! += weights.data[t]! * x.data[(o * size + from.data[t]!) * inner + i]!;
        }
      }
    });
  },
});

function product(inputs: Record<(typeof names)[number], Tensor>, attrs: AlongAxisAttrs): Tensor {
  return apply(alongAxisOp, inputs, attrs);
}

export const alongAxisOps = { alongAxis: alongAxisOp } as const;

/** Calls `visit` with the row and the position of every entry of a sparse matrix. */
function forEachEntry(starts: NdArray, visit: (row: number, entry: number) => void): void {
  for (let k = 0; k + 1 < starts.data.length; k++) {
    for (let t = starts.data[k]!; t < starts.data[k + 1]!; t++) visit(k, t);
  }
}

function checkMatrix(starts: TensorSpec, from: TensorSpec, weights: TensorSpec): void {
  const fits =
    [starts, from, weights].every((t) => t.shape.length === 1) &&
    [starts.dtype, from.dtype, weights.dtype].join() === "int32,int32,float32" &&
    starts.shape[0]! >= 1 &&
    from.shape[0] === weights.shape[0];
  if (!fits) throw new ShapeError("alongAxis: needs int32 starts and from, float32 weights, each of rank 1");
}

/** The three arrays of a sparse matrix, row after row. */
export function sparseRows(rows: readonly Taps[]): { starts: number[]; from: number[]; weights: number[] } {
  let entries = 0;
  const starts = [0, ...rows.map(({ from }) => (entries += from.length))];
  return { starts, from: rows.flatMap(({ from }) => from), weights: rows.flatMap(({ weights }) => weights) };
}

/** The rows of the transposed matrix, which has `size` of them. */
export function transposedRows(rows: readonly Taps[], size: number): Taps[] {
  const columns = Array.from({ length: size }, () => ({ from: [] as number[], weights: [] as number[] }));
  rows.forEach(({ from, weights }, k) =>
    from.forEach((i, t) => {
      columns[i]!.from.push(k);
      columns[i]!.weights.push(weights[t]!);
    }),
  );
  return columns;
}

/**
 * y[…, k, …] = Σ weights[k][t] · x[…, from[k][t], …]: any fixed linear map along one axis, one entry of `taps` per output.
 *
 * Resizing and adaptive averages are separable: one such map per axis.
 */
export function alongAxis(x: Tensor, axis: number, taps: readonly Taps[]): Tensor {
  const a = normalizeAxis(axis, x.rank, "alongAxis");
  const size = x.shape[a]!;
  const plain = taps.every(({ weights }) => weights.length === 1 && weights[0] === 1);
  if (plain && taps.length === size && taps.every(({ from }, k) => from[0] === k)) return x;
  if (plain && x.dtype !== "float32") {
    return indexSelect(x, tensor(Int32Array.from(taps, ({ from }) => from[0]!)), a);
  }
  const entries = taps.reduce((n, { from }) => n + from.length, 0);
  // Made when an engine wants them: a recorded forward pass that nobody runs has no use for numbers.
  const of = (count: number, rows: () => readonly Taps[]) => {
    const matrix = lazy(() => sparseRows(rows()));
    return [
      fromHost(() => Int32Array.from(matrix().starts), [count + 1], "int32"),
      fromHost(() => Int32Array.from(matrix().from), [entries], "int32"),
      fromHost(() => Float32Array.from(matrix().weights), [entries], "float32"),
    ] as const;
  };
  const [starts, from, weights] = of(taps.length, () => taps);
  const [startsT, fromT, weightsT] = of(size, () => transposedRows(taps, size));
  return product({ x, starts, from, weights, startsT, fromT, weightsT }, { axis: a });
}
