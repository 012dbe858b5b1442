import { ShapeError } from "../base/errors.ts";
import { broadcastShapes } from "../base/shape.ts";
import { apply } from "../tensor/apply.ts";
import { defineOp } from "../tensor/op.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { broadcastIndex, operands } from "./broadcast.ts";
import { cast } from "./cast.ts";

/** An elementwise test of two tensors of one dtype that broadcast; the result is bool. */
function compare<const Name extends string>(name: Name, f: (a: number, b: number) => boolean, logical = false) {
  return defineOp(name, {
    inputs: ["a", "b"],
    shape: ({ a, b }) => {
      const fits = a.dtype === b.dtype && (logical ? a.dtype === "bool" : a.dtype === "float32" || a.dtype === "int32");
      if (!fits) throw new ShapeError(`${name}: cannot compare ${a.dtype} and ${b.dtype}`);
      return { shape: broadcastShapes(a.shape, b.shape, name), dtype: "bool" };
    },
    vjp: null,
    reference: ({ a, b }, _attrs, y) => {
      const [ia, ib] = [broadcastIndex(a.shape, y.shape), broadcastIndex(b.shape, y.shape)];
      for (let i = 0; i < y.data.length; i++) y.data[i] = Number(f(a.data[ia(i)]!, b.data[ib(i)]!));
    },
  });
}

export const compareOps = {
  equal: compare("equal", (a, b) => a === b),
  notEqual: compare("notEqual", (a, b) => a !== b),
  less: compare("less", (a, b) => a < b),
  lessEqual: compare("lessEqual", (a, b) => a <= b),
  greater: compare("greater", (a, b) => a > b),
  greaterEqual: compare("greaterEqual", (a, b) => a >= b),
  logicalAnd: compare("logicalAnd", (a, b) => a !== 0 && b !== 0, true),
  logicalOr: compare("logicalOr", (a, b) => a !== 0 || b !== 0, true),
  logicalXor: compare("logicalXor", (a, b) => (a !== 0) !== (b !== 0), true),
} as const;

const call =
  (name: keyof typeof compareOps) =>
  (left: Tensor, right: Tensor | number): Tensor => {
    const [a, b] = operands(left, right);
    return apply(compareOps[name], { a, b }, {});
  };
const callLogical =
  (name: "logicalAnd" | "logicalOr" | "logicalXor") =>
  (a: Tensor, b: Tensor): Tensor =>
    apply(compareOps[name], { a: cast(a, "bool"), b: cast(b, "bool") }, {});

export const equal = call("equal");
export const notEqual = call("notEqual");
export const less = call("less");
export const lessEqual = call("lessEqual");
export const greater = call("greater");
export const greaterEqual = call("greaterEqual");
export const logicalAnd = callLogical("logicalAnd");
export const logicalOr = callLogical("logicalOr");
export const logicalXor = callLogical("logicalXor");
/** True where x is 0 or false. */
export const logicalNot = (x: Tensor): Tensor => equal(cast(x, "int32"), 0);
