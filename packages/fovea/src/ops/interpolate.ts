import { ShapeError, UsageError } from "../base/errors.ts";
import { showShape } from "../base/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { adaptiveAvgPool } from "./adaptivePool.ts";
import { alongAxis, type Taps } from "./alongAxis.ts";
import { resize } from "./resize.ts";

export type InterpolateMode = "nearest" | "nearest-exact" | "linear" | "bilinear" | "trilinear" | "bicubic" | "area";

export interface InterpolateOptions {
  /** Size of the result's pixels axes: one number for all, or one each. Either this or `scaleFactor`. */
  size?: number | readonly number[];
  /** Result size / input size, rounded down: one number for all axes, or one each. */
  scaleFactor?: number | readonly number[];
  /** Default "nearest", which picks ⌊k · in/out⌋; "nearest-exact" picks the pixel whose middle is nearest. */
  mode?: InterpolateMode;
  /** Corner pixels lie on corner pixels (true), or pixels are squares that cover the same area (false, default). */
  alignCorners?: boolean;
  /** Compute positions from the sizes instead of from a `scaleFactor` that gave rounded sizes; default false. */
  recomputeScaleFactor?: boolean;
  /** Bilinear and bicubic: when shrinking, average over all pixels that an output pixel covers; default false. */
  antialias?: boolean;
}

/** Rank of the input that a mode is made for; the others take any. */
const ranks: Partial<Record<InterpolateMode, number>> = { bilinear: 4, trilinear: 5, bicubic: 4 };
const modes: readonly string[] = ["nearest", "nearest-exact", "linear", "bilinear", "trilinear", "bicubic", "area"];

/**
 * Pictures resized: [N, C, …] → [N, C, …] with other sizes of 1, 2 or 3 pixel axes. PyTorch's `interpolate`.
 *
 * @example
 * interpolate(x, { scaleFactor: 2, mode: "bilinear" })
 */
export function interpolate(x: Tensor, options: InterpolateOptions): Tensor {
  const { mode = "nearest", alignCorners = false, antialias = false } = options;
  const axes = x.rank - 2;
  if (axes < 1 || axes > 3) {
    throw new ShapeError(`interpolate: needs [N, C, …] with 1, 2 or 3 more axes, got ${showShape(x.shape)}`);
  }
  if (!modes.includes(mode)) {
    throw new UsageError(`interpolate: mode "${String(mode)}" is not known; use ${modes.join(", ")}`);
  }
  if (ranks[mode] !== undefined && ranks[mode] !== x.rank) {
    const fix = mode === "bicubic" ? "reshape to a batch of pictures" : 'use "linear", which fits any number of axes';
    throw new ShapeError(`interpolate: ${mode} takes rank ${ranks[mode]}, got ${showShape(x.shape)}; ${fix}`);
  }
  if (antialias && mode !== "bilinear" && mode !== "bicubic") {
    throw new UsageError(`interpolate: antialias is for "bilinear" and "bicubic", not "${mode}"`);
  }
  if (alignCorners && (antialias || mode.startsWith("nearest") || mode === "area")) {
    throw new UsageError(
      `interpolate: alignCorners is for linear, bilinear, trilinear and bicubic${antialias ? " without antialias" : `, not "${mode}"`}`,
    );
  }
  const { sizes, scales } = target(x, axes, options);
  if (mode === "area") return adaptiveAvgPool("interpolate", x, sizes);
  if (mode === "nearest" || mode === "nearest-exact") {
    const offset = mode === "nearest" ? 0 : 0.5;
    const resized = (y: Tensor, out: number, i: number) =>
      alongAxis(y, 2 + i, nearestTaps(x.shape[2 + i]!, out, scales?.[i], offset));
    return sizes.reduce(resized, x);
  }
  return resize(x, {
    ...(scales ? { scales } : { sizes }),
    mode: mode === "bicubic" ? "cubic" : "linear",
    coordinates: alignCorners ? "align_corners" : "half_pixel",
    // Widened filters follow Pillow: no pixels outside, and its cubic coefficient.
    ...(antialias && { antialias, excludeOutside: true, cubicCoefficient: -0.5 }),
  });
}

/** Sizes of the result, and the scales where positions are to be computed with those. */
function target(x: Tensor, axes: number, options: InterpolateOptions): { sizes: number[]; scales?: number[] } {
  const { size, scaleFactor } = options;
  const given = size ?? scaleFactor;
  if (given === undefined || (size !== undefined && scaleFactor !== undefined)) {
    throw new UsageError("interpolate: give either size or scaleFactor");
  }
  const list = typeof given === "number" ? Array.from({ length: axes }, () => given) : [...given];
  const what = size === undefined ? "scaleFactor" : "size";
  if (list.length !== axes) {
    throw new ShapeError(
      `interpolate: ${list.length} numbers in ${what} for the ${axes} pixel axes of ${showShape(x.shape)}`,
    );
  }
  const sizes = size === undefined ? list.map((s, i) => Math.floor(x.shape[2 + i]! * s)) : list;
  if (!sizes.every((d) => Number.isInteger(d) && d >= 1)) {
    throw new ShapeError(
      `interpolate: ${what} [${list.join(", ")}] of ${showShape(x.shape)} gives sizes [${sizes.join(", ")}]; ` +
        "they must be whole numbers ≥ 1",
    );
  }
  return size === undefined && !options.recomputeScaleFactor ? { sizes, scales: list } : { sizes };
}

/** ⌊(k + offset) · in/out⌋ in single precision, as in PyTorch: doubles would pick other pixels at boundaries. */
function nearestTaps(size: number, out: number, scale: number | undefined, offset: number): Taps[] {
  const step = Math.fround(scale === undefined ? size / out : 1 / scale);
  return Array.from({ length: out }, (_, k) => ({
    from: [Math.min(Math.floor(Math.fround(Math.fround(k + offset) * step)), size - 1)],
    weights: [1],
  }));
}
