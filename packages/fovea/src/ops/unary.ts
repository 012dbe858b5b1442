import { ShapeError } from "../base/errors.ts";
import { apply } from "../tensor/apply.ts";
import { defineOp } from "../tensor/op.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { cast } from "./cast.ts";
import { reluGrad } from "./reluGrad.ts";

/** The gradient with respect to x, given x, y = f(x) and the gradient g of y; null for steps. */
type Derivative = ((x: Tensor, y: Tensor, g: Tensor) => Tensor) | null;

/** An elementwise function of a float32 tensor. */
function unary<const Name extends string>(name: Name, f: (x: number) => number, derivative: Derivative) {
  return defineOp(name, {
    inputs: ["x"],
    shape: ({ x }) => {
      if (x.dtype !== "float32")
        throw new ShapeError(`${name}: needs float32, got ${x.dtype}; convert with cast(x, "float32")`);
      return { shape: x.shape, dtype: "float32" };
    },
    vjp: derivative && (({ x }, _attrs, y, g) => ({ x: () => derivative(x, y, g) })),
    reference: ({ x }, _attrs, y) => {
      for (let i = 0; i < y.data.length; i++) y.data[i] = f(x.data[i]!);
    },
  });
}

/** An elementwise test of a float32 tensor. */
function test<const Name extends string>(name: Name, f: (x: number) => boolean) {
  return defineOp(name, {
    inputs: ["x"],
    shape: ({ x }) => {
      if (x.dtype !== "float32")
        throw new ShapeError(`${name}: needs float32, got ${x.dtype}; convert with cast(x, "float32")`);
      return { shape: x.shape, dtype: "bool" };
    },
    vjp: null,
    reference: ({ x }, _attrs, y) => {
      for (let i = 0; i < y.data.length; i++) y.data[i] = Number(f(x.data[i]!));
    },
  });
}

/** Rounds halves to even, as IEEE 754 and PyTorch do. */
function roundHalfEven(x: number): number {
  const r = Math.round(x);
  return Math.abs(x % 1) === 0.5 && r % 2 !== 0 ? r - 1 : r;
}

/** Abramowitz and Stegun 7.1.5 / 7.1.14: the series near 0, the continued fraction in the tails; double precision. */
function erfReference(x: number): number {
  const a = Math.abs(x);
  if (a < 3) {
    let term = a;
    let sum = a;
    for (let n = 1; n < 100; n++) {
      term *= -(a * a) / n;
      sum += term / (2 * n + 1);
    }
    return (Math.sign(x) * 2 * sum) / Math.sqrt(Math.PI);
  }
  let fraction = 0;
  for (let n = 60; n > 0; n--) fraction = n / 2 / (a + fraction);
  return Math.sign(x) * (1 - Math.exp(-a * a) / (Math.sqrt(Math.PI) * (a + fraction)));
}

/**
 * Φ(x), the normal distribution function, without cancellation: the series Φ = ½ + φ(x)·(x + x³/3 + x⁵/(3·5) + …), and
 * the continued fraction of the tail (Abramowitz and Stegun 26.2.11 and 26.2.14); double precision.
 */
function normalCdf(x: number): number {
  const a = Math.abs(x);
  if (!(a < 40)) return x > 0 ? 1 : x < 0 ? 0 : NaN;
  const density = Math.exp((-a * a) / 2) / Math.sqrt(2 * Math.PI);
  let upper: number;
  if (a < 2.5) {
    let term = a;
    let sum = a;
    for (let n = 1; n < 60; n++) sum += term *= (a * a) / (2 * n + 1);
    upper = 0.5 - density * sum;
  } else {
    let fraction = 0;
    for (let n = 120; n > 0; n--) fraction = n / (a + fraction);
    upper = density / (a + fraction);
  }
  return x > 0 ? 1 - upper : upper;
}

export const unaryOps = {
  // d(−x) = −dx
  neg: unary(
    "neg",
    (x) => -x,
    (_x, _y, g) => g.neg(),
  ),
  // d|x| = sign x · dx
  abs: unary("abs", Math.abs, (x, _y, g) => g.mul(x.sign())),
  // d(eˣ) = eˣ · dx
  exp: unary("exp", Math.exp, (_x, y, g) => g.mul(y)),
  // d(ln x) = dx / x
  log: unary("log", Math.log, (x, _y, g) => g.div(x)),
  // d(√x) = dx / (2√x)
  sqrt: unary("sqrt", Math.sqrt, (_x, y, g) => g.div(y.mul(2))),
  // d(x^−½) = −½ x^−3/2 · dx
  rsqrt: unary(
    "rsqrt",
    (x) => 1 / Math.sqrt(x),
    (x, y, g) => g.mul(y.div(x)).mul(-0.5),
  ),
  // d(1/x) = −dx / x²
  reciprocal: unary(
    "reciprocal",
    (x) => 1 / x,
    (_x, y, g) => g.mul(y.square()).neg(),
  ),
  // d(x²) = 2x · dx
  square: unary(
    "square",
    (x) => x * x,
    (x, _y, g) => g.mul(x).mul(2),
  ),
  // d(sin x) = cos x · dx
  sin: unary("sin", Math.sin, (x, _y, g) => g.mul(x.cos())),
  // d(cos x) = −sin x · dx
  cos: unary("cos", Math.cos, (x, _y, g) => g.mul(x.sin()).neg()),
  // d(tanh x) = (1 − tanh² x) · dx
  tanh: unary("tanh", Math.tanh, (_x, y, g) => g.mul(y.square().neg().add(1))),
  // dσ = σ (1 − σ) · dx
  sigmoid: unary(
    "sigmoid",
    (x) => 1 / (1 + Math.exp(-x)),
    (_x, y, g) => g.mul(y.mul(y.neg().add(1))),
  ),
  // d ln(1 + eˣ) = σ(x) · dx
  softplus: unary(
    "softplus",
    (x) => (x > 0 ? x + Math.log1p(Math.exp(-x)) : Math.log1p(Math.exp(x))),
    (x, _y, g) => g.mul(x.sigmoid()),
  ),
  // silu = x·σ(x), and −0 at −∞; its derivative is σ·(1 + x·(1 − σ))
  silu: unary(
    "silu",
    (x) => (x < -750 ? -0 : x / (1 + Math.exp(-x))),
    (x, _y, g) => {
      const s = x.sigmoid();
      return g.mul(s.mul(x.mul(s.neg().add(1)).add(1)));
    },
  ),
  // mish = x·t, t = tanh(ln(1 + eˣ)), and −0 at −∞; its derivative is t + x·(1 − t²)·σ
  mish: unary(
    "mish",
    (x) => {
      const e = Math.exp(Math.min(x, 20));
      return x < -750 ? -0 : (x * e * (e + 2)) / (e * (e + 2) + 2);
    },
    (x, _y, g) => {
      const t = x.softplus().tanh();
      return g.mul(t.add(t.square().neg().add(1).mul(x.sigmoid()).mul(x)));
    },
  ),
  // gelu = x·Φ(x), and −0 at −∞; its derivative is Φ + x·φ, with φ the normal density
  gelu: unary(
    "gelu",
    (x) => (x < -40 ? -0 : x * normalCdf(x)),
    (x, _y, g) => {
      const phi = x.mul(Math.SQRT1_2).erf().add(1).mul(0.5);
      const density = x
        .square()
        .mul(-0.5)
        .exp()
        .mul(1 / Math.sqrt(2 * Math.PI));
      return g.mul(phi.add(x.mul(density)));
    },
  ),
  // d erf x = 2/√π · e^(−x²) · dx
  erf: unary("erf", erfReference, (x, _y, g) => g.mul(x.square().neg().exp()).mul(2 / Math.sqrt(Math.PI))),
  // 0 or dx; 0 at 0
  relu: unary(
    "relu",
    (x) => (x > 0 || Number.isNaN(x) ? x : 0),
    (_x, y, g) => reluGrad(g, y),
  ),
  sign: unary("sign", Math.sign, null),
  floor: unary("floor", Math.floor, null),
  ceil: unary("ceil", Math.ceil, null),
  round: unary("round", roundHalfEven, null),
  isNaN: test("isNaN", Number.isNaN),
  isFinite: test("isFinite", Number.isFinite),
} as const;

type Name = keyof typeof unaryOps;
const call =
  (name: Name) =>
  (x: Tensor): Tensor =>
    apply(
      unaryOps[name],
      { x: name === "isNaN" || name === "isFinite" || x.dtype === "float32" ? x : cast(x, "float32") },
      {},
    );

export const neg = call("neg");
export const abs = call("abs");
export const exp = call("exp");
export const log = call("log");
export const sqrt = call("sqrt");
export const rsqrt = call("rsqrt");
export const reciprocal = call("reciprocal");
export const square = call("square");
export const sin = call("sin");
export const cos = call("cos");
export const tanh = call("tanh");
export const sigmoid = call("sigmoid");
export const softplus = call("softplus");
/** x · σ(x), also called swish (Elfwing et al., 2017). */
export const silu = call("silu");
/** x · tanh(ln(1 + eˣ)) (Misra, 2019). */
export const mish = call("mish");
/** x · Φ(x), Φ being the normal distribution function. */
export const exactGelu = call("gelu");
export const erf = call("erf");
export const relu = call("relu");
export const sign = call("sign");
export const floor = call("floor");
export const ceil = call("ceil");
/** Rounds to the nearest whole number, halves to even. */
export const round = call("round");
export const isNaN = call("isNaN");
export const isFinite = call("isFinite");
