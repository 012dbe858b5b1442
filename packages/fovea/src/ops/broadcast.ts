import { rowMajorStrides, sameShape, type Shape } from "../base/shape.ts";
import { toTensor } from "../tensor/create.ts";
import { Tensor } from "../tensor/tensor.ts";
import { cast } from "./cast.ts";
import { reshape } from "./movement.ts";
import { sum } from "./reduce.ts";

/** The gradient of broadcasting: sums `g` over the axes along which a tensor of `shape` was repeated. */
export function sumTo(g: Tensor, shape: Shape): Tensor {
  if (sameShape(g.shape, shape)) return g;
  const lead = g.rank - shape.length;
  const axes = g.shape.flatMap((d, i) => (i < lead || (shape[i - lead] === 1 && d !== 1) ? [i] : []));
  return reshape(axes.length > 0 ? sum(g, axes, true) : g, shape);
}

/** Two operands as tensors of one dtype: float32 if either is, else int32. */
export function operands(a: Tensor | number, b: Tensor | number): [Tensor, Tensor] {
  const float = [a, b].some((v) => (typeof v === "number" ? !Number.isInteger(v) : v.dtype === "float32"));
  const numbersOnly = typeof a === "number" && typeof b === "number";
  const dtype = float || numbersOnly ? "float32" : "int32";
  const convert = (v: Tensor | number) => cast(typeof v === "number" ? toTensor(v) : v, dtype);
  return [convert(a), convert(b)];
}

/** For each element of `out`, in row-major order, the position in a tensor of `shape` broadcast to it. */
export function broadcastIndex(shape: Shape, out: Shape): (position: number) => number {
  if (sameShape(shape, out)) return (position) => position;
  const lead = out.length - shape.length;
  const inner = rowMajorStrides(shape);
  const outer = rowMajorStrides(out);
  return (position) => {
    let index = 0;
    for (let axis = 0; axis < out.length; axis++) {
      const i = Math.floor(position / outer[axis]!) % out[axis]!;
      if (axis >= lead && shape[axis - lead] !== 1) index += i * inner[axis - lead]!;
    }
    return index;
  };
}
