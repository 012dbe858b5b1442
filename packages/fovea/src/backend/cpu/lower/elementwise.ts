import type { DType } from "../../../base/dtype.ts";
import { byteSize } from "../../../base/dtype.ts";
import { sameShape, sizeOf } from "../../../base/shape.ts";
import type { binaryOps } from "../../../ops/binary.ts";
import type { compareOps } from "../../../ops/compare.ts";
import type { unaryOps } from "../../../ops/unary.ts";
import type { Attrs } from "../../contract.ts";
import { bytesOf } from "../buffer.ts";
import type { KernelName } from "../kernels.generated.ts";
import { memoryOrder, sameLayout } from "../layout.ts";
import { bits, type CpuKernel, type CpuValue, type Emitter } from "../lower.ts";
import { emitCopyBytes, emitRelayout } from "./relayout.ts";
import { broadcastStrides, merged, reordered, walkParams } from "./strides.ts";

/** A function of one tensor: walks memory in order, whatever the layout. */
function unary(kernel: KernelName, params: (attrs: Attrs) => readonly number[] = () => [0, 0]): CpuKernel {
  return {
    in: ["any"],
    out: "follow",
    step: (attrs) => [kernel, ...params(attrs)],
    emit(e, { inputs, output, attrs }) {
      const n = sizeOf(output.spec.shape);
      const [x, y] = [inputs[0]!.ref, output.ref];
      if (n > 0) e.command(kernel, [x, y], [n, ...params(attrs)], { over: [[y, [x]]] });
    },
  };
}

/** Operands and output as one walk in the output's memory order. */
function broadcastWalk(operands: readonly CpuValue[], { spec, layout }: CpuValue): number[] {
  const strides = operands.map((v) => broadcastStrides(v, spec.shape));
  return walkParams(merged(reordered({ dims: spec.shape, strides }, memoryOrder(spec.shape, layout))));
}

/** A whole operand in the other layout is converted first: tiles are transposed much faster than single elements read. */
function alike(e: Emitter, v: CpuValue, { spec, layout }: CpuValue): CpuValue {
  if (!sameShape(v.spec.shape, spec.shape) || sameLayout(spec.shape, v.layout, layout)) return v;
  const converted = { spec: v.spec, layout, ref: e.scratch(bytesOf(v.spec)) };
  emitRelayout(e, v, converted);
  return converted;
}

function broadcasting(arity: number, kernel: (dtype: DType) => KernelName): CpuKernel {
  return {
    in: Array.from({ length: arity }, () => "any" as const),
    out: "follow",
    step: () => [kernel("float32")],
    emit(e, { inputs, output }) {
      if (sizeOf(output.spec.shape) === 0) return;
      const operands = inputs.map((v) => alike(e, v!, output));
      const refs = operands.map((v) => v.ref);
      const whole = refs.filter((_, i) => sameShape(operands[i]!.spec.shape, output.spec.shape));
      const over = { over: [[output.ref, whole]] as const };
      e.command(kernel(inputs.at(-1)!.spec.dtype), [...refs, output.ref], broadcastWalk(operands, output), over);
    },
  };
}

/** The kernel for float32 or for int32 operands. */
const binary = (float: KernelName, int: KernelName = float): CpuKernel =>
  broadcasting(2, (dtype) => (dtype === "int32" ? int : float));

const casts = {
  float32: { int32: "cast_f32_i32", uint8: "cast_f32_u8", bool: "cast_f32_bool" },
  int32: { float32: "cast_i32_f32", uint8: "cast_i32_u8", bool: "cast_i32_bool" },
  uint8: { float32: "cast_u8_f32", int32: "cast_u8_i32", bool: "cast_u8_bool" },
  bool: { float32: "cast_u8_f32", int32: "cast_u8_i32" },
} as const satisfies Record<DType, Partial<Record<DType, KernelName>>>;

const cast: CpuKernel = {
  in: ["any"],
  out: "follow",
  emit(e, { inputs, output }) {
    const x = inputs[0]!;
    const { dtype, shape } = output.spec;
    const kernel = (casts[x.spec.dtype] as Partial<Record<DType, KernelName>>)[dtype];
    const n = sizeOf(shape);
    if (kernel === undefined) emitCopyBytes(e, x.ref, output.ref, n * byteSize[dtype]);
    else if (n > 0) e.command(kernel, [x.ref, output.ref], [n]);
  },
};

export const elementwiseKernels = {
  neg: unary("neg_f32"),
  abs: unary("abs_f32"),
  exp: unary("exp_f32"),
  log: unary("log_f32"),
  sqrt: unary("sqrt_f32"),
  rsqrt: unary("rsqrt_f32"),
  reciprocal: unary("reciprocal_f32"),
  square: unary("square_f32"),
  sin: unary("sin_f32"),
  cos: unary("cos_f32"),
  tanh: unary("tanh_f32"),
  sigmoid: unary("sigmoid_f32"),
  softplus: unary("softplus_f32"),
  silu: unary("silu_f32"),
  mish: unary("mish_f32"),
  gelu: unary("gelu_f32"),
  erf: unary("erf_f32"),
  relu: unary("relu_f32"),
  sign: unary("sign_f32"),
  floor: unary("floor_f32"),
  ceil: unary("ceil_f32"),
  round: unary("round_f32"),
  isNaN: unary("is_nan_f32"),
  isFinite: unary("is_finite_f32"),
  clamp: unary("clamp_f32", ({ min, max }) => [bits(min as number), bits(max as number)]),
  cast,
  add: binary("add_f32", "add_i32"),
  sub: binary("sub_f32", "sub_i32"),
  mul: binary("mul_f32", "mul_i32"),
  div: binary("div_f32"),
  pow: binary("pow_f32"),
  maximum: binary("maximum_f32", "maximum_i32"),
  minimum: binary("minimum_f32", "minimum_i32"),
  equal: binary("equal_f32", "equal_i32"),
  notEqual: binary("not_equal_f32", "not_equal_i32"),
  less: binary("less_f32", "less_i32"),
  lessEqual: binary("less_equal_f32", "less_equal_i32"),
  greater: binary("greater_f32", "greater_i32"),
  greaterEqual: binary("greater_equal_f32", "greater_equal_i32"),
  logicalAnd: binary("logical_and"),
  logicalOr: binary("logical_or"),
  logicalXor: binary("logical_xor"),
  reluGrad: binary("relu_grad_f32"),
  where: broadcasting(3, () => "where_32"),
} satisfies Record<
  keyof typeof unaryOps | keyof typeof binaryOps | keyof typeof compareOps | "cast" | "clamp" | "reluGrad" | "where",
  CpuKernel
>;
