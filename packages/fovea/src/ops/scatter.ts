import { ShapeError, UsageError } from "../base/errors.ts";
import { normalizeAxis, rowMajorStrides, sameShape, showShape, sizeOf } from "../base/shape.ts";
import { apply } from "../tensor/apply.ts";
import { arange, fromHost, ones, zeros } from "../tensor/create.ts";
import { defineOp } from "../tensor/op.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { cast } from "./cast.ts";
import { indexSelect, scatterAdd, takeAlongAxis } from "./gather.ts";
import { expand, reshape } from "./movement.ts";
import { where } from "./select.ts";

/** What happens where a value meets an element: it replaces it, or both are combined. */
export type ScatterMode = "set" | "add" | "mul" | "max" | "min";

const combine: Readonly<Record<ScatterMode, (y: number, v: number) => number>> = {
  set: (_y, v) => v,
  add: (y, v) => y + v,
  mul: (y, v) => y * v,
  max: Math.max,
  min: Math.min,
};

/** y = x, then y[i, indices[i, k]] ⊕= values[i, k] for axis 1, in the order of k. */
export const scatterOp = defineOp("scatter", {
  inputs: ["x", "indices", "values"],
  shape: ({ x, indices, values }, { axis }: { axis: number; mode: ScatterMode }) => {
    if (indices.dtype !== "int32") throw new ShapeError(`scatter: indices must be int32, got ${indices.dtype}`);
    if (x.dtype !== values.dtype || (x.dtype !== "float32" && x.dtype !== "int32")) {
      throw new ShapeError(`scatter: x and values must both be float32 or int32, got ${x.dtype} and ${values.dtype}`);
    }
    const fits = sameShape(indices.shape, values.shape) && x.shape.length === indices.shape.length;
    if (!fits || !x.shape.every((d, k) => k === axis || d === indices.shape[k])) {
      throw new ShapeError(
        `scatter: indices ${showShape(indices.shape)} and values ${showShape(values.shape)} must have one shape, ` +
          `which equals x ${showShape(x.shape)} on every axis but axis ${axis}`,
      );
    }
    return x;
  },
  vjp: ({ x, indices, values }, { axis, mode }, y, g) => {
    const size = x.shape[axis]!;
    const there = (t: Tensor): Tensor => takeAlongAxis(t, indices, axis);
    const gradients = {
      set: [
        // what was replaced had no influence; of several values at one place, only the last had
        () => where(scatterAdd(ones(indices.shape), indices, axis, size).greater(0), 0, g),
        () => {
          const place = reshape(arange(values.size, "int32"), values.shape);
          const last = there(scatter(zeros(x.shape, "int32"), indices, place, axis));
          return where(last.equal(place), there(g), 0);
        },
      ],
      add: [() => g, () => there(g)],
      // d(x · Πv) = Πv · dx + x · Πv / v · dv
      mul: [() => scatter(g, indices, values, axis, "mul"), () => there(g.mul(y)).div(values)],
      max: [() => share(x.equal(y), g), () => shared()],
      min: [() => share(x.equal(y), g), () => shared()],
    };
    /** How many candidates reach the extreme: they share the gradient evenly, as in PyTorch's amax. */
    const reach = (): Tensor => cast(values.equal(there(y)), "float32");
    const count = (): Tensor => cast(x.equal(y), "float32").add(scatterAdd(reach(), indices, axis, size));
    const share = (mask: Tensor, t: Tensor): Tensor => cast(mask, "float32").mul(t.div(count()));
    const shared = (): Tensor => reach().mul(there(g.div(count())));
    const [ofX, ofValues] = gradients[mode];
    return { x: ofX!, indices: null, values: ofValues! };
  },
  reference: ({ x, indices, values }, { axis, mode }, y) => {
    y.data.set(x.data);
    const inner = rowMajorStrides(indices.shape)[axis]!;
    const [size, count] = [x.shape[axis]!, indices.shape[axis]!];
    for (let i = 0; i < indices.data.length; i++) {
      const index = indices.data[i]!;
      if (index < 0 || index >= size) throw new ShapeError(`scatter: index ${index} is outside 0 … ${size - 1}`);
      const at = (Math.floor(i / (inner * count)) * size + index) * inner + (i % inner);
      y.data[at] = combine[mode](y.data[at]!, values.data[i]!);
    }
  },
});

/**
 * x with values written at indices along an axis; of several at one place the last stays (PyTorch's `scatter`).
 *
 * @param mode `set` replaces (default); `add`, `mul`, `max`, `min` combine with what is there.
 */
export function scatter(x: Tensor, indices: Tensor, values: Tensor, axis = -1, mode: ScatterMode = "set"): Tensor {
  if (!Object.hasOwn(combine, mode))
    throw new UsageError(`scatter: mode must be one of ${Object.keys(combine).join(", ")}, got ${String(mode)}`);
  return apply(scatterOp, { x, indices, values }, { axis: normalizeAxis(axis, x.rank, "scatter"), mode });
}

/** Positions in x flattened to [batch · Π sizes, ...] for index vectors over the axes behind the batch axes. */
function flatIndices(name: string, x: Tensor, indices: Tensor, batchDims: number): Tensor {
  const depth = indices.shape.at(-1) ?? 0;
  if (indices.dtype !== "int32") throw new ShapeError(`${name}: indices must be int32, got ${indices.dtype}`);
  const sameBatch = sameShape(x.shape.slice(0, batchDims), indices.shape.slice(0, batchDims));
  if (indices.rank <= batchDims || depth < 1 || batchDims + depth > x.rank || !sameBatch) {
    throw new ShapeError(
      `${name}: indices ${showShape(indices.shape)} hold vectors of ${depth} positions (the last axis) for ` +
        `x ${showShape(x.shape)} with ${batchDims} batch axes; 1 … ${x.rank - batchDims} fit, batch axes must be equal`,
    );
  }
  const sizes = x.shape.slice(batchDims, batchDims + depth);
  const limit = row(sizes);
  const wrapped = where(indices.less(0), indices.add(limit), indices); // negative ones count from the end
  const flat = wrapped.mul(row(rowMajorStrides(sizes))).sum(-1);
  // One position out of range must not point to another element.
  const wrong = cast(wrapped.less(0), "int32")
    .add(cast(wrapped.greaterEqual(limit), "int32"))
    .sum(-1);
  const batches = sizeOf(x.shape.slice(0, batchDims));
  const perBatch = sizeOf(sizes);
  const offset = reshape(arange(batches, "int32").mul(perBatch), [
    ...x.shape.slice(0, batchDims),
    ...flat.shape.slice(batchDims).map(() => 1),
  ]);
  return reshape(where(wrong.equal(0), flat.add(offset), -1), [-1]);
}

const row = (values: readonly number[]): Tensor => fromHost(Int32Array.from(values), [values.length], "int32");

/**
 * Elements or slices of x by index vectors (ONNX' GatherND): the last axis of `indices` holds positions.
 *
 * @param batchDims Leading axes that x and indices share; default 0.
 */
export function gatherND(x: Tensor, indices: Tensor, batchDims = 0): Tensor {
  const flat = flatIndices("gatherND", x, indices, batchDims);
  const depth = indices.shape.at(-1)!;
  const rest = x.shape.slice(batchDims + depth);
  const rows = reshape(x, [sizeOf(x.shape.slice(0, batchDims + depth)), ...rest]);
  return reshape(indexSelect(rows, flat, 0), [...indices.shape.slice(0, -1), ...rest]);
}

/**
 * x with elements or slices replaced by index vectors (ONNX' ScatterND); of several at one place the last stays.
 *
 * @param values [...indices without its last axis, ...the axes of x that the vectors do not reach].
 */
export function scatterND(x: Tensor, indices: Tensor, values: Tensor, mode: ScatterMode = "set"): Tensor {
  const flat = flatIndices("scatterND", x, indices, 0);
  const depth = indices.shape.at(-1)!;
  const rest = x.shape.slice(depth);
  const expected = [...indices.shape.slice(0, -1), ...rest];
  if (!sameShape(values.shape, expected)) {
    throw new ShapeError(`scatterND: values must be ${showShape(expected)}, got ${showShape(values.shape)}`);
  }
  const inner = sizeOf(rest);
  const at = expand(reshape(flat, [flat.size, 1]), [flat.size, inner]);
  const rows = reshape(x, [sizeOf(x.shape.slice(0, depth)), inner]);
  return reshape(scatter(rows, at, reshape(values, [flat.size, inner]), 0, mode), x.shape);
}
