import { ShapeError } from "../base/errors.ts";
import { normalizeAxis, rowMajorStrides, showShape } from "../base/shape.ts";
import { apply } from "../tensor/apply.ts";
import { defineOp } from "../tensor/op.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { cast } from "./cast.ts";
import { takeAlongAxis } from "./gather.ts";
import { narrow } from "./movement.ts";

/** Positions of the elements along an axis in order: stable, NaN largest, as in PyTorch. */
export const argsortOp = defineOp("argsort", {
  inputs: ["x"],
  shape: ({ x }, _attrs: { axis: number; descending: boolean }) => {
    if (x.dtype !== "float32" && x.dtype !== "int32")
      throw new ShapeError(`argsort: needs float32 or int32, got ${x.dtype}`);
    return { shape: x.shape, dtype: "int32" };
  },
  vjp: null,
  reference: ({ x }, { axis, descending }, y) => {
    const n = x.shape[axis]!;
    const inner = rowMajorStrides(x.shape)[axis]!;
    for (let line = 0; line < x.data.length / n; line++) {
      const base = Math.floor(line / inner) * inner * n + (line % inner);
      const value = (k: number): number => x.data[base + k * inner]!;
      const compare = (a: number, b: number): number => {
        const [v, w] = [value(a), value(b)];
        if (Number.isNaN(v) || Number.isNaN(w)) return Number(Number.isNaN(v)) - Number(Number.isNaN(w));
        return Number(v > w) - Number(v < w);
      };
      const order = Array.from({ length: n }, (_, k) => k);
      order.sort((a, b) => (descending ? compare(b, a) : compare(a, b)) || a - b);
      order.forEach((from, k) => (y.data[base + k * inner] = from));
    }
  },
});

/** Values and where they were. */
export interface Sorted {
  readonly values: Tensor;
  /** int32 positions along the axis. */
  readonly indices: Tensor;
}

/** Positions that would sort x along an axis, as int32: equal elements keep their order, NaN counts as largest. */
export function argsort(x: Tensor, axis = -1, descending = false): Tensor {
  const number = x.dtype === "bool" || x.dtype === "uint8" ? cast(x, "int32") : x;
  return apply(argsortOp, { x: number }, { axis: normalizeAxis(axis, x.rank, "argsort"), descending });
}

/** x sorted along an axis, and where each element came from. Gradients flow to the elements. */
export function sort(x: Tensor, axis = -1, descending = false): Sorted {
  const indices = argsort(x, axis, descending);
  return { values: takeAlongAxis(x, indices, axis), indices };
}

/**
 * The k largest (or smallest) elements along an axis, best first, and where they are; of equal ones the first.
 *
 * @param largest False for the smallest; default true.
 */
export function topk(x: Tensor, k: number, axis = -1, largest = true): Sorted {
  const a = normalizeAxis(axis, x.rank, "topk");
  if (!Number.isInteger(k) || k < 0 || k > x.shape[a]!) {
    throw new ShapeError(
      `topk: k must be in 0 … ${x.shape[a]}, the size of axis ${axis} of ${showShape(x.shape)}, got ${k}`,
    );
  }
  const indices = narrow(argsort(x, a, largest), a, 0, k);
  return { values: takeAlongAxis(x, indices, a), indices };
}
