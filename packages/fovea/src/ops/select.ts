import { ShapeError } from "../base/errors.ts";
import { broadcastShapes } from "../base/shape.ts";
import { apply } from "../tensor/apply.ts";
import { defineOp } from "../tensor/op.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { broadcastIndex, operands, sumTo } from "./broadcast.ts";

/** a where the condition is true, else b; all three broadcast. */
export const whereOp = defineOp("where", {
  inputs: ["condition", "a", "b"],
  shape: ({ condition, a, b }) => {
    if (condition.dtype !== "bool") throw new ShapeError(`where: the condition must be bool, got ${condition.dtype}`);
    if (a.dtype !== b.dtype || (a.dtype !== "float32" && a.dtype !== "int32")) {
      throw new ShapeError(`where: cannot choose between ${a.dtype} and ${b.dtype}`);
    }
    return {
      shape: broadcastShapes(broadcastShapes(a.shape, b.shape, "where"), condition.shape, "where"),
      dtype: a.dtype,
    };
  },
  vjp: ({ condition, a, b }, _attrs, _y, g) => ({
    condition: null,
    a: () => sumTo(where(condition, g, 0), a.shape),
    b: () => sumTo(where(condition, 0, g), b.shape),
  }),
  reference: ({ condition, a, b }, _attrs, y) => {
    const [ic, ia, ib] = [condition, a, b].map((t) => broadcastIndex(t.shape, y.shape));
    for (let i = 0; i < y.data.length; i++) y.data[i] = condition.data[ic!(i)] ? a.data[ia!(i)]! : b.data[ib!(i)]!;
  },
});

/** Elements of `a` where `condition` is true, of `b` elsewhere; all broadcast. */
export function where(condition: Tensor, a: Tensor | number, b: Tensor | number): Tensor {
  const [x, y] = operands(a, b);
  return apply(whereOp, { condition, a: x, b: y }, {});
}

/** x kept between two bounds; NaN stays NaN. */
export const clampOp = defineOp("clamp", {
  inputs: ["x"],
  shape: ({ x }, { min, max }: { min: number; max: number }) => {
    if (x.dtype !== "float32") throw new ShapeError(`clamp: needs float32, got ${x.dtype}`);
    if (!(min <= max)) throw new ShapeError(`clamp: min must be ≤ max, got min ${min} and max ${max}`);
    return x;
  },
  // dx inside the bounds, 0 outside
  vjp: ({ x }, { min, max }, _y, g) => ({
    x: () => where(x.greaterEqual(min).logicalAnd(x.lessEqual(max)), g, 0),
  }),
  reference: ({ x }, { min, max }, y) => {
    for (let i = 0; i < y.data.length; i++) y.data[i] = Math.min(Math.max(x.data[i]!, min), max);
  },
});

/** x with everything below `min` raised to it and everything above `max` lowered to it. */
export function clamp(x: Tensor, min: number, max: number): Tensor {
  return apply(clampOp, { x }, { min, max });
}
