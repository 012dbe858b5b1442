import { type Shape } from "../base/shape.ts";
import { apply } from "../tensor/apply.ts";
import { fromHost } from "../tensor/create.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { conv2dOp, type Conv2dAttrs } from "./conv2d.ts";
import { conv2dInputGrad } from "./conv2dInputGrad.ts";
import { convShape, prepareConv, type Conv3dOptions, type ConvAttrs } from "./convShape.ts";
import { indexAdd, indexSelect } from "./gather.ts";
import { narrow, pad, permute, reshape } from "./movement.ts";

/**
 * 3-D convolution in the sense of neural networks: cross-correlation, the kernel is not flipped.
 *
 * @param x [N, inChannels, D, H, W]
 * @param weight [outChannels, inChannels / groups, kernel depth, kernel height, kernel width]
 * @param bias [outChannels]
 * @returns [N, outChannels, D', H', W'] with D' = ⌊(D + padding − dilation·(kernel − 1) − 1) / stride⌋ + 1
 */
export function conv3d(x: Tensor, weight: Tensor, bias?: Tensor | null, options: Conv3dOptions = {}): Tensor {
  const ready = prepareConv(x, weight, options, 3, "conv3d");
  const shape = convShape(ready.x.shape, weight.shape, ready.attrs, 3, "conv3d");
  return conv3dForward(ready.x, weight, bias ?? undefined, ready.attrs, shape);
}

/**
 * A 3-D convolution is one 2-D convolution: output planes become images, and the input planes that a kernel covers
 * in depth become channels. Groups stay in order, because a channel's planes stand beside each other.
 */
export function conv3dForward(
  x: Tensor,
  weight: Tensor,
  bias: Tensor | undefined,
  attrs: ConvAttrs,
  shape: Shape,
): Tensor {
  const [n, channels, , height, width] = x.shape as Volume;
  const [kernelDepth, outDepth] = [weight.shape[2]!, shape[2]!];
  const [before, after] = attrs.padding[0]!;
  const none = [0, 0] as const;
  const deep = before + after > 0 ? pad(x, [none, none, [before, after], none, none]) : x;
  const planes = planesOf(kernelDepth, outDepth, attrs);
  const stacked = isEach(planes, deep.shape[2]!) ? deep : indexSelect(deep, tensorOf(planes), 2);
  const apart = reshape(stacked, [n, channels, outDepth, kernelDepth, height, width]);
  const images = reshape(permute(apart, swap), [n * outDepth, channels * kernelDepth, height, width]);
  const y = apply(conv2dOp, { x: images, weight: flatWeight(weight), bias }, flat(attrs));
  return permute(reshape(y, [n, outDepth, ...y.shape.slice(1)]), [0, 2, 1, 3, 4]);
}

/** The gradient of conv3d with respect to an x of `shape`, which is also the transposed convolution of g. */
export function conv3dInputGrad(g: Tensor, weight: Tensor, shape: Shape, attrs: ConvAttrs): Tensor {
  const [n, channels, depth, height, width] = shape as Volume;
  const [kernelDepth, outDepth] = [weight.shape[2]!, g.shape[2]!];
  const [before, after] = attrs.padding[0]!;
  const images = reshape(permute(g, [0, 2, 1, 3, 4]), [n * outDepth, g.shape[1]!, ...g.shape.slice(3)]);
  const back = [n * outDepth, channels * kernelDepth, height, width];
  const apart = conv2dInputGrad(images, flatWeight(weight), back, flat(attrs));
  const together = permute(reshape(apart, [n, outDepth, channels, kernelDepth, height, width]), swap);
  const stacked = reshape(together, [n, channels, outDepth * kernelDepth, height, width]);
  const planes = planesOf(kernelDepth, outDepth, attrs);
  const full = depth + before + after;
  const deep = isEach(planes, full) ? stacked : indexAdd(stacked, tensorOf(planes), 2, full);
  return before + after > 0 ? narrow(deep, 2, before, depth) : deep;
}

type Volume = readonly [n: number, channels: number, depth: number, height: number, width: number];

/** Exchanges the output planes with the channels; its own inverse. */
const swap = [0, 2, 1, 3, 4, 5];

/** The input plane under every output plane and kernel plane. */
function planesOf(kernelDepth: number, outDepth: number, { stride, dilation }: ConvAttrs): Int32Array {
  const planes = new Int32Array(outDepth * kernelDepth);
  for (let p = 0; p < outDepth; p++) {
    for (let r = 0; r < kernelDepth; r++) planes[p * kernelDepth + r] = p * stride[0]! + r * dilation[0]!;
  }
  return planes;
}

const isEach = (planes: Int32Array, depth: number): boolean =>
  planes.length === depth && planes.every((plane, i) => plane === i);

const tensorOf = (planes: Int32Array): Tensor => fromHost(planes, [planes.length], "int32");

function flatWeight(weight: Tensor): Tensor {
  const [out, perGroup, depth, height, width] = weight.shape as Volume;
  return reshape(weight, [out, perGroup * depth, height, width]);
}

function flat({ stride, padding, dilation, groups }: ConvAttrs): Conv2dAttrs {
  return {
    stride: [stride[1]!, stride[2]!],
    padding: [padding[1]!, padding[2]!],
    dilation: [dilation[1]!, dilation[2]!],
    groups,
  };
}
