import { byteSize } from "../../../base/dtype.ts";
import { sizeOf } from "../../../base/shape.ts";
import type { BoxAttrs, movementOps } from "../../../ops/movement.ts";
import type { Attrs, TensorSpec } from "../../contract.ts";
import { memoryOrder, stridesOf } from "../layout.ts";
import { bits, type CpuKernel, type CpuValue, type Emitter } from "../lower.ts";
import { emitStridedCopy } from "./relayout.ts";
import { broadcastStrides } from "./strides.ts";

/** Distances in memory along each logical axis. */
const stridesIn = ({ spec, layout }: CpuValue): number[] => stridesOf(spec.shape, layout);
const dot = (a: readonly number[], b: readonly number[]): number => a.reduce((sum, v, i) => sum + v * b[i]!, 0);

/** The bits of a fill value in a dtype's memory. */
function fillBits(value: number, dtype: TensorSpec["dtype"]): number {
  if (dtype === "float32") return bits(value);
  return dtype === "bool" ? Number(value !== 0) : Math.trunc(value) | 0;
}

function emitFill(e: Emitter, { spec, ref }: CpuValue, value: number): void {
  const n = sizeOf(spec.shape);
  const kernel = byteSize[spec.dtype] === 4 ? "fill_32" : "fill_8";
  if (n > 0) e.command(kernel, [ref], [n, fillBits(value, spec.dtype)]);
}

const permute: CpuKernel = {
  in: ["any"],
  emit(e, { inputs, output, attrs }) {
    const x = inputs[0]!;
    const from = stridesIn(x);
    const source = (attrs.axes as readonly number[]).map((a) => from[a]!);
    const dims = output.spec.shape;
    emitStridedCopy(e, x.ref, output.ref, byteSize[x.spec.dtype], { dims, source, target: stridesIn(output) });
  },
};

const expand: CpuKernel = {
  in: ["any"],
  // What is expanded to four axes or more meets activations, and those are channels-last.
  out: "channelsLast",
  emit(e, { inputs, output }) {
    const x = inputs[0]!;
    const dims = output.spec.shape;
    const copy = { dims, source: broadcastStrides(x, dims), target: stridesIn(output) };
    emitStridedCopy(e, x.ref, output.ref, byteSize[x.spec.dtype], copy);
  },
};

/** A box is one piece of memory when only its slowest axis of more than one element is cut. */
function slicePiece(x: CpuValue, attrs: Attrs, output: TensorSpec): number | undefined {
  const { starts, steps } = attrs as BoxAttrs;
  const { shape, dtype } = x.spec;
  const order = memoryOrder(shape, x.layout);
  const cut = order.find((axis) => output.shape[axis] !== 1);
  const whole = order.slice(cut === undefined ? order.length : order.indexOf(cut) + 1);
  if (sizeOf(output.shape) === 0 || (cut !== undefined && steps[cut] !== 1)) return undefined;
  if (whole.some((axis) => output.shape[axis] !== shape[axis] || steps[axis] !== 1)) return undefined;
  return dot(starts, stridesIn(x)) * byteSize[dtype];
}

const slice: CpuKernel = {
  in: ["any"],
  out: "follow",
  piece: slicePiece,
  emit(e, { inputs, output, attrs }) {
    const x = inputs[0]!;
    const { starts, steps } = attrs as BoxAttrs;
    const from = stridesIn(x);
    emitStridedCopy(e, x.ref, output.ref, byteSize[x.spec.dtype], {
      dims: output.spec.shape,
      source: from.map((s, k) => s * steps[k]!),
      target: stridesIn(output),
      sourceOffset: dot(starts, from),
    });
  },
};

const pad: CpuKernel = {
  in: ["any"],
  out: "follow",
  emit(e, { inputs, output, attrs }) {
    const x = inputs[0]!;
    const { starts, steps, value } = attrs as BoxAttrs & { readonly value: number };
    const to = stridesIn(output);
    emitFill(e, output, value);
    emitStridedCopy(e, x.ref, output.ref, byteSize[x.spec.dtype], {
      dims: x.spec.shape,
      source: stridesIn(x),
      target: to.map((s, k) => s * steps[k]!),
      targetOffset: dot(starts, to),
    });
  },
};

const flip: CpuKernel = {
  in: ["any"],
  out: "follow",
  emit(e, { inputs, output, attrs }) {
    const x = inputs[0]!;
    const axes = attrs.axes as readonly number[];
    const from = stridesIn(x);
    emitStridedCopy(e, x.ref, output.ref, byteSize[x.spec.dtype], {
      dims: output.spec.shape,
      source: from.map((s, k) => (axes.includes(k) ? -s : s)),
      target: stridesIn(output),
      sourceOffset: axes.reduce((sum, k) => sum + (x.spec.shape[k]! - 1) * from[k]!, 0),
    });
  },
};

const concat: CpuKernel = {
  inAll: "any",
  out: "follow",
  emit(e, { inputs, output, attrs }) {
    const axis = attrs.axis as number;
    const target = stridesIn(output);
    let start = 0;
    for (const x of inputs as readonly CpuValue[]) {
      const { shape, dtype } = x.spec;
      const copy = { dims: shape, source: stridesIn(x), target, targetOffset: start * target[axis]! };
      if (!e.lies(x.ref, output.ref, copy.targetOffset * byteSize[dtype]))
        emitStridedCopy(e, x.ref, output.ref, byteSize[dtype], copy);
      start += shape[axis]!;
    }
  },
};

export const movementKernels = {
  reshape: { alias: true },
  permute,
  expand,
  slice,
  pad,
  flip,
  concat,
} satisfies Record<keyof typeof movementOps, CpuKernel>;
