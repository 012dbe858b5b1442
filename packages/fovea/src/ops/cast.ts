import type { DType } from "../base/dtype.ts";
import { apply } from "../tensor/apply.ts";
import { defineOp } from "../tensor/op.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** The same values as another dtype. Floats become integers by truncation; anything not 0 is true. */
export const castOp = defineOp("cast", {
  inputs: ["x"],
  shape: ({ x }, { dtype }: { dtype: DType }) => ({ shape: x.shape, dtype }),
  vjp: ({ x }, _attrs, _y, g) => ({ x: x.dtype === "float32" ? () => g : null }),
  reference: ({ x }, { dtype }, y) => {
    for (let i = 0; i < y.data.length; i++) y.data[i] = dtype === "bool" ? Number(x.data[i] !== 0) : x.data[i]!;
  },
});

/** `x` as `dtype`; the tensor itself when it already is. */
export function cast(x: Tensor, dtype: DType): Tensor {
  return x.dtype === dtype ? x : apply(castOp, { x }, { dtype });
}
