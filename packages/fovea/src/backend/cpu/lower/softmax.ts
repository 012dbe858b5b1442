import { sizeOf } from "../../../base/shape.ts";
import type { softmaxOps } from "../../../ops/softmax.ts";
import type { KernelName } from "../kernels.generated.ts";
import { memoryOrder } from "../layout.ts";
import type { CpuKernel } from "../lower.ts";

/** Along one axis; in memory everything before it is "outer", everything behind it "inner". */
function alongAxis(kernel: KernelName): CpuKernel {
  return {
    in: ["any"],
    out: "follow",
    emit(e, { inputs, output, attrs }) {
      const x = inputs[0]!;
      const { shape } = x.spec;
      if (sizeOf(shape) === 0) return;
      const order = memoryOrder(shape, x.layout);
      const sizes = order.map((axis) => shape[axis]!);
      const at = order.indexOf(attrs.axis as number);
      e.command(kernel, [x.ref, output.ref], [sizeOf(sizes.slice(0, at)), sizes[at]!, sizeOf(sizes.slice(at + 1))]);
    },
  };
}

export const softmaxKernels = {
  softmax: alongAxis("softmax_f32"),
  logSoftmax: alongAxis("log_softmax_f32"),
} satisfies Record<keyof typeof softmaxOps, CpuKernel>;
