import { ShapeError, UsageError } from "../base/errors.ts";
import { normalizeAxis, rowMajorStrides, showShape } from "../base/shape.ts";
import { arange, fromHost } from "../tensor/create.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { cast } from "./cast.ts";
import { concat, expand, narrow, permute, reshape, split, unsqueeze } from "./movement.ts";
import { where } from "./select.ts";

// Rearrangements made of other ops.

/** At most `chunks` pieces along an axis, all of one length but the last (PyTorch's `chunk`). */
export function chunk(x: Tensor, chunks: number, axis = 0): Tensor[] {
  const size = x.shape[normalizeAxis(axis, x.rank, "chunk")]!;
  if (!Number.isInteger(chunks) || chunks < 1)
    throw new UsageError(`chunk: chunks must be a whole number ≥ 1, got ${chunks}`);
  return size === 0 ? [x] : split(x, Math.ceil(size / chunks), axis);
}

/** Elements moved by `shifts` along axes; what falls off at the end comes back at the start. */
export function roll(x: Tensor, shifts: number | readonly number[], axes: number | readonly number[] = -1): Tensor {
  const [by, along] = [[shifts].flat(), [axes].flat()] as const;
  if (by.length !== along.length || !by.every(Number.isInteger)) {
    throw new UsageError(
      `roll: needs one whole shift per axis, got shifts [${by.join(", ")}] for axes [${along.join(", ")}]`,
    );
  }
  return along.reduce((y, axis, k) => {
    const a = normalizeAxis(axis, x.rank, "roll");
    const size = x.shape[a]!;
    const start = size === 0 ? 0 : (((size - by[k]!) % size) + size) % size;
    return start === 0 ? y : concat([narrow(y, a, start, size - start), narrow(y, a, 0, start)], a);
  }, x);
}

/** x repeated as a whole, so many times per axis; missing leading axes are 1 (NumPy's `tile`). */
export function tile(x: Tensor, repeats: readonly number[]): Tensor {
  if (!repeats.every((r) => Number.isInteger(r) && r >= 0))
    throw new UsageError(`tile: repeats must be whole numbers ≥ 0, got [${repeats.join(", ")}]`);
  const rank = Math.max(x.rank, repeats.length);
  const sizes = [...Array.from({ length: rank - x.rank }, () => 1), ...x.shape];
  const times = [...Array.from({ length: rank - repeats.length }, () => 1), ...repeats];
  // [r₀, d₀, r₁, d₁, …] with the r spread out; axes that stay whole need no pair.
  const pairs = sizes.flatMap((d, i) => (times[i] === 1 ? [d] : [1, d]));
  const spread = sizes.flatMap((d, i) => (times[i] === 1 ? [d] : [times[i]!, d]));
  return reshape(
    expand(reshape(x, pairs), spread),
    sizes.map((d, i) => d * times[i]!),
  );
}

/** Each element repeated `repeats` times along an axis: [a, b] → [a, a, b, b]. */
export function repeatInterleave(x: Tensor, repeats: number, axis = 0): Tensor {
  if (!Number.isInteger(repeats) || repeats < 0)
    throw new UsageError(`repeatInterleave: repeats must be a whole number ≥ 0, got ${repeats}`);
  const a = normalizeAxis(axis, x.rank, "repeatInterleave");
  const [before, after] = [x.shape.slice(0, a + 1), x.shape.slice(a + 1)];
  const spread = expand(unsqueeze(x, a + 1), [...before, repeats, ...after]);
  return reshape(spread, [...x.shape.slice(0, a), x.shape[a]! * repeats, ...after]);
}

/**
 * The coordinates of a grid: one tensor of the grid's shape per vector.
 *
 * @param indexing `ij` (default): the first vector runs along axis 0; `xy`: along axis 1, as for pictures.
 */
export function meshgrid(vectors: readonly Tensor[], indexing: "ij" | "xy" = "ij"): Tensor[] {
  const wrong = vectors.find((v) => v.rank !== 1);
  if (wrong) throw new ShapeError(`meshgrid: wants vectors, got ${showShape(wrong.shape)}`);
  const place = (k: number): number => (indexing === "xy" && k < 2 && vectors.length > 1 ? 1 - k : k);
  const shape = vectors.map((_, axis) => vectors[place(axis)]!.size);
  return vectors.map((v, k) =>
    expand(
      reshape(
        v,
        shape.map((_, axis) => (axis === place(k) ? v.size : 1)),
      ),
      shape,
    ),
  );
}

/** Keeps matrix elements (last two axes) for which `keep(column − row)` holds. */
function triangle(name: string, x: Tensor, keep: (offset: number) => boolean): Tensor {
  if (x.rank < 2) throw new ShapeError(`${name}: needs [..., rows, columns], got ${showShape(x.shape)}`);
  const [rows, columns] = x.shape.slice(-2) as [number, number];
  const mask = Uint8Array.from({ length: rows * columns }, (_, i) =>
    Number(keep((i % columns) - Math.floor(i / columns))),
  );
  return where(fromHost(mask, [rows, columns], "bool"), x, 0);
}

/** The lower triangle of matrices, 0 above the diagonal; `diagonal` > 0 keeps more, < 0 fewer diagonals. */
export function tril(x: Tensor, diagonal = 0): Tensor {
  return triangle("tril", x, (offset) => offset <= diagonal);
}

/** The upper triangle of matrices, 0 below the diagonal; `diagonal` > 0 keeps fewer, < 0 more diagonals. */
export function triu(x: Tensor, diagonal = 0): Tensor {
  return triangle("triu", x, (offset) => offset >= diagonal);
}

/**
 * 1 at each label's position along a new axis, 0 elsewhere, as float32. Labels out of range give zeros only.
 *
 * @param labels Class numbers, int32 [...].
 * @param axis Where the new axis goes; default last. 1 gives [N, classes, ...].
 */
export function oneHot(labels: Tensor, classes: number, axis = -1): Tensor {
  if (labels.dtype !== "int32") throw new ShapeError(`oneHot: labels must be int32 class numbers, got ${labels.dtype}`);
  if (!Number.isInteger(classes) || classes < 1)
    throw new UsageError(`oneHot: classes must be a whole number ≥ 1, got ${classes}`);
  const a = normalizeAxis(axis, labels.rank + 1, "oneHot");
  const wide = unsqueeze(labels, a);
  const numbers = reshape(
    arange(classes, "int32"),
    wide.shape.map((_, i) => (i === a ? classes : 1)),
  );
  return cast(wide.equal(numbers), "float32");
}

/** In which order `depthToSpace` takes channels: block first (depth, column, row: TensorFlow), or channel first (PyTorch). */
export type DepthOrder = "DCR" | "CRD";

function checkBlock(name: string, x: Tensor, block: number): [n: number, c: number, h: number, w: number] {
  if (x.rank !== 4) throw new ShapeError(`${name}: needs [N, C, H, W], got ${showShape(x.shape)}`);
  if (!Number.isInteger(block) || block < 1)
    throw new UsageError(`${name}: the block must be a whole number ≥ 1, got ${block}`);
  return x.shape as unknown as [number, number, number, number];
}

/** Channels become blocks of pixels: [N, C·b², H, W] → [N, C, H·b, W·b]. */
export function depthToSpace(x: Tensor, block: number, order: DepthOrder = "DCR"): Tensor {
  const [n, c, h, w] = checkBlock("depthToSpace", x, block);
  const channels = c / (block * block);
  if (!Number.isInteger(channels)) {
    throw new ShapeError(
      `depthToSpace: ${c} channels of ${showShape(x.shape)} do not divide by ${block}² = ${block * block}`,
    );
  }
  const parts =
    order === "DCR"
      ? permute(reshape(x, [n, block, block, channels, h, w]), [0, 3, 4, 1, 5, 2])
      : permute(reshape(x, [n, channels, block, block, h, w]), [0, 1, 4, 2, 5, 3]);
  return reshape(parts, [n, channels, h * block, w * block]);
}

/** Blocks of pixels become channels: [N, C, H·b, W·b] → [N, C·b², H, W]; the inverse of `depthToSpace`. */
export function spaceToDepth(x: Tensor, block: number, order: DepthOrder = "DCR"): Tensor {
  const [n, c, height, width] = checkBlock("spaceToDepth", x, block);
  const [h, w] = [height / block, width / block];
  if (!Number.isInteger(h) || !Number.isInteger(w)) {
    throw new ShapeError(
      `spaceToDepth: the ${height} × ${width} pixels of ${showShape(x.shape)} do not divide by ${block}`,
    );
  }
  const parts = reshape(x, [n, c, h, block, w, block]);
  const moved = order === "DCR" ? permute(parts, [0, 3, 5, 1, 2, 4]) : permute(parts, [0, 1, 3, 5, 2, 4]);
  return reshape(moved, [n, c * block * block, h, w]);
}

/** [N, C·r², H, W] → [N, C, H·r, W·r] (Shi et al., 2016), in PyTorch's order of channels. */
export function pixelShuffle(x: Tensor, factor: number): Tensor {
  return depthToSpace(x, factor, "CRD");
}

/** [N, C, H·r, W·r] → [N, C·r², H, W]: the inverse of `pixelShuffle`. */
export function pixelUnshuffle(x: Tensor, factor: number): Tensor {
  return spaceToDepth(x, factor, "CRD");
}

/** Channels of `groups` groups interleaved (Zhang et al., ShuffleNet, 2018): [N, g·c, ...] → [N, c·g, ...]. */
export function channelShuffle(x: Tensor, groups: number): Tensor {
  const [n, c] = x.shape;
  if (x.rank < 2 || !Number.isInteger(groups) || groups < 1 || c! % groups !== 0)
    throw new ShapeError(`channelShuffle: ${groups} groups must divide the channels of ${showShape(x.shape)}`);
  const rest = x.shape.slice(2);
  const parts = reshape(x, [n!, groups, c! / groups, ...rest]);
  return reshape(permute(parts, [0, 2, 1, ...rest.map((_, i) => 3 + i)]), x.shape);
}

/** Positions of the elements that are not 0, int32 [count, rank] in row-major order. Their number is read on the host. */
export async function nonzero(x: Tensor): Promise<Tensor> {
  const values = await x.data();
  const strides = rowMajorStrides(x.shape);
  const found: number[] = [];
  for (const [i, v] of values.entries()) {
    if (v !== 0) for (const [axis, d] of x.shape.entries()) found.push(Math.floor(i / strides[axis]!) % d);
  }
  const count = x.rank === 0 ? Number(values[0] !== 0) : found.length / x.rank;
  return fromHost(Int32Array.from(found), [count, x.rank], "int32");
}
