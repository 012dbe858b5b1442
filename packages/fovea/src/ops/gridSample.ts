import { ShapeError, UsageError } from "../base/errors.ts";
import { showShape } from "../base/shape.ts";
import { tensor } from "../tensor/create.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { logicalAnd } from "./compare.ts";
import { cast } from "./cast.ts";
import { narrow, squeeze, unsqueeze } from "./movement.ts";
import { channelsSecond, pixelRows, rowsAt } from "./pixelRows.ts";
import { clamp, where } from "./select.ts";

export interface GridSampleOptions {
  /** Default "bilinear" (on volumes: trilinear). "bicubic" is for pictures. */
  mode?: "bilinear" | "nearest" | "bicubic";
  /** What lies outside: zeros (default), the border's pixels, or the picture mirrored at its border. */
  paddingMode?: "zeros" | "border" | "reflection";
  /** −1 and 1 are the middles of the corner pixels (true), or their outer edges (false, default). */
  alignCorners?: boolean;
}

/** One pixel that takes part along one axis: where, its weight, and whether it is there. */
interface Tap {
  readonly at: Tensor;
  readonly weight: Tensor | null;
  readonly inside: Tensor;
}

/** Position mirrored into the picture: at the middles of the border pixels, or at their outer edges. */
function reflect(c: Tensor, size: number, alignCorners: boolean): Tensor {
  const [low, span] = alignCorners ? [0, size - 1] : [-0.5, size];
  if (span === 0) return c.mul(0);
  const distance = c.sub(low).abs();
  const flips = distance.mul(1 / span).floor();
  const extra = distance.sub(flips.mul(span));
  const odd = flips.sub(flips.mul(0.5).floor().mul(2)).greater(0.5);
  return where(odd, extra.neg().add(span), extra).add(low);
}

/** Positions brought into the picture by the padding mode; zeros leave them where they are. */
function bringInside(c: Tensor, size: number, { paddingMode, alignCorners }: Required<GridSampleOptions>): Tensor {
  if (paddingMode === "zeros") return c;
  return clamp(paddingMode === "border" ? c : reflect(c, size, alignCorners), 0, size - 1);
}

/** A whole position as a tap; one outside of the picture reads pixel 0 and counts for nothing. */
function tap(at: Tensor, size: number, weight: Tensor | null): Tap {
  const inside = logicalAnd(at.greaterEqual(0), at.lessEqual(size - 1));
  return { at: cast(where(inside, at, 0), "int32"), weight, inside };
}

/** The weights of the 4 pixels around a position t ∈ [0, 1) beyond the second (Keys, 1981, with a = −0.75). */
function cubicWeights(t: Tensor): Tensor[] {
  const a = -0.75;
  const near = (d: Tensor) =>
    d
      .mul(a + 2)
      .sub(a + 3)
      .mul(d)
      .mul(d)
      .add(1);
  const far = (d: Tensor) =>
    d
      .mul(a)
      .sub(5 * a)
      .mul(d)
      .add(8 * a)
      .mul(d)
      .sub(4 * a);
  const rest = t.neg().add(1);
  return [far(t.add(1)), near(t), near(rest), far(rest.add(1))];
}

/** The pixels along one axis that make up the values at positions c. */
function tapsAlong(c: Tensor, size: number, options: Required<GridSampleOptions>): Tap[] {
  if (options.mode === "nearest") return [tap(bringInside(c, size, options).round(), size, null)];
  if (options.mode === "bicubic") {
    const base = c.floor();
    // Each of the four pixels is brought inside on its own.
    return cubicWeights(c.sub(base)).map((weight, k) =>
      tap(bringInside(base.add(k - 1), size, options).round(), size, weight),
    );
  }
  const inside = bringInside(c, size, options);
  const base = inside.floor();
  const part = inside.sub(base);
  return [tap(base, size, part.neg().add(1)), tap(base.add(1), size, part)];
}

/**
 * Pictures read at any positions: x [N, C, H, W], grid [N, H', W', 2] → [N, C, H', W']. PyTorch's `grid_sample`.
 *
 * The grid holds (x, y) from −1 (left, top) to 1 (right, bottom); for volumes [N, C, D, H, W] it is [N, D', H', W', 3]
 * with (x, y, z). Gradients flow to the pictures and to the grid.
 */
export function gridSample(x: Tensor, grid: Tensor, options: GridSampleOptions = {}): Tensor {
  const { mode = "bilinear", paddingMode = "zeros", alignCorners = false } = options;
  const size = x.shape.slice(2);
  const axes = size.length;
  const fits =
    axes >= 1 && axes <= 3 && grid.rank === x.rank && grid.shape[0] === x.shape[0] && grid.shape.at(-1) === axes;
  if (!fits) {
    throw new ShapeError(
      `gridSample: x [N, C, H, W] needs a grid [N, H', W', 2] (x [N, C, D, H, W] one [N, D', H', W', 3]), ` +
        `got x ${showShape(x.shape)} and grid ${showShape(grid.shape)}`,
    );
  }
  if (x.dtype !== "float32" || grid.dtype !== "float32") {
    throw new ShapeError(`gridSample: needs float32, got x ${x.dtype} and grid ${grid.dtype}`);
  }
  if (size.includes(0)) throw new ShapeError(`gridSample: x ${showShape(x.shape)} has no pixels`);
  if (!["bilinear", "nearest", "bicubic"].includes(mode)) {
    throw new UsageError(`gridSample: mode "${String(mode)}" is not known; use "bilinear", "nearest" or "bicubic"`);
  }
  if (!["zeros", "border", "reflection"].includes(paddingMode)) {
    throw new UsageError(
      `gridSample: paddingMode "${String(paddingMode)}" is not known; use "zeros", "border" or "reflection"`,
    );
  }
  if (mode === "bicubic" && axes === 3) throw new UsageError("gridSample: bicubic is for pictures, not for volumes");
  const taps = size.map((d, k) => {
    const g = squeeze(narrow(grid, axes + 1, axes - 1 - k, 1), axes + 1);
    // −1 … 1 to pixels: 0 … d − 1, or −½ … d − ½
    const c = alignCorners
      ? g.add(1).mul((d - 1) / 2)
      : g
          .add(1)
          .mul(d / 2)
          .sub(0.5);
    return tapsAlong(c, d, { mode, paddingMode, alignCorners });
  });
  const batch = x.shape[0]!;
  const pictures = Int32Array.from({ length: batch }, (_, n) => n);
  const start = tensor(pictures, { shape: [batch, ...size.map(() => 1)] });
  let corners = taps[0]!.map(({ at, weight, inside }) => ({ at: start.mul(size[0]!).add(at), weight, inside }));
  for (let k = 1; k < axes; k++) {
    corners = corners.flatMap((corner) =>
      taps[k]!.map((t) => ({
        at: corner.at.mul(size[k]!).add(t.at),
        weight: corner.weight && t.weight && corner.weight.mul(t.weight),
        inside: logicalAnd(corner.inside, t.inside),
      })),
    );
  }
  const rows = pixelRows(x);
  const parts = corners.map(({ at, weight, inside }) => {
    const factor = unsqueeze(weight ? where(inside, weight, 0) : cast(inside, "float32"), axes + 1);
    return rowsAt(rows, at).mul(factor);
  });
  return channelsSecond(parts.reduce((sum, part) => sum.add(part)));
}
