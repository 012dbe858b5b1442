import type { AvgPoolAttrs } from "../../../ops/avgPool2d.ts";
import type { PoolAttrs } from "../../../ops/pool.ts";
import { sizeOf, type Shape } from "../../../base/shape.ts";
import type { CpuCall, CpuKernel } from "../lower.ts";
import type { KernelName } from "../kernels.generated.ts";

/** Parameters of every pooling kernel; x is the picture's shape, y the pooled one. */
function params(x: Shape, y: Shape, attrs: PoolAttrs | AvgPoolAttrs): number[] {
  const { kernel, stride, padding, dilation } = attrs;
  const [[top, bottom], [left, right]] = padding;
  const includePad = "countIncludePad" in attrs && attrs.countIncludePad ? 1 : 0;
  const pixels = [x[0]!, x[2]!, x[3]!, x[1]!, y[2]!, y[3]!];
  return [...pixels, ...kernel, ...stride, top, left, ...dilation, bottom, right, includePad];
}

/** One command: inputs, then the output. `picture` says which value has the picture's shape, `pooled` which is pooled. */
function pool(name: KernelName, picture: number | "output", pooled: number | "output"): CpuKernel {
  return {
    in: ["channelsLast", "channelsLast"],
    out: "channelsLast",
    emit(e, { inputs, output, attrs }: CpuCall) {
      if (sizeOf(output.spec.shape) === 0) return;
      const shapeOf = (which: number | "output") => (which === "output" ? output : inputs[which]!).spec.shape;
      const refs = [...inputs.map((v) => v!.ref), output.ref];
      e.command(name, refs, params(shapeOf(picture), shapeOf(pooled), attrs as unknown as PoolAttrs));
    },
  };
}

export const poolKernels = {
  maxPool2d: pool("max_pool2d", 0, "output"),
  maxPool2dGrad: pool("max_pool2d_grad", 0, 1),
  maxPool2dGather: pool("max_pool2d_gather", 0, "output"),
  maxPool2dIndices: pool("max_pool2d_indices", 0, "output"),
  avgPool2d: pool("avg_pool2d", 0, "output"),
  avgPool2dGrad: pool("avg_pool2d_grad", "output", 0),
} satisfies Record<string, CpuKernel>;
