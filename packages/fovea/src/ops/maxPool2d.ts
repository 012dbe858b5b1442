import { ShapeError } from "../base/errors.ts";
import { sameShape, showShape } from "../base/shape.ts";
import type { NdArray, TensorSpec } from "../backend/contract.ts";
import { apply } from "../tensor/apply.ts";
import { defineOp } from "../tensor/op.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { poolShape, poolWindows, resolvePool, type PoolAttrs } from "./pool.ts";
import type { Padding2d, Pair } from "./windows.ts";

export interface MaxPool2dOptions {
  /** Distance of neighbouring windows in pixels; default: the window, so that windows tile the picture. */
  stride?: Pair;
  /** Border that never wins; at most half a window in each direction; default 0. */
  padding?: Padding2d;
  /** Distance of neighbouring pixels of a window; default 1. */
  dilation?: Pair;
  /** Round the number of windows up instead of down, letting the last ones stick out; default false. */
  ceilMode?: boolean;
}

/**
 * The place of each window's maximum: the first in scan order among equals; a NaN is larger than everything (the last
 * of several), as in PyTorch.
 */
function forEachMaximum(x: NdArray, y: TensorSpec, attrs: PoolAttrs, visit: (from: number, to: number) => void): void {
  poolWindows(x.shape, y.shape, attrs, (to, taps) => {
    if (taps.length === 0) return; // a dilated window can miss a very small picture
    let best = taps[0]!;
    for (const from of taps) if (x.data[from]! > x.data[best]! || Number.isNaN(x.data[from]!)) best = from;
    visit(best, to);
  });
}

function maxShape(who: string, x: TensorSpec, attrs: PoolAttrs): readonly number[] {
  if (x.dtype !== "float32") throw new ShapeError(`${who}: needs float32, got ${x.dtype}`);
  return poolShape(who, x.shape, attrs);
}

const maxPool2dOp = defineOp("maxPool2d", {
  inputs: ["x"],
  shape: ({ x }, attrs: PoolAttrs) => ({ shape: maxShape("maxPool2d", x, attrs), dtype: "float32" }),
  // g goes to the place of the maximum
  vjp: ({ x }, attrs, _y, g) => ({ x: () => sendBack(x, g, attrs) }),
  reference: ({ x }, attrs, y) => {
    y.data.fill(-Infinity);
    forEachMaximum(x, y, attrs, (from, to) => (y.data[to] = x.data[from]!));
  },
});

/** Gradient of maxPool2d: each g is added where its window of x has the maximum. */
const maxPool2dGradOp = defineOp("maxPool2dGrad", {
  inputs: ["x", "g"],
  shape: ({ x, g }, attrs: PoolAttrs) => {
    const pooled = maxShape("maxPool2dGrad", x, attrs);
    if (!sameShape(pooled, g.shape)) {
      throw new ShapeError(
        `maxPool2dGrad: pooling ${showShape(x.shape)} gives ${showShape(pooled)}, the gradient is ${showShape(g.shape)}`,
      );
    }
    return { shape: x.shape, dtype: "float32" };
  },
  // linear in g; where the maxima lie does not change with small changes of x
  vjp: ({ x }, attrs, _y, v) => ({ x: null, g: () => pickUp(x, v, attrs) }),
  reference: ({ x, g }, attrs, y) => {
    y.data.fill(0);
    forEachMaximum(x, g, attrs, (from, to) => (y.data[from]! += g.data[to]!));
  },
});

/** v at the place of each window's maximum of x: the adjoint of maxPool2dGrad. */
const maxPool2dGatherOp = defineOp("maxPool2dGather", {
  inputs: ["x", "v"],
  shape: ({ x, v }, attrs: PoolAttrs) => {
    if (!sameShape(x.shape, v.shape)) {
      throw new ShapeError(`maxPool2dGather: x ${showShape(x.shape)} and v ${showShape(v.shape)} must have one shape`);
    }
    return { shape: maxShape("maxPool2dGather", x, attrs), dtype: "float32" };
  },
  vjp: ({ x }, attrs, _y, g) => ({ x: null, v: () => sendBack(x, g, attrs) }),
  reference: ({ x, v }, attrs, y) => forEachMaximum(x, y, attrs, (from, to) => (y.data[to] = v.data[from]!)),
});

function sendBack(x: Tensor, g: Tensor, attrs: PoolAttrs): Tensor {
  return apply(maxPool2dGradOp, { x, g }, attrs);
}

function pickUp(x: Tensor, v: Tensor, attrs: PoolAttrs): Tensor {
  return apply(maxPool2dGatherOp, { x, v }, attrs);
}

/** Where each window's maximum lies: row · W + column, int32. */
const maxPool2dIndicesOp = defineOp("maxPool2dIndices", {
  inputs: ["x"],
  shape: ({ x }, attrs: PoolAttrs) => ({ shape: maxShape("maxPool2dIndices", x, attrs), dtype: "int32" }),
  vjp: null,
  reference: ({ x }, attrs, y) => {
    const pixels = x.shape[2]! * x.shape[3]!;
    forEachMaximum(x, y, attrs, (from, to) => (y.data[to] = from % pixels));
  },
});

export const maxPool2dOps = {
  maxPool2d: maxPool2dOp,
  maxPool2dGrad: maxPool2dGradOp,
  maxPool2dGather: maxPool2dGatherOp,
  maxPool2dIndices: maxPool2dIndicesOp,
} as const;

/** The largest value of each window: [N, C, H, W] → [N, C, H', W']. */
export function maxPool2d(x: Tensor, kernelSize: Pair, options: MaxPool2dOptions = {}): Tensor {
  return apply(maxPool2dOp, { x }, resolvePool("maxPool2d", x.shape, kernelSize, options));
}

/** Where the largest value of each window lies, as row · W + column (int32): PyTorch's `return_indices`. */
export function maxPool2dIndices(x: Tensor, kernelSize: Pair, options: MaxPool2dOptions = {}): Tensor {
  return apply(maxPool2dIndicesOp, { x }, resolvePool("maxPool2dIndices", x.shape, kernelSize, options));
}
