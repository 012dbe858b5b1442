import { ShapeError } from "../base/errors.ts";
import { sameShape, showShape, type Shape } from "../base/shape.ts";
import { apply } from "../tensor/apply.ts";
import { defineOp } from "../tensor/op.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { conv2dMacs, conv2dOp, conv2dShape, forEachRow, type Conv2dAttrs } from "./conv2d.ts";
import { conv2dWeightGrad } from "./conv2dWeightGrad.ts";

/** The gradient of conv2d with respect to x: every g is sent back along the taps that made its output. */
export const conv2dInputGradOp = defineOp("conv2dInputGrad", {
  inputs: ["g", "weight"],
  shape: ({ g, weight }, { shape, ...attrs }: Conv2dAttrs & { readonly shape: Shape }) => {
    const forward = conv2dShape(shape, weight.shape, attrs, "conv2dInputGrad");
    if (!sameShape(forward, g.shape)) {
      throw new ShapeError(
        `conv2dInputGrad: conv2d of ${showShape(shape)} with weight ${showShape(weight.shape)} gives ${showShape(forward)}, ` +
          `the gradient is ${showShape(g.shape)}`,
      );
    }
    return { shape, dtype: "float32" };
  },
  // ⟨v, inputGrad(g, w)⟩ = ⟨conv2d(v, w), g⟩, linear in g and in w
  vjp: ({ g, weight }, { shape: _shape, ...attrs }, _y, v) => ({
    g: () => apply(conv2dOp, { x: v, weight }, attrs),
    weight: () => conv2dWeightGrad(v, g, weight.shape, attrs),
  }),
  macs: ({ g, weight }) => conv2dMacs(weight, g),
  reference: ({ g, weight }, attrs, y) => {
    const [from, by, to] = [g.data, weight.data, y.data.fill(0)];
    forEachRow(y.shape, weight.shape, g.shape, attrs, (i, step, k, o, count) => {
      for (let q = 0; q < count; q++) to[i + q * step]! += from[o + q]! * by[k]!;
    });
  },
});

/** The gradient of conv2d with respect to an x of `shape`, which is also the transposed convolution of g. */
export function conv2dInputGrad(g: Tensor, weight: Tensor, shape: Shape, attrs: Conv2dAttrs): Tensor {
  return apply(conv2dInputGradOp, { g, weight }, { ...attrs, shape });
}
