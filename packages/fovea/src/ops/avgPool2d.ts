import { ShapeError } from "../base/errors.ts";
import { sameShape, showShape, type Shape } from "../base/shape.ts";
import type { TensorSpec } from "../backend/contract.ts";
import { apply } from "../tensor/apply.ts";
import { defineOp } from "../tensor/op.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { poolShape, poolWindows, type PoolAttrs } from "./pool.ts";

export type AvgPoolAttrs = PoolAttrs & { readonly countIncludePad: boolean };

/** Calls `visit` with every window's output position, its pixels, and what their sum is divided by. */
function forEachAverage(
  x: Shape,
  y: Shape,
  attrs: AvgPoolAttrs,
  visit: (to: number, taps: readonly number[], divisor: number) => void,
): void {
  const { kernel, stride, padding } = attrs;
  /** Pixels of an axis inside the padded picture; a window in ceil mode may stick out even of that. */
  const extent = (axis: 0 | 1, at: number) => {
    const start = at * stride[axis] - padding[axis][0];
    return Math.min(start + kernel[axis], x[2 + axis]! + padding[axis][1]) - start;
  };
  poolWindows(x, y, attrs, (to, taps, row, column) =>
    visit(to, taps, attrs.countIncludePad ? extent(0, row) * extent(1, column) : Math.max(1, taps.length)),
  );
}

function averageShape(who: string, { dtype }: TensorSpec, x: Shape, attrs: AvgPoolAttrs): readonly number[] {
  if (dtype !== "float32") throw new ShapeError(`${who}: needs float32, got ${dtype}`);
  return poolShape(who, x, attrs);
}

const avgPool2dOp = defineOp("avgPool2d", {
  inputs: ["x"],
  shape: ({ x }, attrs: AvgPoolAttrs) => ({ shape: averageShape("avgPool2d", x, x.shape, attrs), dtype: "float32" }),
  // each pixel of a window gets an equal part of g
  vjp: ({ x }, attrs, _y, g) => ({ x: () => spread(g, x.shape, attrs) }),
  reference: ({ x }, attrs, y) =>
    forEachAverage(x.shape, y.shape, attrs, (to, taps, divisor) => {
      let sum = 0;
      for (const from of taps) sum += x.data[from]!;
      y.data[to] = sum / divisor;
    }),
});

/** Gradient of avgPool2d: each g is spread evenly over its window. */
const avgPool2dGradOp = defineOp("avgPool2dGrad", {
  inputs: ["g"],
  shape: ({ g }, { shape, ...attrs }: AvgPoolAttrs & { readonly shape: Shape }) => {
    const pooled = averageShape("avgPool2dGrad", g, shape, attrs);
    if (!sameShape(pooled, g.shape)) {
      throw new ShapeError(
        `avgPool2dGrad: pooling ${showShape(shape)} gives ${showShape(pooled)}, the gradient is ${showShape(g.shape)}`,
      );
    }
    return { shape, dtype: "float32" };
  },
  vjp: (_inputs, { shape: _shape, ...attrs }, _y, v) => ({ g: () => average(v, attrs) }),
  reference: ({ g }, attrs, y) => {
    y.data.fill(0);
    forEachAverage(y.shape, g.shape, attrs, (to, taps, divisor) => {
      for (const from of taps) y.data[from]! += g.data[to]! / divisor;
    });
  },
});

/** The mean of each window of pictures, attributes spelled out. The windows may be dilated if padding does not count. */
export function average(x: Tensor, attrs: AvgPoolAttrs): Tensor {
  return apply(avgPool2dOp, { x }, attrs);
}

function spread(g: Tensor, shape: Shape, attrs: AvgPoolAttrs): Tensor {
  return apply(avgPool2dGradOp, { g }, { ...attrs, shape });
}

export const avgPool2dOps = { avgPool2d: avgPool2dOp, avgPool2dGrad: avgPool2dGradOp } as const;
