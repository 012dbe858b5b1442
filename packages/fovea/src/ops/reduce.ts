import { ShapeError } from "../base/errors.ts";
import { normalizeAxes, normalizeAxis, reducedShape, rowMajorStrides, sizeOf, type Shape } from "../base/shape.ts";
import { apply } from "../tensor/apply.ts";
import { defineOp } from "../tensor/op.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { cast } from "./cast.ts";
import { expand, reshape } from "./movement.ts";

export interface ReduceAttrs {
  /** Sorted, non-negative. */
  readonly axes: readonly number[];
  readonly keepDims: boolean;
  readonly [name: string]: boolean | readonly number[];
}

/** g with the reduced axes put back as size 1. */
function unreduced(g: Tensor, x: Tensor, axes: readonly number[]): Tensor {
  return reshape(g, reducedShape(x.shape, axes, true));
}

/** Calls `visit(input position, output position)` for every element. */
function forEachReduced(shape: Shape, axes: readonly number[], visit: (from: number, to: number) => void): void {
  const strides = rowMajorStrides(shape);
  const kept = shape.map((_, i) => i).filter((i) => !axes.includes(i));
  const outStrides = rowMajorStrides(kept.map((i) => shape[i]!));
  const size = sizeOf(shape);
  for (let from = 0; from < size; from++) {
    let to = 0;
    kept.forEach((axis, k) => (to += (Math.floor(from / strides[axis]!) % shape[axis]!) * outStrides[k]!));
    visit(from, to);
  }
}

function reduction<const Name extends string>(
  name: Name,
  start: number,
  f: (accumulator: number, x: number) => number,
  derivative: (x: Tensor, attrs: ReduceAttrs, y: Tensor, g: Tensor) => Tensor,
) {
  return defineOp(name, {
    inputs: ["x"],
    shape: ({ x }, { axes, keepDims }: ReduceAttrs) => {
      if (x.dtype !== "float32" && x.dtype !== "int32")
        throw new ShapeError(`${name}: needs float32 or int32, got ${x.dtype}`);
      if (!Number.isFinite(start) && axes.some((a) => x.shape[a] === 0)) {
        throw new ShapeError(
          `${name}: nothing to choose from: shape [${x.shape.join(", ")}] is empty along axes [${axes.join(", ")}]`,
        );
      }
      return { shape: reducedShape(x.shape, axes, keepDims), dtype: x.dtype };
    },
    vjp: ({ x }, attrs, y, g) => ({ x: () => derivative(x, attrs, y, g) }),
    reference: ({ x }, { axes }, y) => {
      y.data.fill(start);
      // an int32 output cannot hold the infinities that max and min start from
      const first =
        y.data instanceof Int32Array && !Number.isFinite(start) ? new Uint8Array(y.data.length).fill(1) : null;
      forEachReduced(x.shape, axes, (from, to) => {
        y.data[to] = first?.[to] ? x.data[from]! : f(y.data[to]!, x.data[from]!);
        if (first) first[to] = 0;
      });
    },
  });
}

/** The gradient of max and min: shared evenly by the elements that reach the extreme, as in PyTorch's amax. */
function toExtremes(x: Tensor, { axes }: ReduceAttrs, y: Tensor, g: Tensor): Tensor {
  const mask = cast(x.equal(unreduced(y, x, axes)), "float32");
  return mask.mul(unreduced(g, x, axes).div(sum(mask, axes, true)));
}

/** The position of the first extreme along one axis; NaN counts as extreme. */
function argExtreme<const Name extends string>(name: Name, better: (a: number, b: number) => boolean) {
  return defineOp(name, {
    inputs: ["x"],
    shape: ({ x }, { axis, keepDims }: { axis: number; keepDims: boolean }) => {
      if (x.dtype !== "float32" && x.dtype !== "int32")
        throw new ShapeError(`${name}: needs float32 or int32, got ${x.dtype}`);
      if (x.shape[axis] === 0)
        throw new ShapeError(`${name}: shape [${x.shape.join(", ")}] is empty along axis ${axis}`);
      return { shape: reducedShape(x.shape, [axis], keepDims), dtype: "int32" };
    },
    vjp: null,
    reference: ({ x }, { axis }, y) => {
      const length = x.shape[axis]!;
      const inner = rowMajorStrides(x.shape)[axis]!;
      for (let i = 0; i < y.data.length; i++) {
        const base = Math.floor(i / inner) * inner * length + (i % inner);
        let best = 0;
        for (let k = 1; k < length; k++) {
          const [a, b] = [x.data[base + k * inner]!, x.data[base + best * inner]!];
          if (better(a, b) || (Number.isNaN(a) && !Number.isNaN(b))) best = k;
        }
        y.data[i] = best;
      }
    },
  });
}

export const reduceOps = {
  // every summand gets the gradient of the sum
  sum: reduction(
    "sum",
    0,
    (s, x) => s + x,
    (x, { axes }, _y, g) => expand(unreduced(g, x, axes), x.shape),
  ),
  // d Π x = Π x / xᵢ · dxᵢ
  prod: reduction(
    "prod",
    1,
    (s, x) => s * x,
    (x, { axes }, y, g) => unreduced(g.mul(y), x, axes).div(x),
  ),
  max: reduction("max", -Infinity, (m, x) => Math.max(m, x), toExtremes),
  min: reduction("min", Infinity, (m, x) => Math.min(m, x), toExtremes),
  argmax: argExtreme("argmax", (a, b) => a > b),
  argmin: argExtreme("argmin", (a, b) => a < b),
} as const;

type Axes = number | readonly number[] | undefined;

function reduce(name: "sum" | "prod" | "max" | "min", x: Tensor, axes: Axes, keepDims: boolean): Tensor {
  const number = x.dtype === "bool" || x.dtype === "uint8" ? cast(x, "int32") : x;
  const attrs: ReduceAttrs = { axes: normalizeAxes(axes, x.rank, name), keepDims };
  return apply(reduceOps[name], { x: number }, attrs);
}

/** Sum over axes (default all). Bytes and truth values are summed as int32. */
export function sum(x: Tensor, axes?: Axes, keepDims = false): Tensor {
  return reduce("sum", x, axes, keepDims);
}

/** Product over axes (default all). Its gradient divides by x: elements must not be 0. */
export function prod(x: Tensor, axes?: Axes, keepDims = false): Tensor {
  return reduce("prod", x, axes, keepDims);
}

/** Largest value over axes (default all). */
export function max(x: Tensor, axes?: Axes, keepDims = false): Tensor {
  return reduce("max", x, axes, keepDims);
}

/** Smallest value over axes (default all). */
export function min(x: Tensor, axes?: Axes, keepDims = false): Tensor {
  return reduce("min", x, axes, keepDims);
}

/** Mean over axes (default all), as float32. */
export function mean(x: Tensor, axes?: Axes, keepDims = false): Tensor {
  const list = normalizeAxes(axes, x.rank, "mean");
  const count = list.reduce((n, a) => n * x.shape[a]!, 1);
  return sum(cast(x, "float32"), list, keepDims).mul(1 / count);
}

/** Variance over axes (default all): squared distance from the mean, divided by n − correction (default 1). */
export function variance(x: Tensor, axes?: Axes, options: { correction?: number; keepDims?: boolean } = {}): Tensor {
  const list = normalizeAxes(axes, x.rank, "variance");
  const count = list.reduce((n, a) => n * x.shape[a]!, 1);
  const centered = cast(x, "float32").sub(mean(x, list, true));
  return sum(centered.square(), list, options.keepDims ?? false).div(Math.max(0, count - (options.correction ?? 1)));
}

/** Index of the largest element along an axis, as int32; the first where several are equal. */
export function argmax(x: Tensor, axis = -1, keepDims = false): Tensor {
  return apply(reduceOps.argmax, { x }, { axis: normalizeAxis(axis, x.rank, "argmax"), keepDims });
}

/** Index of the smallest element along an axis, as int32; the first where several are equal. */
export function argmin(x: Tensor, axis = -1, keepDims = false): Tensor {
  return apply(reduceOps.argmin, { x }, { axis: normalizeAxis(axis, x.rank, "argmin"), keepDims });
}
