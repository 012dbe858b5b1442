import { ShapeError } from "../base/errors.ts";
import { normalizeAxis, rowMajorStrides, showShape, sizeOf } from "../base/shape.ts";
import type { NdArray, TensorSpec } from "../backend/contract.ts";
import { apply } from "../tensor/apply.ts";
import { defineOp } from "../tensor/op.ts";
import type { Tensor } from "../tensor/tensor.ts";

function checkIndices(name: string, indices: TensorSpec): void {
  if (indices.dtype !== "int32") throw new ShapeError(`${name}: indices must be int32, got ${indices.dtype}`);
}

/** An index on the host; out of range is an error here, and 0 with nothing read on the fast engines. */
function checked(name: string, index: number, size: number): number {
  if (index < 0 || index >= size) throw new ShapeError(`${name}: index ${index} is outside 0 … ${size - 1}`);
  return index;
}

/** Whole rows: y[…, k, …] = x[…, indices[k], …]. */
const indexSelectOp = defineOp("indexSelect", {
  inputs: ["x", "indices"],
  shape: ({ x, indices }, { axis }: { axis: number }) => {
    checkIndices("indexSelect", indices);
    if (indices.shape.length !== 1)
      throw new ShapeError(`indexSelect: indices must have rank 1, got ${showShape(indices.shape)}`);
    return { shape: x.shape.map((d, k) => (k === axis ? indices.shape[0]! : d)), dtype: x.dtype };
  },
  vjp: ({ x, indices }, { axis }, _y, g) => ({
    x: () => indexAdd(g, indices, axis, x.shape[axis]!),
    indices: null,
  }),
  reference: ({ x, indices }, { axis }, y) => {
    forRows(x.shape[axis]!, y, axis, indices, "indexSelect", (row, from, inner) => {
      for (let i = 0; i < inner; i++) y.data[row + i] = x.data[from + i]!;
    });
  },
});

/** The adjoint of indexSelect: rows of x are added to zeros at their indices. */
const indexAddOp = defineOp("indexAdd", {
  inputs: ["x", "indices"],
  shape: ({ x, indices }, { axis, size }: { axis: number; size: number }) => {
    checkIndices("indexAdd", indices);
    if (x.shape[axis] !== indices.shape[0]) {
      throw new ShapeError(
        `indexAdd: ${indices.shape[0]} indices for ${x.shape[axis]} rows of ${showShape(x.shape)} along axis ${axis}`,
      );
    }
    return { shape: x.shape.map((d, k) => (k === axis ? size : d)), dtype: x.dtype };
  },
  vjp: ({ indices }, { axis }, _y, g) => ({ x: () => indexSelect(g, indices, axis), indices: null }),
  reference: ({ x, indices }, { axis, size }, y) => {
    forRows(size, x, axis, indices, "indexAdd", (row, to, inner) => {
      for (let i = 0; i < inner; i++) y.data[to + i]! += x.data[row + i]!;
    });
  },
});

/** Visits each row of `many` (whose axis runs over the indices) with the row of the other tensor it belongs to. */
function forRows(
  size: number,
  many: NdArray,
  axis: number,
  indices: NdArray,
  name: string,
  visit: (row: number, other: number, inner: number) => void,
): void {
  const inner = sizeOf(many.shape.slice(axis + 1));
  const outer = sizeOf(many.shape.slice(0, axis));
  const count = many.shape[axis]!;
  for (let o = 0; o < outer; o++) {
    for (let k = 0; k < count; k++) {
      visit((o * count + k) * inner, (o * size + checked(name, indices.data[k]!, size)) * inner, inner);
    }
  }
}

/** One element per index along an axis: y[i, j] = x[i, indices[i, j]] for axis 1 (PyTorch's gather). */
const takeAlongAxisOp = defineOp("takeAlongAxis", {
  inputs: ["x", "indices"],
  shape: ({ x, indices }, { axis }: { axis: number }) => {
    checkIndices("takeAlongAxis", indices);
    if (indices.shape.length !== x.shape.length || !x.shape.every((d, k) => k === axis || d === indices.shape[k])) {
      throw new ShapeError(
        `takeAlongAxis: indices ${showShape(indices.shape)} must equal x ${showShape(x.shape)} on every axis but axis ${axis}`,
      );
    }
    return { shape: indices.shape, dtype: x.dtype };
  },
  vjp: ({ x, indices }, { axis }, _y, g) => ({
    x: () => scatterAdd(g, indices, axis, x.shape[axis]!),
    indices: null,
  }),
  reference: ({ x, indices }, { axis }, y) => {
    forElements("takeAlongAxis", x.shape[axis]!, indices, axis, (i, other) => (y.data[i] = x.data[other]!));
  },
});

/** The adjoint of takeAlongAxis: elements of x are added to zeros at their indices along an axis. */
const scatterAddOp = defineOp("scatterAdd", {
  inputs: ["x", "indices"],
  shape: ({ x, indices }, { axis, size }: { axis: number; size: number }) => {
    checkIndices("scatterAdd", indices);
    if (showShape(x.shape) !== showShape(indices.shape)) {
      throw new ShapeError(
        `scatterAdd: values ${showShape(x.shape)} and indices ${showShape(indices.shape)} must have one shape`,
      );
    }
    return { shape: x.shape.map((d, k) => (k === axis ? size : d)), dtype: x.dtype };
  },
  vjp: ({ indices }, { axis }, _y, g) => ({ x: () => takeAlongAxis(g, indices, axis), indices: null }),
  reference: ({ x, indices }, { axis, size }, y) => {
    forElements("scatterAdd", size, indices, axis, (i, other) => (y.data[other]! += x.data[i]!));
  },
});

function forElements(
  name: string,
  size: number,
  indices: NdArray,
  axis: number,
  visit: (i: number, other: number) => void,
): void {
  const inner = rowMajorStrides(indices.shape)[axis]!;
  const count = indices.shape[axis]!;
  for (let i = 0; i < indices.data.length; i++) {
    const outer = Math.floor(i / (inner * count));
    visit(i, (outer * size + checked(name, indices.data[i]!, size)) * inner + (i % inner));
  }
}

export const gatherOps = {
  indexSelect: indexSelectOp,
  indexAdd: indexAddOp,
  takeAlongAxis: takeAlongAxisOp,
  scatterAdd: scatterAddOp,
} as const;

/** Rows of x by index along an axis: a batch out of a data set, for example. */
export function indexSelect(x: Tensor, indices: Tensor, axis = 0): Tensor {
  return apply(indexSelectOp, { x, indices }, { axis: normalizeAxis(axis, x.rank, "indexSelect") });
}

/** Zeros with `size` rows along an axis, to which the rows of x are added at their indices. */
export function indexAdd(x: Tensor, indices: Tensor, axis: number, size: number): Tensor {
  return apply(indexAddOp, { x, indices }, { axis: normalizeAxis(axis, x.rank, "indexAdd"), size });
}

/** One element of x per index along an axis (PyTorch's `gather`). */
export function takeAlongAxis(x: Tensor, indices: Tensor, axis = -1): Tensor {
  return apply(takeAlongAxisOp, { x, indices }, { axis: normalizeAxis(axis, x.rank, "takeAlongAxis") });
}

/** Zeros of `size` along an axis, to which the elements of x are added at their indices. */
export function scatterAdd(x: Tensor, indices: Tensor, axis: number, size: number): Tensor {
  return apply(scatterAddOp, { x, indices }, { axis: normalizeAxis(axis, x.rank, "scatterAdd"), size });
}
