import { ShapeError } from "../base/errors.ts";
import { normalizeAxis, rowMajorStrides } from "../base/shape.ts";
import type { NdArray, TensorSpec } from "../backend/contract.ts";
import { apply } from "../tensor/apply.ts";
import { defineOp } from "../tensor/op.ts";
import type { Tensor } from "../tensor/tensor.ts";

function shape(name: string, x: TensorSpec): TensorSpec {
  if (x.dtype !== "float32") throw new ShapeError(`${name}: needs float32, got ${x.dtype}`);
  return x;
}

/** Calls `row` with the positions of each line of elements along an axis. */
function forLines(x: NdArray, axis: number, row: (position: (k: number) => number, length: number) => void): void {
  const inner = rowMajorStrides(x.shape)[axis]!;
  const length = x.shape[axis]!;
  if (length === 0) return;
  for (let line = 0; line < x.data.length / length; line++) {
    const base = Math.floor(line / inner) * inner * length + (line % inner);
    row((k) => base + k * inner, length);
  }
}

/** The largest element of a line and Σ exp(x − largest). */
function normalizer(x: NdArray, position: (k: number) => number, length: number): [number, number] {
  let largest = -Infinity;
  for (let k = 0; k < length; k++) largest = Math.max(largest, x.data[position(k)]!);
  let total = 0;
  for (let k = 0; k < length; k++) total += Math.exp(x.data[position(k)]! - largest);
  return [largest, total];
}

export const softmaxOps = {
  /** yₖ = exp(xₖ) / Σ exp(x) */
  softmax: defineOp("softmax", {
    inputs: ["x"],
    shape: ({ x }, _attrs: { axis: number }) => shape("softmax", x),
    // dx = y · (g − Σ g·y)
    vjp: (_inputs, { axis }, y, g) => ({ x: () => y.mul(g.sub(g.mul(y).sum(axis, true))) }),
    reference: ({ x }, { axis }, y) => {
      forLines(x, axis, (position, length) => {
        const [largest, total] = normalizer(x, position, length);
        for (let k = 0; k < length; k++) y.data[position(k)] = Math.exp(x.data[position(k)]! - largest) / total;
      });
    },
  }),
  /** yₖ = xₖ − ln Σ exp(x) */
  logSoftmax: defineOp("logSoftmax", {
    inputs: ["x"],
    shape: ({ x }, _attrs: { axis: number }) => shape("logSoftmax", x),
    // dx = g − exp(y) · Σ g
    vjp: (_inputs, { axis }, y, g) => ({ x: () => g.sub(y.exp().mul(g.sum(axis, true))) }),
    reference: ({ x }, { axis }, y) => {
      forLines(x, axis, (position, length) => {
        const [largest, total] = normalizer(x, position, length);
        for (let k = 0; k < length; k++) y.data[position(k)] = x.data[position(k)]! - largest - Math.log(total);
      });
    },
  }),
} as const;

/** Probabilities along an axis: exp(x) / Σ exp(x). */
export function softmax(x: Tensor, axis = -1): Tensor {
  return apply(softmaxOps.softmax, { x }, { axis: normalizeAxis(axis, x.rank, "softmax") });
}

/** Logarithms of softmax, without its underflow. */
export function logSoftmax(x: Tensor, axis = -1): Tensor {
  return apply(softmaxOps.logSoftmax, { x }, { axis: normalizeAxis(axis, x.rank, "logSoftmax") });
}
