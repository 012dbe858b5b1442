import { normalizeAxis, sizeOf } from "../base/shape.ts";
import { tensor } from "../tensor/create.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { indexSelect } from "./gather.ts";
import { matmul } from "./matmul.ts";
import { reshape } from "./movement.ts";

/** One output of a linear map along an axis: the positions it is made of, and their weights. */
export interface Taps {
  readonly from: readonly number[];
  readonly weights: readonly number[];
}

/** Up to so many taps are gathered one after another: linear cost, and a NaN stays where it is. */
const FEW = 4;

/**
 * y[…, k, …] = Σ weights[k][t] · x[…, from[k][t], …]: any fixed linear map along one axis, one entry of `taps` per output.
 *
 * Resizing, adaptive averages and neighbourhood sums are separable: one such map per axis.
 */
export function alongAxis(x: Tensor, axis: number, taps: readonly Taps[]): Tensor {
  const a = normalizeAxis(axis, x.rank, "alongAxis");
  const size = x.shape[a]!;
  const most = taps.reduce((n, { from }) => Math.max(n, from.length), 1);
  const plain = taps.every(({ weights }) => weights.length === 1 && weights[0] === 1);
  if (plain && taps.length === size && taps.every(({ from }, k) => from[0] === k)) return x;
  if (most > FEW) return byMatrix(x, a, taps);
  const column = x.shape.map((_, k) => (k === a ? taps.length : 1));
  let sum: Tensor | null = null;
  for (let t = 0; t < most; t++) {
    // Outputs with fewer taps read their first one again, with weight 0.
    const indices = taps.map(({ from }) => from[t] ?? from[0] ?? 0);
    const picked = indexSelect(x, tensor(Int32Array.from(indices)), a);
    if (plain) return picked;
    const weights = Float32Array.from(taps, (tap) => tap.weights[t] ?? 0);
    const part = picked.mul(tensor(weights, { shape: column }));
    sum = sum === null ? part : sum.add(part);
  }
  return sum!;
}

/** The same as a product with the map's matrix. */
function byMatrix(x: Tensor, axis: number, taps: readonly Taps[]): Tensor {
  const size = x.shape[axis]!;
  const values = new Float32Array(taps.length * size);
  taps.forEach(({ from, weights }, k) => from.forEach((i, t) => (values[k * size + i]! += weights[t]!)));
  const matrix = tensor(values, { shape: [taps.length, size] });
  if (axis === x.rank - 1) return matmul(x, matrix, { transposeB: true });
  const shape = x.shape.map((d, k) => (k === axis ? taps.length : d));
  const [outer, inner] = [sizeOf(x.shape.slice(0, axis)), sizeOf(x.shape.slice(axis + 1))];
  return reshape(matmul(matrix, reshape(x, [outer, size, inner])), shape);
}
