import { rowMajorStrides, type Shape } from "../../base/shape.ts";

/**
 * The order of a buffer in memory. `channelsLast`: a tensor of logical shape [N, C, ...spatial] stored as
 * N, ...spatial, C, which is what convolution and pooling kernels want.
 */
export type Layout = "contiguous" | "channelsLast";

/** True when both layouts are the same bytes: one channel, one pixel, or no channel axis at all. */
export function layoutFree(shape: Shape): boolean {
  if (shape.length < 3) return true;
  let pixels = 1;
  for (let i = 2; i < shape.length; i++) pixels *= shape[i]!;
  return shape[1]! <= 1 || pixels <= 1;
}

export function sameLayout(shape: Shape, a: Layout, b: Layout): boolean {
  return a === b || layoutFree(shape);
}

/** Element distance along each logical axis. */
export function stridesOf(shape: Shape, layout: Layout): number[] {
  if (layout === "contiguous" || shape.length < 3) return rowMajorStrides(shape);
  const order = memoryOrder(shape, layout);
  const strides = Array.from({ length: shape.length }, () => 1);
  let step = 1;
  for (const axis of order.toReversed()) {
    strides[axis] = step;
    step *= shape[axis]!;
  }
  return strides;
}

/** Logical axes from slowest to fastest in memory: NHWC is [0, 2, 3, 1]. */
export function memoryOrder(shape: Shape, layout: Layout): number[] {
  const axes = shape.map((_, i) => i);
  if (layout === "contiguous" || shape.length < 3) return axes;
  return [0, ...axes.slice(2), 1];
}
