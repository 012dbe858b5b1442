import { ShapeError } from "../base/errors.ts";
import { normalizeAxis, rowMajorStrides } from "../base/shape.ts";
import { apply } from "../tensor/apply.ts";
import { defineOp, type NamedOp } from "../tensor/op.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { cast } from "./cast.ts";

export type CumsumAttrs = {
  readonly axis: number;
  /** Leave the element itself out: the sum of those before it. */
  readonly exclusive: boolean;
  /** Sum from the end. */
  readonly reverse: boolean;
};

/** y[k] = x[0] + … + x[k] along an axis. */
export const cumsumOp: NamedOp<"cumsum", "x", CumsumAttrs> = defineOp("cumsum", {
  inputs: ["x"],
  shape: ({ x }, _attrs: CumsumAttrs) => {
    if (x.dtype !== "float32" && x.dtype !== "int32")
      throw new ShapeError(`cumsum: needs float32 or int32, got ${x.dtype}`);
    return x;
  },
  // x[k] is in the sums from k on
  vjp: (_inputs, attrs, _y, g) => ({ x: () => apply(cumsumOp, { x: g }, { ...attrs, reverse: !attrs.reverse }) }),
  reference: ({ x }, { axis, exclusive, reverse }, y) => {
    const n = x.shape[axis]!;
    const inner = rowMajorStrides(x.shape)[axis]!;
    for (let line = 0; line < x.data.length / n; line++) {
      const base = Math.floor(line / inner) * inner * n + (line % inner);
      let sum = 0;
      for (let k = 0; k < n; k++) {
        const at = base + (reverse ? n - 1 - k : k) * inner;
        y.data[at] = exclusive ? sum : sum + x.data[at]!;
        sum += x.data[at]!;
      }
    }
  },
});

/** Running sums along an axis; bytes and truth values are summed as int32. */
export function cumsum(x: Tensor, axis: number, options: { exclusive?: boolean; reverse?: boolean } = {}): Tensor {
  const { exclusive = false, reverse = false } = options;
  const number = x.dtype === "bool" || x.dtype === "uint8" ? cast(x, "int32") : x;
  return apply(cumsumOp, { x: number }, { axis: normalizeAxis(axis, x.rank, "cumsum"), exclusive, reverse });
}
