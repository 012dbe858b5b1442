import { ShapeError } from "../base/errors.ts";
import { sameShape, showShape } from "../base/shape.ts";
import { apply } from "../tensor/apply.ts";
import { defineOp } from "../tensor/op.ts";
import type { Tensor } from "../tensor/tensor.ts";

export const reluGradOp = defineOp("reluGrad", {
  inputs: ["g", "y"],
  shape: ({ g, y }) => {
    if (g.dtype !== "float32" || y.dtype !== "float32" || !sameShape(g.shape, y.shape)) {
      throw new ShapeError(
        `reluGrad: needs two float32 tensors of one shape, got ${g.dtype} ${showShape(g.shape)} and ${y.dtype} ${showShape(y.shape)}`,
      );
    }
    return g;
  },
  // linear in g; a step in y
  vjp: ({ y }, _attrs, _out, v) => ({ g: () => reluGrad(v, y), y: null }),
  reference: ({ g, y }, _attrs, out) => {
    for (let i = 0; i < out.data.length; i++) out.data[i] = y.data[i]! > 0 ? g.data[i]! : 0;
  },
});

/** g where y > 0, 0 elsewhere: the gradient of a ReLU whose result was y. */
export function reluGrad(g: Tensor, y: Tensor): Tensor {
  return apply(reluGradOp, { g, y }, {});
}
