import { ShapeError } from "../../../base/errors.ts";
import { normalizeAxis, sizeOf, type Shape } from "../../../base/shape.ts";
import { concat as concatTensors } from "../../../ops/movement.ts";
import {
  depthToSpace as depthToSpaceTensor,
  spaceToDepth,
  tile as tileTensor,
  tril,
  triu,
} from "../../../ops/rearrange.ts";
import { where } from "../../../ops/select.ts";
import { arange, full as filled } from "../../../tensor/create.ts";
import type { Tensor } from "../../../tensor/tensor.ts";
import type { Call, Handlers } from "../call.ts";
import {
  computeDType,
  showElementType,
  elementType,
  isInteger,
  integerRange,
  type ElementType,
} from "../elementTypes.ts";
import { scalar, Value } from "../value.ts";

function shapeOf(call: Call): Value {
  const { shape, rank } = call.input(0);
  const clamped = (axis: number) => Math.min(rank, Math.max(0, axis < 0 ? axis + rank : axis));
  return Value.integers(shape.slice(clamped(call.int("start", 0)), clamped(call.int("end", rank))));
}

function reshape(call: Call): Value {
  const x = call.input(0);
  const wanted = call.intsFrom("shape", 1) ?? call.ints("shape");
  const keepZeros = call.int("allowzero", 0) !== 0;
  const shape = wanted.map((d, i) => {
    if (d !== 0 || keepZeros) return d;
    if (i >= x.rank)
      throw new ShapeError(`a size of 0 copies axis ${i}, which a tensor of rank ${x.rank} does not have`);
    return x.shape[i]!;
  });
  // −1 beside a size of 0 is what is left, also when nothing is.
  const hole = shape.indexOf(-1);
  if (hole >= 0 && sizeOf(x.shape) === 0) shape[hole] = 0;
  return relabel(x, (t) => t.reshape(shape));
}

/** Movement of elements: works on every type. */
function relabel(x: Value, f: (t: Tensor) => Tensor): Value {
  return Value.of(f(x.tensor), x.type);
}

function flatten(call: Call): Value {
  const x = call.input(0);
  const axis = call.int("axis", 1);
  const at = axis < 0 ? axis + x.rank : axis;
  return relabel(x, (t) => t.reshape([sizeOf(x.shape.slice(0, at)), sizeOf(x.shape.slice(at))]));
}

function squeeze(call: Call): Value {
  const x = call.input(0);
  const axes = call.intsFrom("axes", 1)?.map((axis) => normalizeAxis(axis, x.rank, "Squeeze"));
  const gone = axes ?? x.shape.flatMap((d, i) => (d === 1 ? [i] : []));
  for (const axis of gone) {
    if (x.shape[axis] !== 1)
      throw new ShapeError(`axis ${axis} of [${x.shape.join(", ")}] has size ${x.shape[axis]}, not 1`);
  }
  return relabel(x, (t) => t.reshape(x.shape.filter((_, i) => !gone.includes(i))));
}

function unsqueeze(call: Call): Value {
  const x = call.input(0);
  const given = call.intsFrom("axes", 1) ?? call.ints("axes");
  const rank = x.rank + given.length;
  const axes = new Set(given.map((axis) => normalizeAxis(axis, rank, "Unsqueeze")));
  if (axes.size !== given.length) throw new ShapeError(`an axis occurs twice in [${given.join(", ")}]`);
  let from = 0;
  const shape = Array.from({ length: rank }, (_, i) => (axes.has(i) ? 1 : x.shape[from++]!));
  return relabel(x, (t) => t.reshape(shape));
}

function transpose(call: Call): Value {
  const x = call.input(0);
  const axes = call.ints(
    "perm",
    x.shape.map((_, i) => x.rank - 1 - i),
  );
  return relabel(x, (t) => t.permute(axes));
}

function expand(call: Call): Value {
  const x = call.input(0);
  const wanted = call.input(1).numbers("the shape");
  const rank = Math.max(x.rank, wanted.length);
  const at = (shape: Shape, i: number) => shape[i - (rank - shape.length)] ?? 1;
  const shape = Array.from({ length: rank }, (_, i) => (at(wanted, i) === 1 ? at(x.shape, i) : at(wanted, i)));
  return relabel(x, (t) => t.expand(shape));
}

function tile(call: Call): Value {
  const x = call.input(0);
  const repeats = call.input(1).numbers("the repeats");
  if (repeats.length !== x.rank) throw new ShapeError(`${repeats.length} repeats for a tensor of rank ${x.rank}`);
  return relabel(x, (t) => tileTensor(t, repeats));
}

function concat(call: Call): Value {
  const values = call.all();
  const first = call.input(0);
  const axis = call.int("axis", call.opset < 4 ? 1 : undefined);
  return Value.of(
    concatTensors(
      values.map(({ tensor }) => tensor),
      axis,
    ),
    first.type,
  );
}

function split(call: Call): Value[] {
  const x = call.input(0);
  const axis = normalizeAxis(call.int("axis", 0), x.rank, "Split");
  const total = x.shape[axis]!;
  const parts = call.has("num_outputs") ? call.int("num_outputs") : call.node.outputs.length;
  const each = Math.ceil(total / parts);
  const even = Array.from({ length: parts }, (_, i) => Math.max(0, Math.min(each, total - i * each)));
  const lengths = call.intsFrom("split", 1) ?? even;
  return x.tensor.split(lengths, axis).map((t) => Value.of(t, x.type));
}

/** Opset 10 and later pass bounds as inputs, earlier ones as attributes. Bounds are clamped, steps may be negative. */
function slice(call: Call): Value {
  const x = call.input(0);
  const starts = call.intsFrom("starts", 1) ?? call.ints("starts");
  const ends = call.intsFrom("ends", 2) ?? call.ints("ends");
  const axes = call.intsFrom("axes", 3) ?? starts.map((_, i) => i);
  const steps = call.optional(4)?.numbers("the steps") ?? starts.map(() => 1);
  const from = x.shape.map(() => 0);
  const to = [...x.shape];
  const by = x.shape.map(() => 1);
  const flipped: number[] = [];
  axes.forEach((given, k) => {
    const axis = normalizeAxis(given, x.rank, "Slice");
    const size = x.shape[axis]!;
    const step = steps[k]!;
    if (step === 0) throw new ShapeError("a step of 0 leads nowhere");
    const place = (v: number) => (v < 0 ? v + size : v);
    if (step > 0) {
      from[axis] = Math.min(size, Math.max(0, place(starts[k]!)));
      to[axis] = Math.max(from[axis]!, Math.min(size, Math.max(0, place(ends[k]!))));
      by[axis] = step;
      return;
    }
    // Backwards: the same elements in the flipped tensor.
    const first = Math.min(size - 1, Math.max(-1, place(starts[k]!)));
    const last = Math.min(size - 1, Math.max(-1, place(ends[k]!)));
    flipped.push(axis);
    from[axis] = size - 1 - first;
    to[axis] = Math.max(from[axis]!, size - 1 - last);
    by[axis] = -step;
  });
  return relabel(x, (t) =>
    (flipped.length > 0 ? t.flip(flipped) : t).slice(
      from,
      to,
      by.map((s, i) => Math.max(1, Math.min(s, x.shape[i]!))),
    ),
  );
}

/** x as another type, with the values that the type can hold. */
export function convert(x: Value, to: ElementType): Value {
  const dtype = computeDType(to);
  if (isInteger(x.type) && isInteger(to) && x.known !== null) {
    const [least, most] = integerRange(to);
    if (x.known.data.every((v) => v >= least && v <= most)) return Value.constant({ ...x.known, type: to });
  }
  if (x.tensor.dtype === "bool" || dtype === "bool" || !isInteger(to)) {
    const y = x.tensor.cast(dtype);
    return Value.of(to === "float16" || to === "bfloat16" ? rounded(y, to) : y, to);
  }
  const y = x.tensor.cast("int32");
  if (!/8|16/.test(to)) return Value.of(y, to);
  const [least, most] = integerRange(to);
  const width = most - least + 1;
  const turns = y.sub(least).cast("float32").div(width).floor().cast("int32");
  return Value.of(y.sub(turns.mul(width)), to);
}

/** Floats rounded to the nearest that 16 bits hold (Veltkamp's splitting; small ones by adding a large number). */
function rounded(x: Tensor, to: "float16" | "bfloat16"): Tensor {
  const c = x.mul(2 ** (to === "float16" ? 13 : 16) + 1);
  const y = c.sub(c.sub(x));
  if (to === "bfloat16") return where(y.isFinite(), y, x);
  const tiny = x.abs().less(2 ** -14);
  const small = x.add(0.75).sub(0.75);
  const overflow = where(x.greater(0), Infinity, -Infinity);
  const normal = where(tiny, small, y);
  return where(x.abs().greaterEqual(65520), overflow, where(x.isNaN(), x, normal));
}

function cast(call: Call): Value {
  const to = elementType(call.int("to"));
  if (to === undefined) return call.unsupported(`to ${showElementType(call.int("to"))}`);
  return checkedConvert(call, to);
}

/** Text has no numeric value here. */
function checkedConvert(call: Call, to: ElementType): Value {
  const x = call.input(0);
  if ((x.type === "string") !== (to === "string")) return call.unsupported("conversion between text and numbers");
  return to === "string" ? x : convert(x, to);
}

function constant(call: Call): Value {
  const { attributes } = call.node;
  for (const [name, { kind, value }] of attributes) {
    if (kind === "tensor") return Value.constant(value);
    if (name === "value_float" && kind === "float")
      return Value.constant({ type: "float32", shape: [], data: Float32Array.of(value) });
    if (name === "value_floats" && kind === "floats")
      return Value.constant({ type: "float32", shape: [value.length], data: Float32Array.from(value) });
    if (name === "value_int" && kind === "int") return Value.integers([value], []);
    if (name === "value_ints" && kind === "ints") return Value.integers(value);
  }
  return call.unsupported("a constant of strings, or sparse");
}

function constantOfShape(call: Call): Value {
  const shape = call.input(0).numbers("the shape");
  const { type, data } = call.has("value") ? call.constant("value") : { type: "float32" as const, data: [0] };
  return Value.of(filled(shape, data[0] ?? 0, computeDType(type)), type);
}

function range(call: Call): Value {
  const [start, limit, step] = [0, 1, 2].map((i) => scalar(call.input(i).numbers("the bounds"), "a bound")) as [
    number,
    number,
    number,
  ];
  const count = Math.max(0, Math.ceil((limit - start) / step));
  if (!(count < 2 ** 31))
    throw new ShapeError(`from ${start} to ${limit} in steps of ${step} there are ${count} numbers`);
  const { type } = call.input(0);
  if (isInteger(type))
    return Value.integers(
      Array.from({ length: count }, (_, i) => start + i * step),
      [count],
      type,
    );
  return Value.of(arange(count).mul(step).add(start), type);
}

function eyeLike(call: Call): Value {
  const { shape, type } = call.input(0);
  const [rows, columns] = shape as [number, number];
  const to = call.has("dtype") ? elementType(call.int("dtype")) : type;
  if (shape.length !== 2 || to === undefined) throw new ShapeError(`needs a matrix, got [${shape.join(", ")}]`);
  const difference = arange(columns, "int32").sub(arange(rows, "int32").reshape([rows, 1]));
  return convert(Value.of(difference.equal(call.int("k", 0)), "bool"), to);
}

function depthToSpace(call: Call): Value {
  const mode = call.string("mode", "DCR");
  if (mode !== "DCR" && mode !== "CRD") return call.unsupported(`mode=${mode}`);
  return relabel(call.input(0), (t) => depthToSpaceTensor(t, call.int("blocksize"), mode));
}

/** The triangle of matrices above a diagonal, or below it. */
function triangle(call: Call): Value {
  const x = call.input(0);
  const diagonal = call.optional(1)?.numbers("the diagonal")[0] ?? 0;
  const half = call.int("upper", 1) !== 0 ? triu : tril;
  if (x.type !== "bool") return relabel(x, (t) => half(t, diagonal));
  return relabel(x, (t) => half(t.cast("int32"), diagonal).cast("bool"));
}

export const shapeHandlers = {
  Shape: shapeOf,
  Size: (call) => Value.integers([sizeOf(call.input(0).shape)], []),
  Reshape: reshape,
  Flatten: flatten,
  Squeeze: squeeze,
  Unsqueeze: unsqueeze,
  Transpose: transpose,
  Expand: expand,
  Tile: tile,
  Concat: concat,
  Split: split,
  Slice: slice,
  Cast: cast,
  CastLike: (call) => checkedConvert(call, call.input(1).type),
  Constant: constant,
  ConstantOfShape: constantOfShape,
  Range: range,
  EyeLike: eyeLike,
  DepthToSpace: depthToSpace,
  SpaceToDepth: (call) => relabel(call.input(0), (t) => spaceToDepth(t, call.int("blocksize"))),
  Trilu: triangle,
} as const satisfies Handlers;
