import { ShapeError } from "../../../base/errors.ts";
import { broadcastShapes, sizeOf } from "../../../base/shape.ts";
import { broadcastIndex } from "../../../ops/broadcast.ts";
import { clamp, where } from "../../../ops/select.ts";
import type { Tensor } from "../../../tensor/tensor.ts";
import type { Call, Handlers } from "../call.ts";
import { integerRange, isFloat, isInteger, type ElementType } from "../elementTypes.ts";
import { Value } from "../value.ts";

/**
 * Two inputs that broadcast. Before opset 7 the second one was aligned at `axis` of the first instead of at its end.
 */
function pair(call: Call): [Value, Value] {
  const [a, b] = [call.input(0), call.input(1)];
  if (call.opset >= 7 || call.int("broadcast", 0) === 0 || !call.has("axis")) return [a, b];
  const axis = call.int("axis");
  const trailing = a.rank - (axis < 0 ? axis + a.rank : axis) - b.rank;
  if (!(trailing > 0)) return [a, b];
  const shape = [...b.shape, ...Array.from({ length: trailing }, () => 1)];
  return [a, b.known === null ? Value.of(b.tensor.reshape(shape), b.type) : Value.constant({ ...b.known, shape })];
}

/** Integers narrower than the ones that compute wrap around, as in their own width. */
function wrapped(x: Tensor, type: ElementType): Value {
  if (!isInteger(type) || !/8|16/.test(type)) return Value.of(x, type);
  const [least, most] = integerRange(type);
  const width = most - least + 1;
  const turns = floorDivide(x.sub(least), width);
  return Value.of(x.sub(turns.mul(width)), type);
}

/** ⌊a / b⌋ for a positive b that is a power of two: exact, because the division only changes the exponent. */
function floorDivide(x: Tensor, power: number): Tensor {
  // Two halves of 16 bits, so that float32 holds each exactly.
  const high = x.cast("float32").div(power).floor().cast("int32");
  const rest = x.sub(high.mul(power));
  return high.add(rest.cast("float32").div(power).floor().cast("int32"));
}

/** Truncating division of integers, exact for all of int32: each round divides what the one before left. */
function divideIntegers(a: Tensor, b: Tensor): Tensor {
  let quotient = a.cast("float32").div(b.cast("float32")).cast("int32");
  for (let round = 0; round < 2; round++) {
    const rest = a.sub(quotient.mul(b));
    quotient = quotient.add(rest.cast("float32").div(b.cast("float32")).cast("int32"));
  }
  // The estimate may be one too far from zero or too near: the remainder must have the sign of a, or be 0.
  const rest = a.sub(quotient.mul(b));
  const step = where(a.less(0).logicalXor(b.less(0)), -1, 1).cast("int32");
  const tooFar = rest.less(0).logicalXor(a.less(0)).logicalAnd(rest.notEqual(0));
  const magnitude = rest.maximum(rest.mul(-1));
  const tooNear = magnitude.greaterEqual(b.maximum(b.mul(-1))).logicalAnd(tooFar.logicalNot());
  return quotient.sub(where(tooFar, step, 0)).add(where(tooNear, step, 0));
}

/** An operator on constants of whole numbers, computed exactly on the host. */
function onHost(a: Value, b: Value, f: (x: number, y: number) => number): Value | null {
  if (a.known === null || b.known === null || !isInteger(a.type)) return null;
  const shape = broadcastShapes(a.shape, b.shape, "integers");
  const [ia, ib] = [broadcastIndex(a.shape, shape), broadcastIndex(b.shape, shape)];
  const data = new Float64Array(sizeOf(shape));
  const [x, y] = [a.known.data, b.known.data];
  const [least, most] = integerRange(a.type);
  for (let i = 0; i < data.length; i++) {
    const v = f(x[ia(i)]!, y[ib(i)]!);
    if (v < least || v > most || Number.isNaN(v)) return null;
    data[i] = v + 0; // no −0
  }
  return Value.constant({ type: a.type, shape, data });
}

function arithmetic(f: (a: Tensor, b: Tensor) => Tensor, exact: (x: number, y: number) => number) {
  return (call: Call): Value => {
    const [a, b] = pair(call);
    return onHost(a, b, exact) ?? wrapped(f(a.tensor, b.tensor), a.type);
  };
}

function compare(f: (a: Tensor, b: Tensor) => Tensor) {
  return (call: Call): Tensor => {
    const [a, b] = pair(call);
    return f(numeric(a.tensor), numeric(b.tensor));
  };
}

function logical(f: (a: Tensor, b: Tensor) => Tensor) {
  return (call: Call): Tensor => {
    const [a, b] = pair(call);
    return f(a.tensor, b.tensor);
  };
}

/** Truth values compare as 0 and 1. */
function numeric(x: Tensor): Tensor {
  return x.dtype === "bool" ? x.cast("int32") : x;
}

/** Any number of inputs that broadcast, combined from the left. */
function fold(f: (a: Tensor, b: Tensor) => Tensor) {
  return (call: Call): Tensor => {
    const tensors = call.all().map((value) => value.tensor);
    if (tensors.length === 0) throw new ShapeError("there is no input");
    return tensors.reduce(f);
  };
}

function power(call: Call): Value {
  const [a, b] = pair(call);
  const exact = onHost(a, b, (x, y) => x ** y);
  if (exact !== null) return exact;
  const exponent = b.known !== null && b.known.data.length === 1 ? b.known.data[0]! : null;
  const y = exponent === 2 && isFloat(a.type) ? a.tensor.square() : a.tensor.pow(b.tensor);
  return wrapped(isInteger(a.type) ? y.round().cast("int32") : y, a.type);
}

function modulo(call: Call): Value {
  const [a, b] = pair(call);
  const [x, y] = [a.tensor, b.tensor];
  const truncated = call.int("fmod", 0) !== 0;
  if (isFloat(a.type)) {
    // The quotient is rounded, so the remainder can miss its range by one divisor.
    const quotient = x.div(y);
    const whole = truncated ? where(quotient.less(0), quotient.ceil(), quotient.floor()) : quotient.floor();
    return Value.of(x.sub(whole.mul(y)), a.type);
  }
  const rest = x.sub(divideIntegers(x, y).mul(y));
  if (truncated) return Value.of(rest, a.type);
  const fix = rest.notEqual(0).logicalAnd(rest.less(0).logicalXor(y.less(0)));
  return Value.of(rest.add(where(fix, y, 0)), a.type);
}

function clip(call: Call): Tensor {
  const bound = (name: string, index: number): number | null => {
    if (call.has(name)) return call.float(name);
    const value = call.optional(index);
    return value === undefined || sizeOf(value.shape) === 0 ? null : value.numbers(`the bound ${name}`)[0]!;
  };
  const x = call.input(0);
  const [least, most] = [bound("min", 1), bound("max", 2)];
  if (isFloat(x.type)) {
    const [low, high] = [least ?? -Infinity, most ?? Infinity];
    return low > high ? x.tensor.mul(0).add(high) : clamp(x.tensor, low, high); // as min(max(x, low), high)
  }
  let y = x.tensor;
  if (least !== null && least > -(2 ** 31)) y = y.maximum(least);
  if (most !== null && most < 2 ** 31 - 1) y = y.minimum(most);
  return y;
}

function choose(call: Call): Value {
  const [condition, a, b] = [call.tensor(0), call.input(1), call.input(2)];
  const y = where(condition, numeric(a.tensor), numeric(b.tensor));
  return Value.of(a.type === "bool" ? y.cast("bool") : y, a.type);
}

export const arithmeticHandlers = {
  Add: arithmetic(
    (a, b) => a.add(b),
    (x, y) => x + y,
  ),
  Sub: arithmetic(
    (a, b) => a.sub(b),
    (x, y) => x - y,
  ),
  Mul: arithmetic(
    (a, b) => a.mul(b),
    (x, y) => x * y,
  ),
  Div: arithmetic(
    (a, b) => (a.dtype === "int32" ? divideIntegers(a, b) : a.div(b)),
    (x, y) => Math.trunc(x / y),
  ),
  Pow: power,
  Mod: modulo,
  Max: fold((a, b) => a.maximum(b)),
  Min: fold((a, b) => a.minimum(b)),
  Sum: fold((a, b) => a.add(b)),
  Mean: (call) => fold((a, b) => a.add(b))(call).div(call.all().length),
  Clip: clip,
  Where: choose,
  Equal: compare((a, b) => a.equal(b)),
  Greater: compare((a, b) => a.greater(b)),
  GreaterOrEqual: compare((a, b) => a.greaterEqual(b)),
  Less: compare((a, b) => a.less(b)),
  LessOrEqual: compare((a, b) => a.lessEqual(b)),
  And: logical((a, b) => a.logicalAnd(b)),
  Or: logical((a, b) => a.logicalOr(b)),
  Xor: logical((a, b) => a.logicalXor(b)),
  Not: (call) => call.tensor(0).logicalNot(),
} as const satisfies Handlers;
