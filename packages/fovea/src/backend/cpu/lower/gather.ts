import { byteSize, type DType } from "../../../base/dtype.ts";
import { ShapeError } from "../../../base/errors.ts";
import { sizeOf, type Shape } from "../../../base/shape.ts";
import type { gatherOps } from "../../../ops/gather.ts";
import type { KernelName } from "../kernels.generated.ts";
import { bits, type CpuKernel } from "../lower.ts";

/** Sizes before and behind an axis. */
const around = (shape: Shape, axis: number): [outer: number, inner: number] => [
  sizeOf(shape.slice(0, axis)),
  sizeOf(shape.slice(axis + 1)),
];

/** What an index outside of the tensor reads: the kernels cannot throw, and NaN is noticed. */
const filler = (dtype: DType): number => (dtype === "float32" ? bits(NaN) : 0);

const indexSelect: CpuKernel = {
  emit(e, { inputs, output, attrs }) {
    const [x, indices] = [inputs[0]!, inputs[1]!];
    const axis = attrs.axis as number;
    const { shape, dtype } = x.spec;
    const [outer, inner] = around(shape, axis);
    const params = [outer, shape[axis]!, indices.spec.shape[0]!, inner, byteSize[dtype], filler(dtype)];
    if (sizeOf(output.spec.shape) > 0) e.command("index_select", [x.ref, indices.ref, output.ref], params);
  },
};

const takeAlongAxis: CpuKernel = {
  emit(e, { inputs, output, attrs }) {
    const [x, indices] = [inputs[0]!, inputs[1]!];
    const axis = attrs.axis as number;
    const { shape, dtype } = x.spec;
    const [outer, inner] = around(shape, axis);
    const params = [outer, shape[axis]!, indices.spec.shape[axis]!, inner, filler(dtype)];
    const kernel = byteSize[dtype] === 4 ? "take_along_32" : "take_along_8";
    if (sizeOf(output.spec.shape) > 0) e.command(kernel, [x.ref, indices.ref, output.ref], params);
  },
};

/** Adds into zeros by index, in index order, whatever the number of threads. */
function adding(name: string, float: KernelName, int: KernelName): CpuKernel {
  return {
    emit(e, { inputs, output, attrs }) {
      const [x, indices] = [inputs[0]!, inputs[1]!];
      const axis = attrs.axis as number;
      const { shape, dtype } = x.spec;
      if (byteSize[dtype] !== 4) throw new ShapeError(`${name}: needs float32 or int32, got ${dtype}`);
      const [outer, inner] = around(shape, axis);
      const params = [outer, output.spec.shape[axis]!, shape[axis]!, inner];
      if (sizeOf(output.spec.shape) > 0)
        e.command(dtype === "float32" ? float : int, [x.ref, indices.ref, output.ref], params);
    },
  };
}

export const gatherKernels = {
  indexSelect,
  indexAdd: adding("indexAdd", "index_add_f32", "index_add_i32"),
  takeAlongAxis,
  scatterAdd: adding("scatterAdd", "scatter_add_f32", "scatter_add_i32"),
} satisfies Record<keyof typeof gatherOps, CpuKernel>;
