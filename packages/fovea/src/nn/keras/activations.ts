import {
  celu,
  elu,
  gelu,
  glu,
  hardShrink,
  hardSigmoid,
  hardSwish,
  hardTanh,
  leakyRelu,
  logSigmoid,
  mish,
  relu6,
  selu,
  silu,
  softplus,
  softShrink,
  softsign,
  tanhShrink,
} from "../../ops/activations.ts";
import { logSoftmax, softmax } from "../../ops/softmax.ts";
import { exp, relu, sigmoid, tanh } from "../../ops/unary.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { named } from "./arguments.ts";

/** An activation: a function of a tensor in the layer's data format. */
export type ActivationFunction = (x: Tensor) => Tensor;

/** Activations by Keras' names. The two hard sigmoids differ: Keras 2 had a slope of 1/5, Keras 3 has 1/6. */
const elementwise = {
  linear: (x: Tensor) => x,
  relu: (x: Tensor) => relu(x),
  relu6,
  leakyRelu: (x: Tensor) => leakyRelu(x, 0.2),
  elu: (x: Tensor) => elu(x),
  selu,
  celu: (x: Tensor) => celu(x),
  gelu: (x: Tensor) => gelu(x),
  silu,
  swish: silu,
  mish,
  sigmoid: (x: Tensor) => sigmoid(x),
  logSigmoid,
  hardSigmoid: (x: Tensor) => hardSigmoid(x),
  hardSigmoidKeras2: (x: Tensor) => hardSigmoid(x, 0.2),
  hardSilu: hardSwish,
  hardSwish,
  hardTanh: (x: Tensor) => hardTanh(x),
  hardShrink: (x: Tensor) => hardShrink(x),
  softShrink: (x: Tensor) => softShrink(x),
  tanhShrink,
  softplus: (x: Tensor) => softplus(x),
  softsign,
  tanh: (x: Tensor) => tanh(x),
  exponential: (x: Tensor) => exp(x),
} satisfies Record<string, ActivationFunction>;

/** These look along the last axis, so the data format matters. */
const alongLastAxis = {
  softmax: (x: Tensor) => softmax(x, -1),
  logSoftmax: (x: Tensor) => logSoftmax(x, -1),
  glu: (x: Tensor) => glu(x, -1),
} satisfies Record<string, ActivationFunction>;

const all = { ...elementwise, ...alongLastAxis };

/** Every activation by name; a layer takes the name or the function. */
export const activations: Readonly<typeof all> = all;

/** A name in Keras' spelling (`leaky_relu`) or ours, a function, or null for none. */
export type ActivationArgument = ActivationFunction | string | null;

/** The function, and whether it looks at each element by itself. */
export interface ResolvedActivation {
  readonly apply: ActivationFunction;
  readonly elementwise: boolean;
}

export function activationOf(who: string, value: ActivationArgument | undefined): ResolvedActivation | null {
  if (value === undefined || value === null) return null;
  const apply = typeof value === "function" ? value : named<ActivationFunction>(who, "activation", value, all);
  if (apply === elementwise.linear) return null;
  return { apply, elementwise: (Object.values(elementwise) as ActivationFunction[]).includes(apply) };
}
