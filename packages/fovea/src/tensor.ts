/**
 * The one file with a side effect: it attaches the ops to Tensor as methods, so that `relu(x)` is also `x.relu()`.
 * It stands above `tensor` and `ops` because a gradient is written with ops, and ops take tensors.
 */
import { backward } from "./tensor/autograd.ts";
import { Tensor } from "./tensor/tensor.ts";
import { elu, gelu, leakyRelu, relu6, silu, softplus } from "./ops/activations.ts";
import { assign } from "./ops/assign.ts";
import { avgPool2d } from "./ops/avgPool.ts";
import { add, div, maximum, minimum, mul, pow, sub } from "./ops/binary.ts";
import { cast } from "./ops/cast.ts";
import {
  equal,
  greater,
  greaterEqual,
  less,
  lessEqual,
  logicalAnd,
  logicalNot,
  logicalOr,
  logicalXor,
  notEqual,
} from "./ops/compare.ts";
import { conv1d } from "./ops/conv1d.ts";
import { conv2d } from "./ops/conv2d.ts";
import { conv3d } from "./ops/conv3d.ts";
import { convTranspose1d, convTranspose2d, convTranspose3d } from "./ops/convTranspose.ts";
import { indexSelect, takeAlongAxis } from "./ops/gather.ts";
import { linear } from "./ops/linear.ts";
import { matmul } from "./ops/matmul.ts";
import { maxPool2d, maxPool2dIndices } from "./ops/maxPool2d.ts";
import {
  at,
  expand,
  flatten,
  flip,
  narrow,
  pad,
  permute,
  reshape,
  slice,
  split,
  squeeze,
  transpose,
  unsqueeze,
} from "./ops/movement.ts";
import { argmax, argmin, max, mean, min, prod, sum, variance } from "./ops/reduce.ts";
import { clamp } from "./ops/select.ts";
import { logSoftmax, softmax } from "./ops/softmax.ts";
import {
  abs,
  ceil,
  cos,
  erf,
  exp,
  floor,
  isFinite,
  isNaN,
  log,
  neg,
  reciprocal,
  relu,
  round,
  rsqrt,
  sigmoid,
  sign,
  sin,
  sqrt,
  square,
  tanh,
} from "./ops/unary.ts";

// One entry per method; the first argument is `this`.
const methods = {
  abs,
  add,
  argmax,
  argmin,
  assign,
  at,
  avgPool2d,
  backward,
  cast,
  ceil,
  clamp,
  conv1d,
  conv2d,
  conv3d,
  convTranspose1d,
  convTranspose2d,
  convTranspose3d,
  cos,
  div,
  elu,
  equal,
  erf,
  exp,
  expand,
  flatten,
  flip,
  floor,
  gelu,
  greater,
  greaterEqual,
  indexSelect,
  isFinite,
  isNaN,
  leakyRelu,
  less,
  lessEqual,
  linear,
  log,
  logSoftmax,
  logicalAnd,
  logicalNot,
  logicalOr,
  logicalXor,
  matmul,
  max,
  maxPool2d,
  maxPool2dIndices,
  maximum,
  mean,
  min,
  minimum,
  mul,
  narrow,
  neg,
  notEqual,
  pad,
  permute,
  pow,
  prod,
  reciprocal,
  relu,
  relu6,
  reshape,
  round,
  rsqrt,
  sigmoid,
  sign,
  silu,
  sin,
  slice,
  softmax,
  softplus,
  split,
  sqrt,
  square,
  squeeze,
  sub,
  sum,
  takeAlongAxis,
  tanh,
  transpose,
  unsqueeze,
  variance,
};

type Methods = typeof methods;
type Method<F> = F extends (x: Tensor, ...args: infer A) => infer R ? (...args: A) => R : never;
export type TensorMethods = { [K in keyof Methods]: Method<Methods[K]> };

declare module "./tensor/tensor.ts" {
  interface Tensor extends TensorMethods {}
}

for (const [name, fn] of Object.entries(methods)) {
  Object.defineProperty(Tensor.prototype, name, {
    value(this: Tensor, ...args: unknown[]) {
      return (fn as (x: Tensor, ...args: unknown[]) => unknown)(this, ...args);
    },
    configurable: true,
    writable: true,
  });
}

export { Tensor };
