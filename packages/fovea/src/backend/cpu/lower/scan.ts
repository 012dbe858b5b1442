import { sizeOf } from "../../../base/shape.ts";
import type { ScatterMode } from "../../../ops/scatter.ts";
import type { CpuKernel } from "../lower.ts";

/** Sizes before, along and behind the axis of an op. */
function lines(shape: readonly number[], axis: number): [outer: number, n: number, inner: number] {
  return [sizeOf(shape.slice(0, axis)), shape[axis]!, sizeOf(shape.slice(axis + 1))];
}

const argsort: CpuKernel = {
  emit(e, { inputs, output, attrs }) {
    const { spec, ref } = inputs[0]!;
    const size = sizeOf(spec.shape);
    if (size === 0) return;
    const params = [
      ...lines(spec.shape, attrs.axis as number),
      Number(attrs.descending),
      Number(spec.dtype === "float32"),
    ];
    e.command("argsort_32", [ref, output.ref, e.scratch(size * 16)], params, { writes: 2 });
  },
};

const cumsum: CpuKernel = {
  emit(e, { inputs, output, attrs }) {
    const { spec, ref } = inputs[0]!;
    if (sizeOf(spec.shape) === 0) return;
    const params = [...lines(spec.shape, attrs.axis as number), Number(attrs.exclusive), Number(attrs.reverse)];
    e.command(spec.dtype === "float32" ? "cumsum_f32" : "cumsum_i32", [ref, output.ref], params);
  },
};

/** The numbers that the kernel knows them by. */
const modes: Readonly<Record<ScatterMode, number>> = { set: 0, add: 1, mul: 2, max: 3, min: 4 };

const scatter: CpuKernel = {
  emit(e, { inputs, output, attrs }) {
    const [x, indices, values] = [inputs[0]!, inputs[1]!, inputs[2]!];
    if (sizeOf(output.spec.shape) === 0) return;
    const axis = attrs.axis as number;
    const [outer, size, inner] = lines(x.spec.shape, axis);
    const params = [outer, size, indices.spec.shape[axis]!, inner, modes[attrs.mode as ScatterMode]];
    const kernel = x.spec.dtype === "float32" ? "scatter_f32" : "scatter_i32";
    e.command(kernel, [x.ref, indices.ref, values.ref, output.ref], params);
  },
};

export const scanKernels = { argsort, cumsum, scatter } satisfies Record<"argsort" | "cumsum" | "scatter", CpuKernel>;
