import { ShapeError } from "../../../base/errors.ts";
import { normalizeAxis, sameShape, sizeOf } from "../../../base/shape.ts";
import { concat } from "../../../ops/movement.ts";
import { indexSelect, takeAlongAxis } from "../../../ops/gather.ts";
import { gatherND, scatter, scatterND, type ScatterMode } from "../../../ops/scatter.ts";
import { where } from "../../../ops/select.ts";
import { arange } from "../../../tensor/create.ts";
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
  return Value.of(
    takeAlongAxis(box(x.tensor, at.shape, axis), indices(at, x.shape[axis]!, "GatherElements"), axis),
    x.type,
  );
}

/** The corner of x that indices of `shape` reach: all of it along `axis`, as many as there are along the others. */
function box(x: Tensor, shape: readonly number[], axis: number): Tensor {
  const ends = x.shape.map((d, i) => (i === axis ? d : shape[i]!));
  return sameShape(ends, x.shape)
    ? x
    : x.slice(
        x.shape.map(() => 0),
        ends,
      );
}

/** Index vectors, checked where they are known: the last axis holds positions along the axes from `first` on. */
function vectors(value: Value, x: Value, first: number, what: string): Tensor {
  const depth = value.shape.at(-1) ?? 0;
  value.known?.data.forEach((v, i) => {
    const size = x.shape[first + (i % depth)] ?? 0;
    if (!(v >= -size && v < size)) throw new ShapeError(`${what}: the index ${v} is outside ${-size} … ${size - 1}`);
  });
  return value.tensor;
}

function gatherNd(call: Call): Value {
  const [x, at] = [call.input(0), call.input(1)];
  const batch = call.int("batch_dims", 0);
  return Value.of(gatherND(x.tensor, vectors(at, x, batch, "GatherND"), batch), x.type);
}

const modes = { none: "set", add: "add", mul: "mul", max: "max", min: "min" } as const;

function modeOf(call: Call): ScatterMode {
  const reduction = call.string("reduction", "none");
  return Object.hasOwn(modes, reduction)
    ? modes[reduction as keyof typeof modes]
    : call.unsupported(`reduction=${reduction}`);
}

function scatterElements(call: Call): Value {
  const [x, at, updates] = [call.input(0), call.input(1), call.tensor(2)];
  const axis = normalizeAxis(call.int("axis", 0), x.rank, "ScatterElements");
  const places = indices(at, x.shape[axis]!, "ScatterElements");
  const y = scatter(box(x.tensor, at.shape, axis), places, updates, axis, modeOf(call));
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
    whole = concat(
      [
        whole,
        x.slice(
          starts,
          ends.map((d, i) => (i === axis ? x.shape[axis]! : d)),
        ),
      ],
      axis,
    );
  }
  return whole;
}

function scatterNd(call: Call): Value {
  const [x, at, updates] = [call.input(0), call.input(1), call.tensor(2)];
  return Value.of(scatterND(x.tensor, vectors(at, x, 0, "ScatterND"), updates, modeOf(call)), x.type);
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
