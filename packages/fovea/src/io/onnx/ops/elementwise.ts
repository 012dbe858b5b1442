import { where } from "../../../ops/select.ts";
import type { Tensor } from "../../../tensor/tensor.ts";
import type { Call, Handlers } from "../call.ts";

/** An elementwise function of floats. */
const of = (f: (x: Tensor) => Tensor) => (call: Call) => f(call.tensor(0));

/** −1, 0 or 1, also for integers beyond what float32 holds. */
function sign(x: Tensor): Tensor {
  return x.dtype === "float32" ? x.sign() : where(x.greater(0), 1, where(x.less(0), -1, 0)).cast("int32");
}

/** Infinities of either sign, as the node asks. */
function isInfinite(call: Call): Tensor {
  const x = call.tensor(0);
  const up = call.int("detect_positive", 1) !== 0 ? x.equal(Infinity) : x.notEqual(x).logicalAnd(x.equal(x));
  return call.int("detect_negative", 1) !== 0 ? up.logicalOr(x.equal(-Infinity)) : up;
}

export const elementwiseHandlers = {
  Abs: of((x) => (x.dtype === "float32" ? x.abs() : x.maximum(x.mul(-1)))),
  Ceil: of((x) => x.ceil()),
  Cos: of((x) => x.cos()),
  Cosh: of((x) => x.exp().add(x.neg().exp()).mul(0.5)),
  Erf: of((x) => x.erf()),
  Exp: of((x) => x.exp()),
  Floor: of((x) => x.floor()),
  Identity: (call) => call.input(0),
  IsInf: isInfinite,
  IsNaN: of((x) => x.isNaN()),
  Log: of((x) => x.log()),
  Neg: of((x) => (x.dtype === "float32" ? x.neg() : x.mul(-1))),
  Reciprocal: of((x) => x.reciprocal()),
  Round: of((x) => x.round()),
  Sign: of(sign),
  Sin: of((x) => x.sin()),
  Sinh: of((x) => x.exp().sub(x.neg().exp()).mul(0.5)),
  Sqrt: of((x) => x.sqrt()),
  Tan: of((x) => x.sin().div(x.cos())),
  Tanh: of((x) => x.tanh()),
} as const satisfies Handlers;
