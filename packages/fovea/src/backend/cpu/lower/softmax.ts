import { sizeOf } from "../../../base/shape.ts";
import type { crossEntropyOps } from "../../../ops/crossEntropy.ts";
import type { softmaxOps } from "../../../ops/softmax.ts";
import type { KernelName } from "../kernels.generated.ts";
import { memoryOrder } from "../layout.ts";
import type { CpuKernel, CpuValue } from "../lower.ts";

/** The sizes before, along and behind an axis in memory. */
function around({ spec, layout }: CpuValue, axis: number): number[] {
  const order = memoryOrder(spec.shape, layout);
  const sizes = order.map((a) => spec.shape[a]!);
  const at = order.indexOf(axis);
  return [sizeOf(sizes.slice(0, at)), sizes[at]!, sizeOf(sizes.slice(at + 1))];
}

function alongAxis(kernel: KernelName): CpuKernel {
  return {
    in: ["any"],
    out: "follow",
    emit(e, { inputs, output, attrs }) {
      const x = inputs[0]!;
      if (sizeOf(x.spec.shape) > 0) e.command(kernel, [x.ref, output.ref], around(x, attrs.axis as number));
    },
  };
}

/** Labels, losses and their gradients are in the order of the pixels, whatever the layout of the scores is. */
function ofLabels(kernel: KernelName, out?: "follow"): CpuKernel {
  return {
    in: ["any"],
    ...(out ? { out } : {}),
    emit(e, { inputs, output }) {
      const x = inputs[0]!;
      const refs = [...inputs.map((v) => v!.ref), output.ref];
      if (sizeOf(x.spec.shape) > 0) e.command(kernel, refs, around(x, 1));
    },
  };
}

export const softmaxKernels = {
  softmax: alongAxis("softmax_f32"),
  logSoftmax: alongAxis("log_softmax_f32"),
} satisfies Record<keyof typeof softmaxOps, CpuKernel>;

export const crossEntropyKernels = {
  labelCrossEntropy: ofLabels("cross_entropy_f32"),
  labelCrossEntropyGrad: ofLabels("cross_entropy_grad_f32", "follow"),
} satisfies Record<keyof typeof crossEntropyOps, CpuKernel>;
