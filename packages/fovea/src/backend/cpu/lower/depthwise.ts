import type { Conv2dAttrs } from "../../../ops/conv2d.ts";
import type { Shape } from "../../../base/shape.ts";
import type { Emitter, Ref } from "../lower.ts";

/** Kernel columns up to which kernels/c/depthwise.c has room for a row of taps. */
const MOST_COLUMNS = 64;

/** One filter per channel, and as many channels as before. */
export function isDepthwise(weight: Shape, { groups }: Conv2dAttrs): boolean {
  return groups > 1 && groups === weight[0] && weight[1] === 1 && weight[3]! <= MOST_COLUMNS;
}

/** float32 elements of one number per channel and tap, a vector wide at least. */
function packedSize(channels: number, taps: number, lanes: number): number {
  return Math.ceil(channels / lanes) * lanes * taps;
}

/** The weights as kernels read them: taps in order, or rotated by stride class for the input gradient. */
export function packDepthwise(
  e: Emitter,
  weightRef: Ref,
  weight: Shape,
  attrs: Conv2dAttrs,
  pass: "forward" | "inputGrad",
): Ref {
  const [channels, , kernelHeight, kernelWidth] = weight as [number, number, number, number];
  const { stride, padding, dilation } = attrs;
  const packed = e.scratch(4 * packedSize(channels, kernelHeight * kernelWidth, e.lanes));
  const rotated = pass === "inputGrad" ? 1 : 0;
  const geometry = [kernelHeight, kernelWidth, ...stride, padding[0][0], padding[1][0], ...dilation];
  e.command("depthwise_pack", [weightRef, packed], [channels, rotated, ...geometry]);
  return packed;
}

/** dW as sums over blocks of output rows, added in order; `params` makes the convolution's parameters for `blocks`. */
export function emitDepthwiseWeightGrad(
  e: Emitter,
  x: Ref,
  g: Ref,
  output: Ref,
  weight: Shape,
  rows: number,
  params: (blocks: number) => number[],
): void {
  const [channels, , kernelHeight, kernelWidth] = weight as [number, number, number, number];
  const taps = kernelHeight * kernelWidth;
  const blocks = Math.max(1, Math.min(32, Math.floor(rows / 8))); // by the shape alone: results do not depend on threads
  const partial = e.scratch(4 * blocks * packedSize(channels, taps, e.lanes));
  e.command("depthwise_weight_grad", [x, g, partial], params(blocks));
  e.command("depthwise_weight_reduce", [partial, output], [channels, taps, blocks]);
}
