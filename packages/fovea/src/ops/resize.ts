import { ShapeError, UsageError } from "../base/errors.ts";
import { normalizeAxes, showShape } from "../base/shape.ts";
import { tensor } from "../tensor/create.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { alongAxis, type Taps } from "./alongAxis.ts";
import { where } from "./select.ts";

/** Where an output pixel lies in the input; the names and formulas are those of ONNX's Resize. */
export type CoordinateMode =
  | "half_pixel"
  | "half_pixel_symmetric"
  | "pytorch_half_pixel"
  | "align_corners"
  | "asymmetric"
  | "tf_crop_and_resize";

/** Which pixel a coordinate between two belongs to; the names are those of ONNX's Resize. */
export type NearestMode = "round_prefer_floor" | "round_prefer_ceil" | "floor" | "ceil";

export interface ResizeOptions {
  /** Sizes of the resized axes. Either these or `scales`. */
  sizes?: readonly number[];
  /** Output size / input size of the resized axes; the size is rounded down. */
  scales?: readonly number[];
  /** The axes to resize; default: all from the third, the pixels. */
  axes?: readonly number[];
  /** Default "nearest". "linear" is bilinear on two axes and trilinear on three. */
  mode?: "nearest" | "linear" | "cubic";
  /** Default "half_pixel": pixels are squares, and the squares of both pictures cover the same area. */
  coordinates?: CoordinateMode;
  /** Default "round_prefer_floor". */
  nearest?: NearestMode;
  /** The a of cubic convolution (Keys, 1981): −0.75 (default) or −0.5. */
  cubicCoefficient?: number;
  /** Leave out pixels outside of the picture, instead of repeating those at its border; default false. */
  excludeOutside?: boolean;
  /** When shrinking, widen the filter to all pixels that an output pixel covers; default false. */
  antialias?: boolean;
  /** For "tf_crop_and_resize": [start, end] of each resized axis, from 0 to 1. */
  roi?: readonly (readonly [number, number])[];
  /** For "tf_crop_and_resize": the value outside of the picture; default 0. */
  extrapolationValue?: number;
}

/** How one axis is resized, everything spelled out. */
interface Axis {
  readonly size: number;
  readonly out: number;
  readonly scale: number;
  readonly roi: readonly [number, number];
}

/** Position k of the resized axis, in pixels of the input axis (0 = the middle of the first). */
function coordinate(mode: CoordinateMode, k: number, { size, out, scale, roi: [start, end] }: Axis): number {
  switch (mode) {
    case "half_pixel":
      return (k + 0.5) / scale - 0.5;
    case "half_pixel_symmetric": {
      // Where the size was rounded, the middles of both pictures still lie on each other.
      const adjustment = out / (scale * size);
      return (size / 2) * (1 - adjustment) + (k + 0.5) / scale - 0.5;
    }
    case "pytorch_half_pixel":
      return out > 1 ? (k + 0.5) / scale - 0.5 : 0;
    case "align_corners":
      return out > 1 ? (k * (size - 1)) / (out - 1) : 0;
    case "asymmetric":
      return k / scale;
    case "tf_crop_and_resize":
      if (out === 1) return 0.5 * (start + end) * (size - 1);
      return start * (size - 1) + (k * (end - start) * (size - 1)) / (out - 1);
    default:
      throw new UsageError(`resize: coordinates "${String(mode)}" are not known`);
  }
}

const roundings: Record<NearestMode, (c: number) => number> = {
  round_prefer_floor: (c) => Math.ceil(c - 0.5),
  round_prefer_ceil: (c) => Math.floor(c + 0.5),
  floor: Math.floor,
  ceil: Math.ceil,
};

/** The triangle of linear interpolation. */
const triangle = (d: number): number => Math.max(0, 1 - Math.abs(d));

/** Cubic convolution with coefficient a (Keys, 1981). */
export function cubicKernel(distance: number, a: number): number {
  const d = Math.abs(distance);
  if (d >= 2) return 0;
  return d <= 1 ? ((a + 2) * d - (a + 3)) * d * d + 1 : ((a * d - 5 * a) * d + 8 * a) * d - 4 * a;
}

/** The pixels around coordinate c with their weights; `stretch` > 1 widens the filter by so much. */
function filterTaps(c: number, size: number, stretch: number, options: ResizeOptions): Taps {
  const cubic = options.mode === "cubic";
  const reach = (cubic ? 2 : 1) * stretch;
  const weightOf = (d: number) => (cubic ? cubicKernel(d, options.cubicCoefficient ?? -0.75) : triangle(d));
  const merged = new Map<number, number>();
  let total = 0;
  for (let i = Math.ceil(c - reach); i <= c + reach; i++) {
    const weight = weightOf((i - c) / stretch);
    if (weight === 0 || (options.excludeOutside && (i < 0 || i >= size))) continue;
    const pixel = Math.min(Math.max(i, 0), size - 1);
    merged.set(pixel, (merged.get(pixel) ?? 0) + weight);
    total += weight;
  }
  const scale = options.antialias || options.excludeOutside ? 1 / (total || 1) : 1;
  return { from: [...merged.keys()], weights: [...merged.values()].map((w) => w * scale) };
}

function axisTaps(axis: Axis, options: ResizeOptions): Taps[] {
  const { mode = "nearest", coordinates = "half_pixel", nearest = "round_prefer_floor" } = options;
  const stretch = options.antialias ? Math.max(1, 1 / axis.scale) : 1;
  return Array.from({ length: axis.out }, (_, k) => {
    const c = coordinate(coordinates, k, axis);
    if (mode !== "nearest") return filterTaps(c, axis.size, stretch, options);
    return { from: [Math.min(Math.max(roundings[nearest](c), 0), axis.size - 1)], weights: [1] };
  });
}

/** 1 for outputs that lie in the picture, 0 for those outside: what "tf_crop_and_resize" replaces. */
function insideMask(axis: Axis): number[] {
  return Array.from({ length: axis.out }, (_, k) => {
    const c = coordinate("tf_crop_and_resize", k, axis);
    return Number(c >= 0 && c <= axis.size - 1);
  });
}

function spellOut(x: Tensor, axes: readonly number[], options: ResizeOptions): Axis[] {
  const { sizes, scales, roi } = options;
  const given = sizes ?? scales;
  if (given === undefined || (sizes && scales)) throw new UsageError("resize: give either sizes or scales");
  if (given.length !== axes.length) {
    throw new ShapeError(
      `resize: ${given.length} ${sizes ? "sizes" : "scales"} for the ${axes.length} axes [${axes.join(", ")}] of ${showShape(x.shape)}`,
    );
  }
  return axes.map((a, i) => {
    const size = x.shape[a]!;
    const scale = sizes ? sizes[i]! / size : scales![i]!;
    const out = sizes ? sizes[i]! : Math.floor(size * scale);
    if (!(Number.isInteger(out) && out > 0 && size > 0 && scale > 0)) {
      throw new ShapeError(
        `resize: axis ${a} of ${showShape(x.shape)} cannot become ${sizes ? out : `${size} · ${scale} rounded down`}; ` +
          "both sizes must be whole numbers ≥ 1",
      );
    }
    return { size, out, scale, roi: roi?.[i] ?? [0, 1] };
  });
}

/**
 * Any axes of x resized, with every choice of ONNX's Resize; `interpolate` is the same with PyTorch's options.
 *
 * Resizing is linear and works on each axis alone, so this is one fixed linear map per axis.
 *
 * @example
 * resize(picture, { sizes: [224, 224], mode: "linear", antialias: true })
 */
export function resize(x: Tensor, options: ResizeOptions): Tensor {
  if (options.mode !== undefined && !["nearest", "linear", "cubic"].includes(options.mode)) {
    throw new UsageError(`resize: mode "${String(options.mode)}" is not known; use "nearest", "linear" or "cubic"`);
  }
  if (options.nearest !== undefined && !(options.nearest in roundings)) {
    throw new UsageError(
      `resize: nearest "${String(options.nearest)}" is not known; use ${Object.keys(roundings).join(", ")}`,
    );
  }
  const axes = options.axes
    ? options.axes.map((a) => normalizeAxes(a, x.rank, "resize")[0]!)
    : x.shape.flatMap((_, k) => (k < 2 ? [] : [k]));
  if (new Set(axes).size !== axes.length) throw new ShapeError(`resize: an axis occurs twice in [${axes.join(", ")}]`);
  const spelled = spellOut(x, axes, options);
  let y = x;
  // Shrinking axes first is less work.
  const order = axes.map((_, i) => i).toSorted((i, j) => spelled[i]!.scale - spelled[j]!.scale);
  for (const i of order) y = alongAxis(y, axes[i]!, axisTaps(spelled[i]!, options));
  if (options.coordinates !== "tf_crop_and_resize") return y;
  for (const i of order) {
    const shape = y.shape.map((d, k) => (k === axes[i] ? d : 1));
    const inside = tensor(insideMask(spelled[i]!), { shape, dtype: "bool" });
    y = where(inside, y, options.extrapolationValue ?? 0);
  }
  return y;
}
