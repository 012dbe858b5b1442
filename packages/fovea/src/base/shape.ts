import { ShapeError } from "./errors.ts";

/** Sizes per axis, outermost first. Never mutated. */
export type Shape = readonly number[];

/** Number of elements. */
export function sizeOf(shape: Shape): number {
  let size = 1;
  for (let i = 0; i < shape.length; i++) size *= shape[i]!;
  return size;
}

/** Element distance between neighbours on each axis, row-major. */
export function rowMajorStrides(shape: Shape): number[] {
  const strides = Array.from({ length: shape.length }, () => 1);
  for (let i = shape.length - 2; i >= 0; i--) strides[i] = strides[i + 1]! * shape[i + 1]!;
  return strides;
}

export function sameShape(a: Shape, b: Shape): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** Shapes as people write them: `[3, 224, 224]`. */
export function showShape(shape: Shape): string {
  return `[${shape.join(", ")}]`;
}

/** Largest size, count or offset: engines count in int32. */
export const MOST = 2 ** 31 - 1;

/** True for a whole number from `least` to 2^31 − 1. */
export function isCount(value: number, least = 0): boolean {
  return Number.isInteger(value) && value >= least && value <= MOST;
}

/** Throws unless every size is a whole number ≥ 0 and the element count is addressable. */
export function checkShape(shape: Shape, who: string): void {
  if (!shape.every((d) => isCount(d))) {
    throw new ShapeError(`${who}: every size must be a whole number 0 … 2^31 − 1, got ${showShape(shape)}`);
  }
  const size = sizeOf(shape);
  if (size >= 2 ** 31) {
    throw new ShapeError(`${who}: ${showShape(shape)} has ${size} elements; at most 2^31 − 1 fit in one tensor`);
  }
}

/** The axis as 0 … rank−1; negative axes count from the end. */
export function normalizeAxis(axis: number, rank: number, who: string): number {
  const a = axis < 0 ? axis + rank : axis;
  if (!Number.isInteger(axis) || a < 0 || a >= rank) {
    throw new ShapeError(`${who}: axis ${axis} is outside a tensor of rank ${rank} (use ${-rank} … ${rank - 1})`);
  }
  return a;
}

/** Sorted distinct axes; `undefined` means all. */
export function normalizeAxes(axes: number | readonly number[] | undefined, rank: number, who: string): number[] {
  if (axes === undefined) return Array.from({ length: rank }, (_, i) => i);
  const list = (typeof axes === "number" ? [axes] : axes).map((a) => normalizeAxis(a, rank, who));
  const sorted = [...new Set(list)].toSorted((a, b) => a - b);
  if (sorted.length !== list.length) throw new ShapeError(`${who}: an axis occurs twice in [${list.join(", ")}]`);
  return sorted;
}

/** NumPy broadcasting: sizes are aligned at the end; equal, or one of them is 1. */
export function broadcastShapes(a: Shape, b: Shape, who: string): number[] {
  const rank = Math.max(a.length, b.length);
  const out: number[] = [];
  for (let i = 0; i < rank; i++) {
    const x = a[i - (rank - a.length)] ?? 1;
    const y = b[i - (rank - b.length)] ?? 1;
    if (x !== y && x !== 1 && y !== 1) {
      throw new ShapeError(
        `${who}: shapes ${showShape(a)} and ${showShape(b)} do not broadcast: ` +
          `aligned at the end, axis ${i - rank} has ${x} against ${y} (sizes must be equal, or one of them 1)` +
          channelsHint(a, b),
      );
    }
    out.push(x === 1 ? y : x);
  }
  return out;
}

/** One number per channel, the usual reason why shapes do not broadcast. */
function channelsHint(a: Shape, b: Shape): string {
  const [long, short] = a.length > b.length ? [a, b] : [b, a];
  if (short.length !== 1 || long.length < 3 || long[1] !== short[0]) return "";
  return `; for one per channel, reshape ${showShape(short)} to ${showShape([short[0]!, ...long.slice(2).map(() => 1)])}`;
}

/** The shape after reducing `axes` (sorted, non-negative). */
export function reducedShape(shape: Shape, axes: readonly number[], keepDims: boolean): number[] {
  if (keepDims) return shape.map((d, i) => (axes.includes(i) ? 1 : d));
  return shape.filter((_, i) => !axes.includes(i));
}

/** Sizes of a product: `batch` leading axes, then [M, K] · [K, N]. */
export function matmulSizes(
  a: Shape,
  b: Shape,
  { transposeA, transposeB }: { readonly transposeA: boolean; readonly transposeB: boolean },
) {
  const [p, q] = a.slice(-2) as [number, number];
  const [r, s] = b.slice(-2) as [number, number];
  const [m, k] = transposeA ? [q, p] : [p, q];
  const [inner, n] = transposeB ? [s, r] : [r, s];
  const [batchA, batchB] = [a.slice(0, -2), b.slice(0, -2)];
  return { m, k, inner, n, batchA, batchB, batch: batchA.length >= batchB.length ? batchA : batchB };
}
