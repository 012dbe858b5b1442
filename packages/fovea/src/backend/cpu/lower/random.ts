import { sizeOf } from "../../../base/shape.ts";
import { bits, type CpuKernel } from "../lower.ts";

/** Words are compared on their 24-bit grid, so the limit is exact: word / 2²⁴ ≥ p ⇔ word ≥ ⌈p · 2²⁴⌉. */
const dropout: CpuKernel = {
  in: ["any"],
  out: "follow",
  emit(e, { inputs, output, attrs }) {
    const [x, state] = [inputs[0]!, inputs[1]!];
    const { shape } = x.spec;
    const n = sizeOf(shape);
    if (n === 0) return;
    const p = attrs.p as number;
    const channelsLast = x.layout === "channelsLast" && shape.length >= 3;
    const sizes = channelsLast ? [shape[0]!, shape[1]!, sizeOf(shape.slice(2))] : [1, 1, n];
    const params = [Number(channelsLast), ...sizes, Math.ceil(p * 2 ** 24), bits(1 / (1 - p))];
    e.command("dropout_f32", [x.ref, state.ref, output.ref], params);
  },
};

export const randomKernels = { dropout } satisfies Record<"dropout", CpuKernel>;
