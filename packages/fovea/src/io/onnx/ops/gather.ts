import { ShapeError } from "../../../base/errors.ts";
import { normalizeAxis, rowMajorStrides, sameShape, showShape, sizeOf } from "../../../base/shape.ts";
import { concat } from "../../../ops/movement.ts";
import { indexAdd, indexSelect, scatterAdd, takeAlongAxis } from "../../../ops/gather.ts";
import { where } from "../../../ops/select.ts";
import { arange, full } from "../../../tensor/create.ts";
import type { Tensor } from "../../../tensor/tensor.ts";
import type { Call, Handlers } from "../call.ts";
import { Value } from "../value.ts";

/** Indices as int32 with negative ones counted from the end. Known ones are checked. */
function indices(value: Value, size: number, what: string): Tensor {
  const { known } = value;
  if (known === null) return where(value.tensor.less(0), value.tensor.add(size), value.tensor).cast("int32");
  const data = Array.from(known.data, (v) => (v < 0 ? v + size : v));
  const wrong = data.findIndex((v) => !(v >= 0 && v < size));
  if (wrong >= 0) throw new ShapeError(`${what}: the index ${known.data[wrong]} is outside ${-size} … ${size - 1}`);
  return Value.integers(data, value.shape).tensor;
}

function gather(call: Call): Value {
  const [x, at] = [call.input(0), call.input(1)];
  const axis = normalizeAxis(call.int("axis", 0), x.rank, "Gather");
  const rows = indexSelect(x.tensor, indices(at, x.shape[axis]!, "Gather").reshape([sizeOf(at.shape)]), axis);
  return Value.of(rows.reshape([...x.shape.slice(0, axis), ...at.shape, ...x.shape.slice(axis + 1)]), x.type);
}

function gatherElements(call: Call): Value {
  const [x, at] = [call.input(0), call.input(1)];
  const axis = normalizeAxis(call.int("axis", 0), x.rank, "GatherElements");
  return Value.of(takeAlongAxis(box(x.tensor, at.shape, axis), indices(at, x.shape[axis]!, "GatherElements"), axis), x.type);
}

/** The corner of x that indices of `shape` reach: all of it along `axis`, as many as there are along the others. */
function box(x: Tensor, shape: readonly number[], axis: number): Tensor {
  const ends = x.shape.map((d, i) => (i === axis ? d : shape[i]!));
  return sameShape(ends, x.shape) ? x : x.slice(x.shape.map(() => 0), ends);
}

/** Positions in row-major order of index tuples [..., depth] into the leading axes of `shape`. */
function positions(at: Value, shape: readonly number[], what: string): { flat: Tensor; depth: number } {
  const depth = at.shape.at(-1)!;
  if (depth > shape.length) throw new ShapeError(`${what}: indices ${showShape(at.shape)} are longer than the shape ${showShape(shape)}`);
  const strides = rowMajorStrides(shape.slice(0, depth));
  const count = sizeOf(at.shape.slice(0, -1));
  let flat = full([count], 0, "int32");
  const columns = at.known === null ? at.tensor.reshape([count, depth]) : null;
  for (let k = 0; k < depth; k++) {
    const values = at.known?.data.filter((_, i) => i % depth === k);
    const column = values ? Value.integers([...values], [count]) : Value.of(columns!.narrow(1, k, 1).reshape([count]), "int64");
    flat = flat.add(indices(column, shape[k]!, what).mul(strides[k]!));
  }
  return { flat, depth };
}

function gatherNd(call: Call): Value {
  const [x, at] = [call.input(0), call.input(1)];
  const batch = call.int("batch_dims", 0);
  const shared = x.shape.slice(0, batch);
  if (!sameShape(shared, at.shape.slice(0, batch))) {
    throw new ShapeError(`the first ${batch} axes of ${showShape(x.shape)} and ${showShape(at.shape)} must be equal`);
  }
  const rest = x.shape.slice(batch);
  const { flat, depth } = positions(at, rest, "GatherND");
  const inner = rest.slice(depth);
  const places = sizeOf(rest.slice(0, depth));
  const batches = sizeOf(shared);
  const each = flat.size / batches;
  // Every batch looks into its own rows.
  const start = arange(batches, "int32").mul(places).reshape([batches, 1]);
  const rows = flat.reshape([batches, each]).add(start).reshape([batches * each]);
  const y = indexSelect(x.tensor.reshape([batches * places, sizeOf(inner)]), rows, 0);
  return Value.of(y.reshape([...at.shape.slice(0, -1), ...inner]), x.type);
}

/** Updates put into x at `rows`; `add` sums them, as `scatter` does where an index occurs twice. */
function combine(call: Call, x: Tensor, added: (t: Tensor) => Tensor, updates: Tensor): Tensor {
  const reduction = call.string("reduction", "none");
  if (reduction === "add") return x.add(added(updates));
  if (reduction !== "none") return call.unsupported(`reduction=${reduction}`);
  const hits = added(full(updates.shape, 1, "int32"));
  return where(hits.greater(0), added(updates), x);
}

function scatterElements(call: Call): Value {
  const [x, at, updates] = [call.input(0), call.input(1), call.tensor(2)];
  const axis = normalizeAxis(call.int("axis", 0), x.rank, "ScatterElements");
  const where_ = indices(at, x.shape[axis]!, "ScatterElements");
  const target = box(x.tensor, at.shape, axis);
  const y = combine(call, target, (t) => scatterAdd(t, where_, axis, x.shape[axis]!), updates);
  return Value.of(putBack(x.tensor, y), x.type);
}

/** x with its first corner replaced by y. */
function putBack(x: Tensor, y: Tensor): Tensor {
  let whole = y;
  for (let axis = x.rank - 1; axis >= 0; axis--) {
    const missing = x.shape[axis]! - whole.shape[axis]!;
    if (missing === 0) continue;
    const ends = x.shape.map((d, i) => (i > axis ? d : whole.shape[i]!));
    const starts = x.shape.map((_, i) => (i === axis ? whole.shape[axis]! : 0));
    whole = concat([whole, x.slice(starts, ends.map((d, i) => (i === axis ? x.shape[axis]! : d)))], axis);
  }
  return whole;
}

function scatterNd(call: Call): Value {
  const [x, at, updates] = [call.input(0), call.input(1), call.tensor(2)];
  const { flat, depth } = positions(at, x.shape, "ScatterND");
  const places = sizeOf(x.shape.slice(0, depth));
  const inner = sizeOf(x.shape.slice(depth));
  const rows = x.tensor.reshape([places, inner]);
  const y = combine(call, rows, (t) => indexAdd(t, flat, 0, places), updates.reshape([flat.size, inner]));
  return Value.of(y.reshape(x.shape), x.type);
}

/** [off, on] values at a new axis of `depth` places; indices out of range leave only off. */
function oneHot(call: Call): Value {
  const [at, depth, values] = [call.input(0), call.input(1).numbers("the depth")[0]!, call.input(2)];
  const axis = normalizeAxis(call.int("axis", -1), at.rank + 1, "OneHot");
  const index = at.tensor.cast("int32");
  const positive = where(index.less(0), index.add(depth), index).unsqueeze(axis);
  const places = arange(depth, "int32").reshape(positive.shape.map((_, i) => (i === axis ? depth : 1)));
  const [off, on] = values.tensor.split(1, 0) as [Tensor, Tensor];
  return Value.of(where(positive.equal(places), on.reshape([]), off.reshape([])), values.type);
}

export const gatherHandlers = {
  Gather: gather,
  GatherElements: gatherElements,
  GatherND: gatherNd,
  OneHot: oneHot,
  Scatter: scatterElements,
  ScatterElements: scatterElements,
  ScatterND: scatterNd,
} as const satisfies Handlers;
