import { ShapeError } from "../base/errors.ts";
import { showShape } from "../base/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { conv1d } from "./conv1d.ts";
import { conv2d } from "./conv2d.ts";
import { conv3d } from "./conv3d.ts";
import type { Conv1dOptions, Conv2dOptions, Conv3dOptions } from "./convShape.ts";

/**
 * Depthwise 1-D convolution: every channel has kernels of its own and sees no other.
 *
 * @param x [N, channels, L]
 * @param weight [channels · multiplier, 1, kernel]
 */
export function depthwiseConv1d(
  x: Tensor,
  weight: Tensor,
  bias?: Tensor | null,
  options: Omit<Conv1dOptions, "groups"> = {},
): Tensor {
  return conv1d(x, weight, bias, { ...options, groups: eachChannel(x, weight, "depthwiseConv1d") });
}

/**
 * Depthwise 2-D convolution: every channel has kernels of its own and sees no other.
 *
 * @param x [N, channels, H, W]
 * @param weight [channels · multiplier, 1, kernel height, kernel width]
 */
export function depthwiseConv2d(
  x: Tensor,
  weight: Tensor,
  bias?: Tensor | null,
  options: Omit<Conv2dOptions, "groups"> = {},
): Tensor {
  return conv2d(x, weight, bias, { ...options, groups: eachChannel(x, weight, "depthwiseConv2d") });
}

/**
 * Depthwise 3-D convolution: every channel has kernels of its own and sees no other.
 *
 * @param x [N, channels, D, H, W]
 * @param weight [channels · multiplier, 1, kernel depth, kernel height, kernel width]
 */
export function depthwiseConv3d(
  x: Tensor,
  weight: Tensor,
  bias?: Tensor | null,
  options: Omit<Conv3dOptions, "groups"> = {},
): Tensor {
  return conv3d(x, weight, bias, { ...options, groups: eachChannel(x, weight, "depthwiseConv3d") });
}

/**
 * Separable 1-D convolution: a depthwise one, then one of length 1 that mixes the channels.
 *
 * @param depthwise [inChannels · multiplier, 1, kernel]
 * @param pointwise [outChannels, inChannels · multiplier, 1]
 * @param bias [outChannels]
 * @param options Of the depthwise convolution.
 */
export function separableConv1d(
  x: Tensor,
  depthwise: Tensor,
  pointwise: Tensor,
  bias?: Tensor | null,
  options: Omit<Conv1dOptions, "groups"> = {},
): Tensor {
  return conv1d(depthwiseConv1d(x, depthwise, null, options), pointwise, bias);
}

/**
 * Separable 2-D convolution: a depthwise one, then a 1×1 that mixes the channels.
 *
 * @param depthwise [inChannels · multiplier, 1, kernel height, kernel width]
 * @param pointwise [outChannels, inChannels · multiplier, 1, 1]
 * @param bias [outChannels]
 * @param options Of the depthwise convolution.
 */
export function separableConv2d(
  x: Tensor,
  depthwise: Tensor,
  pointwise: Tensor,
  bias?: Tensor | null,
  options: Omit<Conv2dOptions, "groups"> = {},
): Tensor {
  return conv2d(depthwiseConv2d(x, depthwise, null, options), pointwise, bias);
}

/** The number of groups that gives each channel its own. */
function eachChannel(x: Tensor, weight: Tensor, who: string): number {
  const channels = x.shape[1] ?? 0;
  if (weight.rank !== x.rank || weight.shape[1] !== 1 || channels === 0 || weight.shape[0]! % channels !== 0) {
    throw new ShapeError(
      `${who}: weight must be [${channels} · multiplier, 1, ...kernel size] for x ${showShape(x.shape)}, ` +
        `got ${showShape(weight.shape)}`,
    );
  }
  return channels;
}
