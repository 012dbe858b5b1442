import { ShapeError, UsageError } from "../base/errors.ts";
import { showShape } from "../base/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { conv1d } from "./conv1d.ts";
import { conv2d } from "./conv2d.ts";
import { conv3d } from "./conv3d.ts";
import { flip, reshape } from "./movement.ts";
import type { Side } from "./windows.ts";

/**
 * Which positions of a kernel on a signal count: `full`, wherever they touch (size m + k − 1); `valid`, where the
 * kernel lies inside (m − k + 1); `same`, the middle m of the full ones, as in NumPy and SciPy.
 */
export type ConvolveMode = "full" | "valid" | "same";

/**
 * True convolution of two signals, pictures or volumes: the second is flipped, (a ∗ b)(t) = Σ a(τ) b(t − τ).
 *
 * @example
 * convolve(tensor([1, 2, 3, 4]), tensor([1, 2, 3])) // [1, 4, 10, 16, 17, 12]
 */
export function convolve(a: Tensor, b: Tensor, mode: ConvolveMode = "full"): Tensor {
  check("convolve", a, b, mode);
  // It commutes. The larger one is always the signal, so that both orders add in the same order, bit for bit.
  const swap = mode === "full" ? b.size > a.size : mode === "valid" && a.shape.every((d, k) => d <= b.shape[k]!);
  const [signal, kernel] = swap ? [b, a] : [a, b];
  return slide("convolve", signal, flipKernel(kernel), mode);
}

/**
 * Cross-correlation of two signals, pictures or volumes: Σ a(t + τ) b(τ), what neural networks call convolution.
 * The first of the `full` results has only the last element of b on the first of a.
 */
export function correlate(a: Tensor, b: Tensor, mode: ConvolveMode = "full"): Tensor {
  check("correlate", a, b, mode);
  return slide("correlate", a, b, mode);
}

/** A signal's cross-correlation with itself; largest in the middle, where it lies on itself. */
export function autocorrelate(x: Tensor, mode: ConvolveMode = "full"): Tensor {
  return correlate(x, x, mode);
}

/** A kernel turned by 180°: what makes `conv2d` a true convolution. Leading two axes of a weight stay. */
export function flipKernel(kernel: Tensor, axes: readonly number[] = kernel.shape.map((_, k) => k)): Tensor {
  return axes.length === 0 ? kernel : flip(kernel, axes);
}

function check(who: string, a: Tensor, b: Tensor, mode: string): void {
  if (!["full", "valid", "same"].includes(mode)) {
    throw new UsageError(`${who}: mode "${mode}" is not known; use "full", "valid" or "same"`);
  }
  if (a.rank !== b.rank || a.rank < 1 || a.rank > 3 || a.size === 0 || b.size === 0) {
    throw new ShapeError(
      `${who}: needs two signals, two pictures or two volumes with elements, got ${showShape(a.shape)} and ` +
        `${showShape(b.shape)}; for batches and channels use conv1d, conv2d or conv3d`,
    );
  }
}

function slide(who: string, signal: Tensor, kernel: Tensor, mode: ConvolveMode): Tensor {
  if (mode === "valid" && kernel.shape.some((d, k) => d > signal.shape[k]!)) {
    throw new ShapeError(
      `${who}: mode "valid" needs one signal inside of the other along every axis, got ${showShape(signal.shape)} and ` +
        `${showShape(kernel.shape)}`,
    );
  }
  const x = reshape(signal, [1, 1, ...signal.shape]);
  const weight = reshape(kernel, [1, 1, ...kernel.shape]);
  const padding = kernel.shape.map((d): Side => {
    if (mode === "full") return [d - 1, d - 1];
    return mode === "valid" ? [0, 0] : [Math.floor(d / 2), Math.ceil(d / 2) - 1];
  });
  const sides = { padding: padding as [Side] & [Side, Side] & [Side, Side, Side] };
  const y = signal.rank === 1 ? conv1d : signal.rank === 2 ? conv2d : conv3d;
  const result = y(x, weight, null, sides);
  return reshape(result, result.shape.slice(2));
}
