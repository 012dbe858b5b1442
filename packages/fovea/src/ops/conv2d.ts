import { ShapeError } from "../base/errors.ts";
import { showShape, sizeOf, type Shape } from "../base/shape.ts";
import type { TensorSpec } from "../backend/contract.ts";
import { apply } from "../tensor/apply.ts";
import { defineOp } from "../tensor/op.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { conv2dInputGrad } from "./conv2dInputGrad.ts";
import { conv2dWeightGrad } from "./conv2dWeightGrad.ts";
import { convShape, prepareConv, type Conv2dOptions } from "./convShape.ts";
import type { WindowAttrs } from "./windows.ts";

export type Conv2dAttrs = WindowAttrs & { readonly groups: number };

/** 2-D convolution (cross-correlation). y[n, k, p, q] = b[k] + Σ x[n, c, p·s + r·d − pad, …] · w[k, c, r, …] */
export const conv2dOp = defineOp("conv2d", {
  inputs: ["x", "weight", "bias?"],
  shape: ({ x, weight, bias }, attrs: Conv2dAttrs) => {
    if (x.dtype !== "float32" || weight.dtype !== "float32") {
      throw new ShapeError(
        `conv2d: needs float32, got x ${showShape(x.shape)} ${x.dtype} and weight ${showShape(weight.shape)} ${weight.dtype}; convert with cast("float32")`,
      );
    }
    const out = weight.shape[0]!;
    if (bias !== undefined && (bias.shape.length !== 1 || bias.shape[0] !== out)) {
      throw new ShapeError(`conv2d: bias must be [${out}], one per output channel, got ${showShape(bias.shape)}`);
    }
    return { shape: conv2dShape(x.shape, weight.shape, attrs), dtype: "float32" };
  },
  vjp: ({ x, weight }, attrs, _y, g) => ({
    x: () => conv2dInputGrad(g, weight, x.shape, attrs),
    weight: () => conv2dWeightGrad(x, g, weight.shape, attrs),
    bias: () => g.sum([0, 2, 3]),
  }),
  macs: ({ weight }, _attrs, y) => conv2dMacs(weight, y),
  reference: ({ x, weight, bias }, attrs, y) => {
    const plane = y.shape[2]! * y.shape[3]!;
    for (let i = 0; i < y.data.length; i++) y.data[i] = bias ? bias.data[Math.floor(i / plane) % bias.shape[0]!]! : 0;
    const [from, by, to] = [x.data, weight.data, y.data];
    forEachRow(x.shape, weight.shape, y.shape, attrs, (i, step, k, o, count) => {
      for (let q = 0; q < count; q++) to[o + q]! += from[i + q * step]! * by[k]!;
    });
  },
});

export type { Conv2dOptions } from "./convShape.ts";

/**
 * 2-D convolution in the sense of neural networks: cross-correlation, the kernel is not flipped.
 *
 * @param x [N, inChannels, H, W]
 * @param weight [outChannels, inChannels / groups, kernel height, kernel width]
 * @param bias [outChannels]
 * @returns [N, outChannels, H', W'] with H' = ⌊(H + padding − dilation·(kernel − 1) − 1) / stride⌋ + 1
 */
export function conv2d(x: Tensor, weight: Tensor, bias?: Tensor | null, options: Conv2dOptions = {}): Tensor {
  const ready = prepareConv(x, weight, options, 2, "conv2d");
  return apply(conv2dOp, { x: ready.x, weight, bias: bias ?? undefined }, ready.attrs as Conv2dAttrs);
}

/** The shape of a convolution's result, with everything that can be wrong checked. */
export function conv2dShape(x: Shape, weight: Shape, attrs: Conv2dAttrs, who = "conv2d"): Shape {
  return convShape(x, weight, attrs, 2, who);
}

/** Multiply–accumulates of the forward pass, and of each gradient: one per weight and output pixel. */
export function conv2dMacs(weight: TensorSpec, y: TensorSpec): number {
  return sizeOf(y.shape) * sizeOf(weight.shape.slice(1));
}

/**
 * Visits every product of the convolution, a row at a time: `count` pixels of x from `i` on in steps of `step`, one weight
 * `k`, and as many pixels of y from `o` on. All three ops are this loop.
 */
export function forEachRow(
  x: Shape,
  weight: Shape,
  y: Shape,
  { stride, padding, dilation, groups }: Conv2dAttrs,
  visit: (i: number, step: number, k: number, o: number, count: number) => void,
): void {
  const [batch, channels, height, width] = x as readonly [number, number, number, number];
  const [out, perGroup, kh, kw] = weight as readonly [number, number, number, number];
  const [oh, ow] = [y[2]!, y[3]!];
  for (let n = 0; n < batch; n++)
    for (let k = 0; k < out; k++)
      for (let c = 0; c < perGroup; c++)
        for (let r = 0; r < kh; r++)
          for (let s = 0; s < kw; s++) {
            const channel = Math.floor(k / (out / groups)) * perGroup + c;
            const left = s * dilation[1] - padding[1][0]; // column of x under column 0 of y
            const from = Math.max(0, Math.ceil(-left / stride[1]));
            const count = Math.min(ow, Math.floor((width - 1 - left) / stride[1]) + 1) - from;
            for (let p = 0; p < oh; p++) {
              const row = p * stride[0] + r * dilation[0] - padding[0][0];
              if (row < 0 || row >= height || count <= 0) continue;
              visit(
                ((n * channels + channel) * height + row) * width + from * stride[1] + left,
                stride[1],
                ((k * perGroup + c) * kh + r) * kw + s,
                ((n * out + k) * oh + p) * ow + from,
                count,
              );
            }
          }
}
