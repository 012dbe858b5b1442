import { ShapeError } from "../base/errors.ts";
import {
  broadcastShapes,
  checkShape,
  isCount,
  normalizeAxes,
  normalizeAxis,
  rowMajorStrides,
  sameShape,
  showShape,
  sizeOf,
  type Shape,
} from "../base/shape.ts";
import { apply, applyList } from "../tensor/apply.ts";
import { defineListOp, defineOp } from "../tensor/op.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { broadcastIndex, sumTo } from "./broadcast.ts";

/** The index along each axis of an element's row-major position. */
function unravel(position: number, shape: Shape, strides: readonly number[]): number[] {
  return shape.map((d, i) => Math.floor(position / strides[i]!) % d);
}

const dot = (index: readonly number[], strides: readonly number[]): number =>
  index.reduce((s, v, i) => s + v * strides[i]!, 0);

/** The same elements in row-major order under another shape. */
const reshapeOp = defineOp("reshape", {
  inputs: ["x"],
  shape: ({ x }, { shape }: { shape: Shape }) => {
    checkShape(shape, "reshape");
    if (sizeOf(shape) !== sizeOf(x.shape)) {
      throw new ShapeError(
        `reshape: ${showShape(x.shape)} has ${sizeOf(x.shape)} elements, ${showShape(shape)} has room for ${sizeOf(shape)}` +
          lastSizeHint(x.shape, shape),
      );
    }
    return { shape, dtype: x.dtype };
  },
  vjp: ({ x }, _attrs, _y, g) => ({ x: () => reshape(g, x.shape) }),
  reference: ({ x }, _attrs, y) => y.data.set(x.data),
});

/** What the last size would have to be. */
function lastSizeHint(x: Shape, shape: Shape): string {
  const rest = sizeOf(shape.slice(0, -1));
  const fits = shape.length > 0 && rest > 0 && sizeOf(x) % rest === 0;
  return fits ? `; ${showShape([...shape.slice(0, -1), sizeOf(x) / rest])} would fit` : "";
}

/** y[i₀, i₁, …] = x at the index whose axis `axes[k]` is iₖ. */
const permuteOp = defineOp("permute", {
  inputs: ["x"],
  shape: ({ x }, { axes }: { axes: readonly number[] }) => ({ shape: axes.map((a) => x.shape[a]!), dtype: x.dtype }),
  vjp: (_inputs, { axes }, _y, g) => ({
    x: () =>
      permute(
        g,
        axes.map((_, i) => axes.indexOf(i)),
      ),
  }),
  reference: ({ x }, { axes }, y) => {
    const from = rowMajorStrides(x.shape);
    const strides = axes.map((a) => from[a]!);
    const outer = rowMajorStrides(y.shape);
    for (let i = 0; i < y.data.length; i++) y.data[i] = x.data[dot(unravel(i, y.shape, outer), strides)]!;
  },
});

/** x repeated along axes of size 1, and along new leading axes. */
const expandOp = defineOp("expand", {
  inputs: ["x"],
  shape: ({ x }, { shape }: { shape: Shape }) => {
    if (!sameShape(broadcastShapes(x.shape, shape, "expand"), shape)) {
      throw new ShapeError(`expand: ${showShape(x.shape)} does not broadcast to ${showShape(shape)}`);
    }
    return { shape, dtype: x.dtype };
  },
  vjp: ({ x }, _attrs, _y, g) => ({ x: () => sumTo(g, x.shape) }),
  reference: ({ x }, _attrs, y) => {
    const index = broadcastIndex(x.shape, y.shape);
    for (let i = 0; i < y.data.length; i++) y.data[i] = x.data[index(i)]!;
  },
});

export interface BoxAttrs {
  /** First index along each axis. */
  readonly starts: readonly number[];
  /** Distance of neighbours along each axis; ≥ 1. */
  readonly steps: readonly number[];
  readonly shape: Shape;
  readonly [name: string]: readonly number[] | number;
}

/** y[i] = x[starts + i · steps]: a box of x. */
const sliceOp = defineOp("slice", {
  inputs: ["x"],
  shape: ({ x }, { starts, steps, shape }: BoxAttrs) => {
    checkBox("slice", x.shape, shape, starts, steps);
    return { shape, dtype: x.dtype };
  },
  vjp: ({ x }, { starts, steps }, _y, g) => ({ x: () => inBox(g, { starts, steps, shape: x.shape }) }),
  reference: ({ x }, { starts, steps }, y) => {
    const [from, to] = [rowMajorStrides(x.shape), rowMajorStrides(y.shape)];
    for (let i = 0; i < y.data.length; i++) {
      y.data[i] =
        x.data[
          dot(
            unravel(i, y.shape, to).map((v, k) => starts[k]! + v * steps[k]!),
            from,
          )
        ]!;
    }
  },
});

/** y[starts + i · steps] = x[i], and `value` everywhere else: the adjoint of slice. */
const padOp = defineOp("pad", {
  inputs: ["x"],
  shape: ({ x }, { starts, steps, shape }: BoxAttrs & { readonly value: number }) => {
    checkBox("pad", shape, x.shape, starts, steps);
    return { shape, dtype: x.dtype };
  },
  vjp: ({ x }, { starts, steps }, _y, g) => ({ x: () => box(g, { starts, steps, shape: x.shape }) }),
  reference: ({ x }, { starts, steps, value }, y) => {
    y.data.fill(value);
    const [from, to] = [rowMajorStrides(x.shape), rowMajorStrides(y.shape)];
    for (let i = 0; i < x.data.length; i++) {
      y.data[
        dot(
          unravel(i, x.shape, from).map((v, k) => starts[k]! + v * steps[k]!),
          to,
        )
      ] = x.data[i]!;
    }
  },
});

function box(x: Tensor, attrs: BoxAttrs): Tensor {
  return apply(sliceOp, { x }, attrs);
}

function inBox(x: Tensor, attrs: BoxAttrs, value = 0): Tensor {
  return apply(padOp, { x }, { ...attrs, value });
}

function checkBox(name: string, outer: Shape, box: Shape, starts: readonly number[], steps: readonly number[]): void {
  box.forEach((d, k) => {
    const last = starts[k]! + (d - 1) * steps[k]!;
    if (!isCount(starts[k]!) || !isCount(d) || !isCount(steps[k]!, 1) || (d > 0 && last >= outer[k]!)) {
      throw new ShapeError(
        `${name}: axis ${k} of ${showShape(outer)} has no room for ${d} elements from ${starts[k]} in steps of ${steps[k]}`,
      );
    }
  });
}

/** y[…, i, …] = x[…, n − 1 − i, …] along the given axes. */
const flipOp = defineOp("flip", {
  inputs: ["x"],
  shape: ({ x }, _attrs: { axes: readonly number[] }) => x,
  vjp: (_inputs, { axes }, _y, g) => ({ x: () => flip(g, axes) }),
  reference: ({ x }, { axes }, y) => {
    const strides = rowMajorStrides(x.shape);
    for (let i = 0; i < y.data.length; i++) {
      const index = unravel(i, x.shape, strides).map((v, k) => (axes.includes(k) ? x.shape[k]! - 1 - v : v));
      y.data[i] = x.data[dot(index, strides)]!;
    }
  },
});

/** The one axis along which two shapes differ. */
function otherAxisHint(a: Shape, b: Shape): string {
  const differing = a.flatMap((d, i) => (a.length === b.length && d !== b[i] ? [i] : []));
  return differing.length === 1 ? `; they differ along axis ${differing[0]} only: concat(xs, ${differing[0]})` : "";
}

/** The inputs one after another along an axis. */
const concatOp = defineListOp("concat", {
  shape: (xs, { axis }: { axis: number }) => {
    const first = xs[0];
    if (first === undefined) throw new ShapeError("concat: the list is empty");
    for (const x of xs) {
      const fits = x.dtype === first.dtype && x.shape.length === first.shape.length;
      if (!fits || !x.shape.every((d, k) => k === axis || d === first.shape[k])) {
        throw new ShapeError(
          `concat: ${showShape(x.shape)} ${x.dtype} does not continue ${showShape(first.shape)} ${first.dtype} along axis ${axis}: ` +
            "all other sizes and the dtype must be equal" +
            otherAxisHint(first.shape, x.shape),
        );
      }
    }
    const total = xs.reduce((n, x) => n + x.shape[axis]!, 0);
    return { shape: first.shape.map((d, k) => (k === axis ? total : d)), dtype: first.dtype };
  },
  vjp: (xs, { axis }, _y, g) => {
    let start = 0;
    return xs.map((x) => {
      const from = start;
      start += x.shape[axis]!;
      return () => narrow(g, axis, from, x.shape[axis]!);
    });
  },
  reference: (xs, { axis }, y) => {
    const inner = sizeOf(y.shape.slice(axis + 1));
    const outer = sizeOf(y.shape.slice(0, axis));
    let at = 0;
    for (let o = 0; o < outer; o++) {
      for (const x of xs) {
        const length = x.shape[axis]! * inner;
        for (let i = 0; i < length; i++) y.data[at++] = x.data[o * length + i]!;
      }
    }
  },
});

export const movementOps = {
  reshape: reshapeOp,
  permute: permuteOp,
  expand: expandOp,
  slice: sliceOp,
  pad: padOp,
  flip: flipOp,
  concat: concatOp,
} as const;

/** Another shape over the same elements in row-major order; one size may be −1 = whatever is left. */
export function reshape(x: Tensor, shape: Shape): Tensor {
  if (sameShape(shape, x.shape)) return x;
  const holes = shape.filter((d) => d === -1).length;
  if (holes > 1) throw new ShapeError(`reshape: only one size may be −1, got ${showShape(shape)}`);
  const rest = shape.reduce((n, d) => (d === -1 ? n : n * d), 1);
  if (holes === 1 && (rest === 0 || x.size % rest !== 0)) {
    throw new ShapeError(
      `reshape: ${showShape(x.shape)} (${x.size} elements) does not divide into ${showShape(shape)}`,
    );
  }
  const full = shape.map((d) => (d === -1 ? x.size / rest : d));
  return sameShape(full, x.shape) ? x : apply(reshapeOp, { x }, { shape: full });
}

/** Axes in another order: `permute(x, [0, 2, 3, 1])` turns NCHW into NHWC. */
export function permute(x: Tensor, axes: readonly number[]): Tensor {
  const order = axes.map((a) => normalizeAxis(a, x.rank, "permute"));
  if (order.length !== x.rank || new Set(order).size !== x.rank) {
    throw new ShapeError(
      `permute: [${axes.join(", ")}] must name each of the ${x.rank} axes of ${showShape(x.shape)} once`,
    );
  }
  return order.every((a, i) => a === i) ? x : apply(permuteOp, { x }, { axes: order });
}

/** Two axes exchanged; by default the last two. */
export function transpose(x: Tensor, a = -2, b = -1): Tensor {
  const [i, j] = [normalizeAxis(a, x.rank, "transpose"), normalizeAxis(b, x.rank, "transpose")];
  return permute(
    x,
    x.shape.map((_, k) => (k === i ? j : k === j ? i : k)),
  );
}

/** Axes from `start` to `end` (both included) merged into one; [N, C, H, W] becomes [N, C·H·W] with flatten(x, 1). */
export function flatten(x: Tensor, start = 0, end = -1): Tensor {
  if (x.rank === 0) return reshape(x, [1]);
  const [from, to] = [normalizeAxis(start, x.rank, "flatten"), normalizeAxis(end, x.rank, "flatten")];
  if (from > to) throw new ShapeError(`flatten: start axis ${start} comes after end axis ${end}`);
  return reshape(x, [...x.shape.slice(0, from), sizeOf(x.shape.slice(from, to + 1)), ...x.shape.slice(to + 1)]);
}

/** Without the axes of size 1, or without the given one. */
export function squeeze(x: Tensor, axis?: number): Tensor {
  if (axis === undefined)
    return reshape(
      x,
      x.shape.filter((d) => d !== 1),
    );
  const a = normalizeAxis(axis, x.rank, "squeeze");
  if (x.shape[a] !== 1)
    throw new ShapeError(`squeeze: axis ${axis} of ${showShape(x.shape)} has size ${x.shape[a]}, not 1`);
  return reshape(
    x,
    x.shape.filter((_, i) => i !== a),
  );
}

/** With a new axis of size 1 at `axis`. */
export function unsqueeze(x: Tensor, axis: number): Tensor {
  const a = normalizeAxis(axis, x.rank + 1, "unsqueeze");
  return reshape(x, [...x.shape.slice(0, a), 1, ...x.shape.slice(a)]);
}

/** Repeated along axes of size 1 (or new leading ones) to `shape`; −1 keeps a size. */
export function expand(x: Tensor, shape: Shape): Tensor {
  const lead = shape.length - x.rank;
  if (shape.some((d, i) => d === -1 && i < lead)) {
    throw new ShapeError(
      `expand: −1 keeps a size, and a new leading axis has none: ${showShape(x.shape)} to ${showShape(shape)}`,
    );
  }
  const full = shape.map((d, i) => (d === -1 ? (x.shape[i - lead] ?? 1) : d));
  return sameShape(full, x.shape) ? x : apply(expandOp, { x }, { shape: full });
}

/** From `starts` up to but not including `ends`, per axis; negative positions count from the end. Missing axes: all. */
export function slice(
  x: Tensor,
  starts: readonly number[],
  ends?: readonly number[],
  steps?: readonly number[],
): Tensor {
  if (Math.max(starts.length, ends?.length ?? 0) > x.rank) {
    throw new ShapeError(`slice: ${starts.length} starts for a tensor of rank ${x.rank}`);
  }
  if (![...starts, ...(ends ?? [])].every((v) => Number.isInteger(v) || Math.abs(v) === Infinity)) {
    throw new ShapeError(
      `slice: positions must be whole numbers, got [${starts.join(", ")}] to [${ends?.join(", ") ?? ""}]`,
    );
  }
  const clip = (v: number, d: number) => Math.min(Math.max(v < 0 ? v + d : v, 0), d);
  const from = x.shape.map((d, k) => clip(starts[k] ?? 0, d));
  const by = x.shape.map((_, k) => steps?.[k] ?? 1);
  if (!by.every((s) => isCount(s, 1)))
    throw new ShapeError(`slice: steps must be whole numbers ≥ 1, got [${by.join(", ")}]`);
  const shape = x.shape.map((d, k) => Math.max(0, Math.ceil((clip(ends?.[k] ?? d, d) - from[k]!) / by[k]!)));
  return box(x, { starts: from, steps: by, shape });
}

/** `length` elements from `start` along one axis. */
export function narrow(x: Tensor, axis: number, start: number, length: number): Tensor {
  const a = normalizeAxis(axis, x.rank, "narrow");
  const starts = x.shape.map((_, k) => (k === a ? start : 0));
  return box(x, { starts, steps: x.shape.map(() => 1), shape: x.shape.map((d, k) => (k === a ? length : d)) });
}

/** The element at `index` along an axis, without that axis. */
export function at(x: Tensor, index: number, axis = 0): Tensor {
  const a = normalizeAxis(axis, x.rank, "at");
  const i = index < 0 ? index + x.shape[a]! : index;
  if (!isCount(i) || i >= x.shape[a]!) {
    throw new ShapeError(
      `at: index ${index} is outside the ${x.shape[a]} elements along axis ${axis} of ${showShape(x.shape)}`,
    );
  }
  return squeeze(narrow(x, a, i, 1), a);
}

/** `value` around x: one [before, after] per axis. */
export function pad(x: Tensor, padding: readonly (readonly [number, number])[], value = 0): Tensor {
  if (padding.length !== x.rank) throw new ShapeError(`pad: ${padding.length} pairs for a tensor of rank ${x.rank}`);
  if (!padding.flat().every((p) => isCount(p))) {
    throw new ShapeError(`pad: padding must be whole numbers ≥ 0, got ${JSON.stringify(padding)}; narrow or slice cut`);
  }
  const shape = x.shape.map((d, k) => d + padding[k]![0] + padding[k]![1]);
  return inBox(x, { starts: padding.map(([before]) => before), steps: x.shape.map(() => 1), shape }, value);
}

/** Reversed along the given axes. */
export function flip(x: Tensor, axes: number | readonly number[]): Tensor {
  return apply(flipOp, { x }, { axes: normalizeAxes(axes, x.rank, "flip") });
}

/** Tensors one after another along an axis they already have. */
export function concat(xs: readonly Tensor[], axis = 0): Tensor {
  return applyList(concatOp, xs, { axis: normalizeAxis(axis, xs[0]?.rank ?? 1, "concat") });
}

/** Tensors of one shape along a new axis. */
export function stack(xs: readonly Tensor[], axis = 0): Tensor {
  const other = xs.find((x) => !sameShape(x.shape, xs[0]!.shape));
  if (other !== undefined) {
    throw new ShapeError(
      `stack: ${showShape(other.shape)} beside ${showShape(xs[0]!.shape)}: all must have one shape; concat joins along an axis that is there`,
    );
  }
  return concat(
    xs.map((x) => unsqueeze(x, axis)),
    axis,
  );
}

/** Pieces of the given length (or lengths) along an axis. */
export function split(x: Tensor, lengths: number | readonly number[], axis = 0): Tensor[] {
  const a = normalizeAxis(axis, x.rank, "split");
  const total = x.shape[a]!;
  if (typeof lengths === "number" ? !isCount(lengths, 1) : !lengths.every((d) => isCount(d))) {
    throw new ShapeError(
      `split: lengths must be whole numbers (one length for all: ≥ 1), got ${JSON.stringify(lengths)}`,
    );
  }
  const list =
    typeof lengths === "number"
      ? Array.from({ length: Math.ceil(total / lengths) }, (_, i) => Math.min(lengths, total - i * lengths))
      : lengths;
  if (list.reduce((n, d) => n + d, 0) !== total) {
    throw new ShapeError(
      `split: lengths [${list.join(", ")}] do not add up to the ${total} elements along axis ${axis}`,
    );
  }
  let start = 0;
  return list.map((length) => narrow(x, a, (start += length) - length, length));
}
