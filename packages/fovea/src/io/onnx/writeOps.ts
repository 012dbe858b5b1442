import type { DType } from "../../base/dtype.ts";
import { UnsupportedOpError } from "../../base/errors.ts";
import type { TensorSpec } from "../../backend/contract.ts";
import type { Epilogue } from "../../ops/epilogue.ts";
import type { OpName } from "../../ops/index.ts";
import type { MatmulAttrs } from "../../ops/matmul.ts";
import type { BoxAttrs } from "../../ops/movement.ts";
import type { ReduceAttrs } from "../../ops/reduce.ts";
import type { ScatterMode } from "../../ops/scatter.ts";
import { int32, type OpToWrite, type Write } from "./writeOp.ts";
import { typeNumbers } from "./writer.ts";
import { averagePool, convolution, maxIndices, maxPool, transposedConvolution } from "./writeWindows.ts";

/** The one ONNX operator that is the same. */
const same =
  (operator: string): Write =>
  ({ w, names }) =>
    w.add(operator, names);

const reduce =
  (operator: string): Write =>
  ({ w, names, attrs }) => {
    const { axes, keepDims } = attrs as unknown as ReduceAttrs;
    const flags = { keepdims: Number(keepDims) };
    // No axes mean all of them, unless said otherwise.
    if (axes.length === 0) return w.add(operator, names, { ...flags, noop_with_empty_axes: 1 });
    return w.add(operator, [names[0]!, w.integers(axes)], flags);
  };

const argExtreme =
  (operator: string): Write =>
  ({ w, names, attrs }) =>
    int32(w, w.add(operator, names, { axis: attrs["axis"] as number, keepdims: Number(attrs["keepDims"]) }));

const alongAxis =
  (operator: string): Write =>
  ({ w, names, attrs }) =>
    w.add(operator, names, { axis: attrs["axis"] as number });

const product: Write = ({ w, names, specs, attrs }) => {
  const { transposeA, transposeB } = attrs as unknown as MatmulAttrs;
  const [a, b, bias = ""] = names as readonly [string, string, string?];
  const [rankA, rankB] = [specs[0]!.shape.length, specs[1]!.shape.length];
  if (rankA === 2 && rankB === 2) {
    const inputs = bias === "" ? [a, b] : [a, b, bias];
    return w.add("Gemm", inputs, { transA: Number(transposeA), transB: Number(transposeB) });
  }
  const turned = (name: string, rank: number) => {
    const perm = Array.from({ length: rank }, (_, i) => (i < rank - 2 ? i : 2 * rank - 3 - i));
    return w.add("Transpose", [name], { perm });
  };
  const y = w.add("MatMul", [transposeA ? turned(a, rankA) : a, transposeB ? turned(b, rankB) : b]);
  return bias === "" ? y : w.add("Add", [y, bias]);
};

/** Zeros to which elements are added at their indices. */
function scatter({ w, names, attrs, output }: OpToWrite, indices: string): string {
  const zeros = w.add("Expand", [w.scalar(0, output.dtype), w.integers(output.shape, "shape")]);
  return w.add("ScatterElements", [zeros, indices, names[0]!], { axis: attrs["axis"] as number, reduction: "add" });
}

/** A sparse matrix along an axis: rows picked where every entry is a plain 1, a product with the dense matrix else. */
const sparseProduct: Write = ({ w, names, specs, attrs, output, values }) => {
  const axis = attrs["axis"] as number;
  const [starts, from, weights] = [values(1), values(2), values(3)];
  const { shape } = specs[0]!;
  const [out, size] = [output.shape[axis]!, shape[axis]!];
  if (starts.every((at, k) => at === k) && weights.every((v) => v === 1)) {
    return w.add("Gather", [names[0]!, w.tensor(from, [out], "int32", "rows")], { axis });
  }
  const matrix = new Float32Array(size * out);
  for (let k = 0; k < out; k++) {
    for (let t = starts[k]!; t < starts[k + 1]!; t++) matrix[from[t]! * out + k]! += weights[t]!;
  }
  const columns = w.tensor(matrix, [size, out], "float32", "matrix");
  const last = shape.length - 1;
  if (axis === last) return w.add("MatMul", [names[0]!, columns]);
  const perm = shape.map((_, i) => (i === axis ? last : i === last ? axis : i));
  const y = w.add("MatMul", [w.add("Transpose", [names[0]!], { perm }), columns]);
  return w.add("Transpose", [y], { perm });
};

const indexAdd: Write = (op) => {
  const { w, names, specs, attrs } = op;
  const { shape } = specs[0]!;
  const column = shape.map((d, i) => (i === attrs["axis"] ? d : 1));
  const rows = w.add("Reshape", [names[1]!, w.integers(column, "shape")]);
  return scatter(op, w.add("Expand", [rows, w.integers(shape, "shape")]));
};

/** Element k of an axis is element k of the sorted ones: all of them are the top. Equals keep their order in both. */
const argsort: Write = ({ w, names, specs, attrs }) => {
  const axis = attrs["axis"] as number;
  const all = w.integers([specs[0]!.shape[axis]!], "count");
  return int32(w, w.add("TopK", [names[0]!, all], { axis, largest: Number(attrs["descending"]), sorted: 1 }, 1));
};

const cumsum: Write = ({ w, names, attrs }) =>
  w.add("CumSum", [names[0]!, w.scalar(attrs["axis"] as number, "int32")], {
    exclusive: Number(attrs["exclusive"]),
    reverse: Number(attrs["reverse"]),
  });

const scatterInto: Write = ({ w, names, attrs }) => {
  const mode = attrs["mode"] as ScatterMode;
  return w.add("ScatterElements", names, { axis: attrs["axis"] as number, reduction: mode === "set" ? "none" : mode });
};

const slice: Write = ({ w, names, attrs, output }) => {
  const { starts, steps } = attrs as unknown as BoxAttrs;
  const ends = starts.map(
    (from, k) => from + Math.max(0, (output.shape[k]! - 1) * steps[k]! + 1) * Math.sign(output.shape[k]!),
  );
  const axes = starts.map((_, k) => k);
  return w.add("Slice", [
    names[0]!,
    w.integers(starts, "starts"),
    w.integers(ends, "ends"),
    w.integers(axes),
    w.integers(steps, "steps"),
  ]);
};

const pad: Write = ({ w, names, specs, attrs, output }) => {
  const { starts, steps, value } = attrs as unknown as BoxAttrs & { value: number };
  const { shape, dtype } = specs[0]!;
  let x = names[0]!;
  let size = [...shape];
  if (steps.some((s, k) => s > 1 && shape[k]! > 1)) {
    // Elements apart: each gets an axis of its own, padded to the step; what follows the last is cut off again.
    const apart = shape.flatMap((d) => [d, 1]);
    const grow = steps.flatMap((s) => [0, s - 1]);
    x = w.add("Reshape", [x, w.integers(apart, "shape")]);
    x = w.add("Pad", [x, w.integers([...grow.map(() => 0), ...grow], "pads"), w.scalar(value, dtype)]);
    size = shape.map((d, k) => d * steps[k]!);
    x = w.add("Reshape", [x, w.integers(size, "shape")]);
    const ends = shape.map((d, k) => (d - 1) * steps[k]! + 1);
    x = w.add("Slice", [
      x,
      w.integers(
        ends.map(() => 0),
        "starts",
      ),
      w.integers(ends, "ends"),
    ]);
    size = ends;
  }
  const after = output.shape.map((d, k) => d - starts[k]! - size[k]!);
  return w.add("Pad", [x, w.integers([...starts, ...after], "pads"), w.scalar(value, dtype)]);
};

const flip: Write = ({ w, names, specs, attrs }) => {
  const axes = attrs["axes"] as readonly number[];
  const all = (v: number, wish: string) =>
    w.integers(
      axes.map(() => v),
      wish,
    );
  const before = axes.map((axis) => -specs[0]!.shape[axis]! - 1);
  return w.add("Slice", [names[0]!, all(-1, "starts"), w.integers(before, "ends"), w.integers(axes), all(-1, "steps")]);
};

const finite: Write = ({ w, names }) => w.add("Not", [w.add("Or", [w.add("IsNaN", names), w.add("IsInf", names)])]);

/** What an op does with its result before it is written. */
function finished({ w, attrs }: OpToWrite, result: string, residual: string): string {
  const { activation, min, max } = attrs as unknown as Epilogue;
  const y = residual === "" ? result : w.add("Add", [result, residual]);
  if (activation === "relu") return w.add("Relu", [y]);
  if (activation === "clip") return w.add("Clip", [y, w.scalar(min), w.scalar(max)]);
  return activation === "silu" ? w.add("Mul", [y, w.add("Sigmoid", [y])]) : y;
}

const batchNorm: Write = (op) => {
  const { w, names, specs, attrs } = op;
  const [x, mean, variance, weight = "", bias = "", residual = ""] = names as readonly [string, string, string];
  const channels = specs[0]!.shape[1]!;
  const all = (value: number, wish: string) =>
    w.tensor(new Float32Array(channels).fill(value), [channels], "float32", wish);
  const inputs = [x, weight || all(1, "scale"), bias || all(0, "shift"), mean, variance];
  return finished(op, w.add("BatchNormalization", inputs, { epsilon: { float: attrs["eps"] as number } }), residual);
};

const batchNormOfBatch: Write = (op) => {
  const [x, moments, ...rest] = op.names as readonly [string, string, ...string[]];
  const [mean, variance] = [0, 1].map((k) => op.w.add("Gather", [moments, op.w.scalar(k, "int32")], { axis: 0 }));
  return batchNorm({ ...op, names: [x, mean!, variance!, ...rest] });
};

const channelMoments: Write = ({ w, names: [x], specs, output }) => {
  const axes = () => w.integers(specs[0]!.shape.flatMap((_, i) => (i === 1 ? [] : [i])));
  const mean = w.add("ReduceMean", [x!, axes()], { keepdims: 1 });
  const apart = w.add("Sub", [x!, mean]);
  const variance = w.add("ReduceMean", [w.add("Mul", [apart, apart]), axes()], { keepdims: 1 });
  const row = (t: string) => w.add("Reshape", [t, w.integers([1, output.shape[1]!], "shape")]);
  return w.add("Concat", [row(mean), row(variance)], { axis: 0 });
};

/** Ops that only gradients need. */
const gradient = "it belongs to a gradient; export the forward pass";
const fused = "it is made by the passes of compile(); export the model itself";
const training = "it only happens in training; call eval() on the model first";

/** How every primitive is written, or why it is not. A forgotten one is a compile error. */
const writers = {
  alongAxis: sparseProduct,
  assign: training,
  avgPool2dGrad: gradient,
  batchNorm,
  batchNormOfBatch,
  batchNormGradSums: gradient,
  batchNormInputGrad: gradient,
  channelMoments,
  conv2dWeightGrad: gradient,
  dropout: training,
  fusedConv2d: fused,
  fusedMatmul: fused,
  labelCrossEntropy: ({ w, names }) => w.add("SoftmaxCrossEntropyLoss", names, { reduction: "none" }),
  labelCrossEntropyGrad: gradient,
  maxPool2dGather: gradient,
  maxPool2dGrad: gradient,
  reluGrad: gradient,
  neg: same("Neg"),
  abs: same("Abs"),
  exp: same("Exp"),
  log: same("Log"),
  sqrt: same("Sqrt"),
  rsqrt: ({ w, names }) => w.add("Reciprocal", [w.add("Sqrt", names)]),
  reciprocal: same("Reciprocal"),
  square: ({ w, names }) => w.add("Mul", [names[0]!, names[0]!]),
  sin: same("Sin"),
  cos: same("Cos"),
  tanh: same("Tanh"),
  sigmoid: same("Sigmoid"),
  softplus: same("Softplus"),
  erf: same("Erf"),
  relu: same("Relu"),
  sign: same("Sign"),
  floor: same("Floor"),
  ceil: same("Ceil"),
  round: same("Round"),
  isNaN: same("IsNaN"),
  isFinite: finite,
  add: same("Add"),
  sub: same("Sub"),
  mul: same("Mul"),
  div: same("Div"),
  pow: same("Pow"),
  maximum: same("Max"),
  minimum: same("Min"),
  equal: same("Equal"),
  notEqual: ({ w, names }) => w.add("Not", [w.add("Equal", names)]),
  less: same("Less"),
  lessEqual: same("LessOrEqual"),
  greater: same("Greater"),
  greaterEqual: same("GreaterOrEqual"),
  logicalAnd: same("And"),
  logicalOr: same("Or"),
  logicalXor: same("Xor"),
  sum: reduce("ReduceSum"),
  prod: reduce("ReduceProd"),
  max: reduce("ReduceMax"),
  min: reduce("ReduceMin"),
  argmax: argExtreme("ArgMax"),
  argmin: argExtreme("ArgMin"),
  reshape: ({ w, names, output }) => w.add("Reshape", [names[0]!, w.integers(output.shape, "shape")], { allowzero: 1 }),
  permute: ({ w, names, attrs }) => w.add("Transpose", names, { perm: attrs["axes"] as readonly number[] }),
  expand: ({ w, names, output }) => w.add("Expand", [names[0]!, w.integers(output.shape, "shape")]),
  slice,
  pad,
  flip,
  concat: alongAxis("Concat"),
  indexSelect: alongAxis("Gather"),
  indexAdd,
  takeAlongAxis: alongAxis("GatherElements"),
  argsort,
  cumsum,
  scatter: scatterInto,
  scatterAdd: (op) => scatter(op, op.names[1]!),
  softmax: alongAxis("Softmax"),
  logSoftmax: alongAxis("LogSoftmax"),
  avgPool2d: averagePool,
  maxPool2d: maxPool,
  maxPool2dIndices: maxIndices,
  cast: ({ w, names, attrs }) => w.add("Cast", names, { to: typeNumbers[attrs["dtype"] as DType] }),
  clamp: ({ w, names, attrs }) =>
    w.add("Clip", [names[0]!, w.scalar(attrs["min"] as number), w.scalar(attrs["max"] as number)]),
  silu: ({ w, names: [x] }) => w.add("Mul", [x!, w.add("Sigmoid", [x!])]),
  mish: ({ w, names: [x] }) => w.add("Mul", [x!, w.add("Tanh", [w.add("Softplus", [x!])])]),
  // x · ½(1 + erf(x / √2)): ONNX has Gelu only since opset 20
  gelu: ({ w, names: [x] }) => {
    const erf = w.add("Erf", [w.add("Mul", [x!, w.scalar(Math.SQRT1_2)])]);
    return w.add("Mul", [x!, w.add("Mul", [w.add("Add", [erf, w.scalar(1)]), w.scalar(0.5)])]);
  },
  conv2d: convolution,
  conv2dInputGrad: transposedConvolution,
  matmul: product,
  where: same("Where"),
} as const satisfies Record<OpName, Write | string>;

/** The writer of an op, or an error that says what to do. */
export function writerOf(op: string, output: TensorSpec): Write {
  const write = (writers as Partial<Record<string, Write | string>>)[op];
  if (typeof write === "function") return write;
  const why = write ?? "it is an op of your own, for which ONNX has no operator";
  throw new UnsupportedOpError(
    `exportOnnx: the op ${op} (result [${output.shape.join(", ")}]) cannot be written: ${why}`,
  );
}
