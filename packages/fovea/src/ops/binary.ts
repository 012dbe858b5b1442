import { ShapeError } from "../base/errors.ts";
import { broadcastShapes } from "../base/shape.ts";
import { apply } from "../tensor/apply.ts";
import { defineOp } from "../tensor/op.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { broadcastIndex, operands, sumTo } from "./broadcast.ts";
import { cast } from "./cast.ts";
import { where } from "./select.ts";

/** Gradients with respect to a and b before summing over broadcast axes. */
type Derivatives = (a: Tensor, b: Tensor, y: Tensor, g: Tensor) => readonly [() => Tensor, () => Tensor];

/** An elementwise function of two tensors of one dtype that broadcast. */
function binary<const Name extends string>(
  name: Name,
  f: (a: number, b: number) => number,
  derivatives: Derivatives,
  floatOnly = false,
) {
  return defineOp(name, {
    inputs: ["a", "b"],
    shape: ({ a, b }) => {
      const fits = a.dtype === b.dtype && (a.dtype === "float32" || (a.dtype === "int32" && !floatOnly));
      if (!fits) throw new ShapeError(`${name}: cannot combine ${a.dtype} and ${b.dtype}`);
      return { shape: broadcastShapes(a.shape, b.shape, name), dtype: a.dtype };
    },
    vjp: ({ a, b }, _attrs, y, g) => {
      const [da, db] = derivatives(a, b, y, g);
      return { a: () => sumTo(da(), a.shape), b: () => sumTo(db(), b.shape) };
    },
    reference: ({ a, b }, _attrs, y) => {
      const [ia, ib] = [broadcastIndex(a.shape, y.shape), broadcastIndex(b.shape, y.shape)];
      for (let i = 0; i < y.data.length; i++) y.data[i] = f(a.data[ia(i)]!, b.data[ib(i)]!);
    },
  });
}

/** aᵇ by C99 and IEEE 754, as PyTorch has it; JavaScript's 1^±∞, (−1)^±∞ and 1^NaN are NaN. */
function power(a: number, b: number): number {
  return a === 1 || (a === -1 && Math.abs(b) === Infinity) ? 1 : a ** b;
}

export const binaryOps = {
  // d(a + b) = da + db
  add: binary(
    "add",
    (a, b) => a + b,
    (_a, _b, _y, g) => [() => g, () => g],
  ),
  // d(a − b) = da − db
  sub: binary(
    "sub",
    (a, b) => a - b,
    (_a, _b, _y, g) => [() => g, () => g.neg()],
  ),
  // d(a·b) = b·da + a·db
  mul: binary(
    "mul",
    (a, b) => a * b,
    (a, b, _y, g) => [() => g.mul(b), () => g.mul(a)],
  ),
  // d(a/b) = da/b − a/b² · db
  div: binary(
    "div",
    (a, b) => a / b,
    (_a, b, y, g) => [() => g.div(b), () => g.mul(y).div(b).neg()],
    true,
  ),
  // d(aᵇ) = b·aᵇ⁻¹ · da + aᵇ ln a · db
  pow: binary("pow", power, (a, b, y, g) => [() => g.mul(b).mul(a.pow(b.sub(1))), () => g.mul(y).mul(a.log())], true),
  // the larger side gets the gradient, each half where they are equal
  maximum: binary("maximum", Math.max, (a, b, _y, g) => [() => share(g, a, b), () => share(g, b, a)]),
  minimum: binary("minimum", Math.min, (a, b, _y, g) => [() => share(g, b, a), () => share(g, a, b)]),
} as const;

/** g where a > b, half of it where they are equal. */
function share(g: Tensor, a: Tensor, b: Tensor): Tensor {
  return where(a.greater(b), g, where(a.equal(b), g.mul(0.5), 0));
}

const call =
  (name: keyof typeof binaryOps) =>
  (left: Tensor, right: Tensor | number): Tensor => {
    const [a, b] = operands(left, right);
    return apply(binaryOps[name], { a, b }, {});
  };
const callFloat =
  (name: "div" | "pow") =>
  (left: Tensor, right: Tensor | number): Tensor => {
    const [a, b] = operands(left, right);
    return apply(binaryOps[name], { a: cast(a, "float32"), b: cast(b, "float32") }, {});
  };

/** a + b, broadcasting. */
export const add = call("add");
export const sub = call("sub");
export const mul = call("mul");
/** a / b as float32, also for integers. */
export const div = callFloat("div");
/** aᵇ as float32. */
export const pow = callFloat("pow");
export const maximum = call("maximum");
export const minimum = call("minimum");
