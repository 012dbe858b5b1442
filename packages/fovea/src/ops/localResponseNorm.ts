import { ShapeError, UsageError } from "../base/errors.ts";
import { showShape } from "../base/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { alongAxis } from "./alongAxis.ts";
import { avgPool2d } from "./avgPool.ts";

export interface LocalResponseNormOptions {
  /** Default 1e-4. */
  alpha?: number;
  /** Default 0.75. */
  beta?: number;
  /** Default 1; the AlexNet paper has 2. */
  k?: number;
  /** Divide alpha by the number of neighbours (PyTorch, ONNX, Caffe; default), or not (the paper, TensorFlow). */
  divideBySize?: boolean;
  /** Neighbours are channels (default), or the pixels of a square in the same channel (Caffe's WITHIN_CHANNEL). */
  neighbours?: "channels" | "pixels";
  /** Where an even number of channels reaches further: "before" (PyTorch, default) or "after" (ONNX). */
  longSide?: "before" | "after";
}

/** Sums over `size` neighbouring channels; at the ends over those that are there. */
function channelSums(x: Tensor, size: number, longSide: "before" | "after"): Tensor {
  const channels = x.shape[1]!;
  const before = longSide === "before" ? Math.floor(size / 2) : Math.floor((size - 1) / 2);
  const neighbours = Array.from({ length: channels }, (_, c) => {
    const from = [];
    for (let i = Math.max(0, c - before); i < Math.min(channels, c - before + size); i++) from.push(i);
    return { from, weights: from.map(() => 1) };
  });
  return alongAxis(x, 1, neighbours);
}

/**
 * x / (k + α·Σ x²)^β with the sum over `size` neighbouring channels (Krizhevsky et al., 2012): [N, C, …] → the same.
 *
 * α is divided by `size` first unless `divideBySize` is false: both conventions are in use, and PyTorch's is not the
 * paper's.
 */
export function localResponseNorm(x: Tensor, size: number, options: LocalResponseNormOptions = {}): Tensor {
  const {
    alpha = 1e-4,
    beta = 0.75,
    k = 1,
    divideBySize = true,
    neighbours = "channels",
    longSide = "before",
  } = options;
  if (x.rank < 2) throw new ShapeError(`localResponseNorm: needs [N, C, …], got ${showShape(x.shape)}`);
  if (!(Number.isInteger(size) && size >= 1)) {
    throw new UsageError(`localResponseNorm: size must be a whole number ≥ 1, got ${size}`);
  }
  let sums: Tensor;
  let count = size;
  if (neighbours === "channels") {
    sums = channelSums(x.square(), size, longSide);
  } else {
    if (size % 2 === 0) throw new UsageError(`localResponseNorm: a square of pixels needs an odd size, got ${size}`);
    count = size * size;
    sums = avgPool2d(x.square(), size, { stride: 1, padding: (size - 1) / 2, divisorOverride: 1 });
  }
  return x.mul(
    sums
      .mul(divideBySize ? alpha / count : alpha)
      .add(k)
      .pow(-beta),
  );
}
