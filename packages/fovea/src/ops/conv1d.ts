import type { Shape } from "../base/shape.ts";
import { apply } from "../tensor/apply.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { conv2dOp, type Conv2dAttrs } from "./conv2d.ts";
import { conv2dInputGrad } from "./conv2dInputGrad.ts";
import { convShape, prepareConv, type Conv1dOptions, type ConvAttrs } from "./convShape.ts";
import { reshape } from "./movement.ts";

/**
 * 1-D convolution in the sense of neural networks: cross-correlation, the kernel is not flipped.
 *
 * @param x [N, inChannels, L]
 * @param weight [outChannels, inChannels / groups, kernel]
 * @param bias [outChannels]
 * @returns [N, outChannels, L'] with L' = ⌊(L + padding − dilation·(kernel − 1) − 1) / stride⌋ + 1
 */
export function conv1d(x: Tensor, weight: Tensor, bias?: Tensor | null, options: Conv1dOptions = {}): Tensor {
  const ready = prepareConv(x, weight, options, 1, "conv1d");
  convShape(ready.x.shape, weight.shape, ready.attrs, 1, "conv1d"); // conv2d would speak of pictures
  return conv1dForward(ready.x, weight, bias ?? undefined, ready.attrs);
}

/** A 1-D convolution is a 2-D one over pictures of height 1. */
export function conv1dForward(x: Tensor, weight: Tensor, bias: Tensor | undefined, attrs: ConvAttrs): Tensor {
  return line(apply(conv2dOp, { x: picture(x), weight: picture(weight), bias }, flat(attrs)));
}

/** The gradient of conv1d with respect to an x of `shape`, which is also the transposed convolution of g. */
export function conv1dInputGrad(g: Tensor, weight: Tensor, shape: Shape, attrs: ConvAttrs): Tensor {
  const [n, channels, length] = shape as readonly [number, number, number];
  return line(conv2dInputGrad(picture(g), picture(weight), [n, channels, 1, length], flat(attrs)));
}

const picture = (x: Tensor): Tensor => reshape(x, [x.shape[0]!, x.shape[1]!, 1, x.shape[2]!]);
const line = (x: Tensor): Tensor => reshape(x, [x.shape[0]!, x.shape[1]!, x.shape[3]!]);

function flat({ stride, padding, dilation, groups }: ConvAttrs): Conv2dAttrs {
  return { stride: [1, stride[0]!], padding: [[0, 0], padding[0]!], dilation: [1, dilation[0]!], groups };
}
