import { ShapeError } from "../base/errors.ts";
import { sameShape, showShape, type Shape } from "../base/shape.ts";
import { apply } from "../tensor/apply.ts";
import { defineOp } from "../tensor/op.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { conv2dMacs, conv2dOp, conv2dShape, forEachRow, type Conv2dAttrs } from "./conv2d.ts";
import { conv2dInputGrad } from "./conv2dInputGrad.ts";

/** The gradient of conv2d with respect to the weight: each tap's sum over all pixels of x · g. */
export const conv2dWeightGradOp = defineOp("conv2dWeightGrad", {
  inputs: ["x", "g"],
  shape: ({ x, g }, { shape, ...attrs }: Conv2dAttrs & { readonly shape: Shape }) => {
    const forward = conv2dShape(x.shape, shape, attrs, "conv2dWeightGrad");
    if (!sameShape(forward, g.shape)) {
      throw new ShapeError(
        `conv2dWeightGrad: conv2d of ${showShape(x.shape)} with weight ${showShape(shape)} gives ${showShape(forward)}, ` +
          `the gradient is ${showShape(g.shape)}`,
      );
    }
    return { shape, dtype: "float32" };
  },
  // ⟨u, weightGrad(x, g)⟩ = ⟨conv2d(x, u), g⟩, linear in x and in g
  vjp: ({ x, g }, { shape: _shape, ...attrs }, _y, u) => ({
    x: () => conv2dInputGrad(g, u, x.shape, attrs),
    g: () => apply(conv2dOp, { x, weight: u }, attrs),
  }),
  macs: ({ g }, { shape }) => conv2dMacs({ shape, dtype: "float32" }, g),
  reference: ({ x, g }, attrs, y) => {
    const [from, by, to] = [x.data, g.data, y.data.fill(0)];
    forEachRow(x.shape, y.shape, g.shape, attrs, (i, step, k, o, count) => {
      for (let q = 0; q < count; q++) to[k]! += from[i + q * step]! * by[o + q]!;
    });
  },
});

/** The gradient of conv2d with respect to a weight of `shape`. */
export function conv2dWeightGrad(x: Tensor, g: Tensor, shape: Shape, attrs: Conv2dAttrs): Tensor {
  return apply(conv2dWeightGradOp, { x, g }, { ...attrs, shape });
}
