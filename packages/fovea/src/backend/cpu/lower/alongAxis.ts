import { sizeOf } from "../../../base/shape.ts";
import { layoutFree, memoryOrder } from "../layout.ts";
import type { CpuKernel } from "../lower.ts";

/** In either layout: what lies before and behind the axis in memory are the rows' number and length. */
const alongAxis: CpuKernel = {
  in: ["any"],
  out: "follow",
  emit(e, { inputs, output, attrs }) {
    const [x, starts, from, weights] = [inputs[0]!, inputs[1]!, inputs[2]!, inputs[3]!];
    const { shape } = x.spec;
    if (sizeOf(output.spec.shape) === 0) return;
    const order = memoryOrder(shape, layoutFree(shape) ? output.layout : x.layout);
    const at = order.indexOf(attrs.axis as number);
    const count = (axes: readonly number[]) => axes.reduce((n, a) => n * shape[a]!, 1);
    const params = [
      count(order.slice(0, at)),
      shape[order[at]!]!,
      starts.spec.shape[0]! - 1,
      count(order.slice(at + 1)),
    ];
    e.command("along_axis", [x.ref, starts.ref, from.ref, weights.ref, output.ref], params);
  },
};

export const alongAxisKernels = { alongAxis } satisfies Record<string, CpuKernel>;
