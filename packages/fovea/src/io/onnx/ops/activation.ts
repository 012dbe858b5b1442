import { celu, elu, gelu, hardSigmoid, hardSwish, leakyRelu, mish, selu, softsign } from "../../../ops/activations.ts";
import { where } from "../../../ops/select.ts";
import { logSoftmax, softmax } from "../../../ops/softmax.ts";
import { normalizeAxis, sizeOf } from "../../../base/shape.ts";
import { arange } from "../../../tensor/create.ts";
import type { Tensor } from "../../../tensor/tensor.ts";
import type { Call, Handlers } from "../call.ts";

/** Slope per element, broadcast to x; before opset 7 one slope per channel. */
function prelu(call: Call): Tensor {
  const [x, slope] = [call.tensor(0), call.tensor(1)];
  const perChannel =
    slope.rank === 1 && x.rank > 2 && slope.size === x.shape[1] && (call.opset < 7 || slope.size !== x.shape.at(-1));
  const weight = perChannel ? slope.reshape(x.shape.slice(1).map((_, i) => (i === 0 ? slope.size : 1))) : slope;
  return where(x.greater(0), x, x.mul(weight));
}

/** Selu with any constants. */
function scaledElu(call: Call): Tensor {
  const x = call.tensor(0);
  if (!call.has("alpha") && !call.has("gamma") && call.opset >= 6) return selu(x);
  return elu(x, call.float("alpha", 1.6732631921768188)).mul(call.float("gamma", 1.0507010221481323));
}

function shrink(call: Call): Tensor {
  const x = call.tensor(0).cast("float32");
  const [lambda, bias] = [call.float("lambd", 0.5), call.float("bias", 0)];
  const y = where(x.less(-lambda), x.add(bias), where(x.greater(lambda), x.sub(bias), 0));
  return call.tensor(0).dtype === "float32" ? y : y.cast("int32");
}

/** Before opset 13 these see a matrix: all axes from `axis` on are one. */
function alongAxis(call: Call, f: (x: Tensor, axis: number) => Tensor): Tensor {
  const x = call.tensor(0);
  const axis = normalizeAxis(call.int("axis", call.opset < 13 ? 1 : -1), x.rank, call.node.op);
  if (call.opset >= 13) return f(x, axis);
  return f(x.reshape([sizeOf(x.shape.slice(0, axis)), sizeOf(x.shape.slice(axis))]), 1).reshape(x.shape);
}

/** 1 at the first largest element along an axis, 0 elsewhere. */
function hardmax(x: Tensor, axis: number): Tensor {
  const places = arange(x.shape[axis]!, "int32").reshape(x.shape.map((d, i) => (i === axis ? d : 1)));
  return places.equal(x.argmax(axis, true)).cast("float32");
}

function approximation(call: Call): "none" | "tanh" {
  const name = call.string("approximate", "none");
  if (name === "none" || name === "tanh") return name;
  return call.unsupported(`approximate=${name}`);
}

export const activationHandlers = {
  Celu: (call) => celu(call.tensor(0), call.float("alpha", 1)),
  Elu: (call) => elu(call.tensor(0), call.float("alpha", 1)),
  Gelu: (call) => gelu(call.tensor(0), approximation(call)),
  HardSigmoid: (call) => hardSigmoid(call.tensor(0), call.float("alpha", 0.2), call.float("beta", 0.5)),
  HardSwish: (call) => hardSwish(call.tensor(0)),
  Hardmax: (call) => alongAxis(call, hardmax),
  LeakyRelu: (call) => leakyRelu(call.tensor(0), call.float("alpha", 0.01)),
  LogSoftmax: (call) => alongAxis(call, logSoftmax),
  Mish: (call) => mish(call.tensor(0)),
  PRelu: prelu,
  Relu: (call) => (call.tensor(0).dtype === "float32" ? call.tensor(0).relu() : call.tensor(0).maximum(0)),
  Selu: scaledElu,
  Shrink: shrink,
  Sigmoid: (call) => call.tensor(0).sigmoid(),
  Softmax: (call) => alongAxis(call, softmax),
  Softplus: (call) => call.tensor(0).softplus(),
  Softsign: (call) => softsign(call.tensor(0)),
  Swish: (call) => call.tensor(0).mul(call.tensor(0).mul(call.float("alpha", 1)).sigmoid()),
  ThresholdedRelu: (call) => where(call.tensor(0).greater(call.float("alpha", 1)), call.tensor(0), 0),
} as const satisfies Handlers;
