import { normalizeAxes, normalizeAxis, sizeOf } from "../../../base/shape.ts";
import { cumsum } from "../../../ops/cumsum.ts";
import { where } from "../../../ops/select.ts";
import { topk } from "../../../ops/sort.ts";
import { full } from "../../../tensor/create.ts";
import type { Tensor } from "../../../tensor/tensor.ts";
import type { Call, Handlers } from "../call.ts";
import { isFloat } from "../elementTypes.ts";
import { Value } from "../value.ts";

type Reduction = (x: Tensor, axes: readonly number[], keepDims: boolean) => Tensor;

/** A reduction; `empty` is its value over nothing, where the engine has none. */
function reduce(f: Reduction, empty?: number) {
  return (call: Call): Value => {
    const x = call.input(0);
    const given = call.intsFrom("axes", 1);
    const keepDims = call.int("keepdims", 1) !== 0;
    if ((given === undefined || given.length === 0) && call.int("noop_with_empty_axes", 0) !== 0) {
      return Value.of(f(x.tensor.unsqueeze(0), [0], false), x.type);
    }
    const axes = normalizeAxes(given === undefined || given.length === 0 ? undefined : given, x.rank, call.node.op);
    if (empty !== undefined && sizeOf(x.shape) === 0) {
      const shape = x.shape.flatMap((d, i) => (axes.includes(i) ? (keepDims ? [1] : []) : [d]));
      return Value.of(full(shape, isFloat(x.type) ? empty : Math.sign(empty) * (2 ** 31 - 1), x.tensor.dtype), x.type);
    }
    const y = f(x.type === "bool" ? x.tensor.cast("int32") : x.tensor, axes, keepDims);
    // Means and roots of integers are integers in ONNX.
    const same = !isFloat(x.type) && y.dtype === "float32" ? y.cast("int32") : y;
    return Value.of(x.type === "bool" ? same.cast("bool") : same, x.type);
  };
}

const absolute = (x: Tensor) => (x.dtype === "float32" ? x.abs() : x.maximum(x.mul(-1)));
const squared = (x: Tensor) => x.mul(x);

/** ln Σ eˣ, with the largest x taken out so that nothing overflows. */
function logSumExp(x: Tensor, axes: readonly number[], keepDims: boolean): Tensor {
  const float = x.cast("float32");
  if (axes.length === 0) return float;
  const largest = float.max(axes, true);
  // With an infinity the sum is infinite too, and ∞ − ∞ would be NaN.
  const shift = where(largest.isFinite(), largest, 0);
  const total = float.sub(shift).exp().sum(axes, true).log().add(shift);
  return keepDims ? total : total.sum(axes);
}

/** The index of the extreme along an axis; `select_last_index` takes the last of several equal ones. */
function extremeIndex(f: (x: Tensor, axis: number) => Tensor) {
  return (call: Call): Value => {
    const x = call.input(0);
    const axis = normalizeAxis(call.int("axis", 0), x.rank, call.node.op);
    const last = call.int("select_last_index", 0) !== 0;
    const found = last
      ? f(x.tensor.flip(axis), axis)
          .mul(-1)
          .add(x.shape[axis]! - 1)
      : f(x.tensor, axis);
    return Value.of(call.int("keepdims", 1) !== 0 ? found.unsqueeze(axis) : found, "int64");
  };
}

function cumulativeSum(call: Call): Value {
  const x = call.input(0);
  const axis = call.input(1).numbers("the axis")[0] ?? 0;
  const options = { reverse: call.int("reverse", 0) !== 0, exclusive: call.int("exclusive", 0) !== 0 };
  return Value.of(cumsum(x.tensor, axis, options), x.type);
}

/** The k largest along an axis, sorted: ONNX allows any order when `sorted` is 0. */
function topK(call: Call): Value[] {
  const x = call.input(0);
  const k = call.has("k") ? call.int("k") : (call.input(1).numbers("k")[0] ?? 0);
  const axis = normalizeAxis(call.int("axis", -1), x.rank, "TopK");
  const { values, indices } = topk(x.tensor, Math.min(k, x.shape[axis]!), axis, call.int("largest", 1) !== 0);
  return [Value.of(values, x.type), Value.of(indices, "int64")];
}

export const reduceHandlers = {
  ReduceL1: reduce((x, axes, keep) => absolute(x).sum(axes, keep)),
  ReduceL2: reduce((x, axes, keep) => squared(x).sum(axes, keep).sqrt()),
  ReduceLogSum: reduce((x, axes, keep) => x.sum(axes, keep).log()),
  ReduceLogSumExp: reduce(logSumExp, -Infinity),
  ReduceMax: reduce((x, axes, keep) => x.max(axes, keep), -Infinity),
  ReduceMean: reduce((x, axes, keep) => x.mean(axes, keep)),
  ReduceMin: reduce((x, axes, keep) => x.min(axes, keep), Infinity),
  ReduceProd: reduce((x, axes, keep) => x.prod(axes, keep)),
  ReduceSum: reduce((x, axes, keep) => x.sum(axes, keep)),
  ReduceSumSquare: reduce((x, axes, keep) => squared(x).sum(axes, keep)),
  ArgMax: extremeIndex((x, axis) => x.argmax(axis)),
  ArgMin: extremeIndex((x, axis) => x.argmin(axis)),
  CumSum: cumulativeSum,
  TopK: topK,
} as const satisfies Handlers;
