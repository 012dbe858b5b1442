import { ShapeError, UsageError } from "../base/errors.ts";
import { isCount, MOST, showShape, sizeOf, type Shape } from "../base/shape.ts";

/**
 * The one place of size laws: how windows of convolutions and pools cover an axis, for any number of axes.
 *
 * Types are per rank for users (`Pair`, `Padding2d`); the functions take lists with one entry per axis and give lists
 * of the same length.
 */

/** A number for the axis, also as a list of one. */
export type Single = number | readonly [number];
/** A number for both axes, or [vertical, horizontal]. */
export type Pair = number | readonly [number, number];
/** A number for all axes, or [depth, vertical, horizontal]. */
export type Triple = number | readonly [number, number, number];

/** Padding before and after one axis. */
export type Side = readonly [number, number];

/**
 * Rules for padding by name: `"valid"` = none, `"same"` = as many as give ⌈size / stride⌉ outputs, the extra one at the
 * end (TensorFlow's rule: what the stride leaves over is not padded for), `"sameSymmetric"` = dilation·(kernel − 1) in
 * all, whatever the stride, which is (kernel − 1)/2 on both sides of an odd kernel (PyTorch's rule; the extra one of an
 * even kernel at the end), `"full"` = every position where kernel and picture touch.
 */
export type PaddingRule = "same" | "sameSymmetric" | "valid" | "full";

/** One number, [[before, after]], a rule, or `"causal"`: all before, so that no output sees a later input. */
export type Padding1d = Single | readonly [Side] | PaddingRule | "causal";

/**
 * Zeros around a picture: one number for all sides, [vertical, horizontal], [[top, bottom], [left, right]], or a rule by
 * name (see `PaddingRule`).
 */
export type Padding2d = Pair | readonly [Side, Side] | PaddingRule;

/** One number, [depth, vertical, horizontal], [[front, back], [top, bottom], [left, right]], or a rule by name. */
export type Padding3d = Triple | readonly [Side, Side, Side] | PaddingRule;

/** Padding of any number of axes. */
export type Padding = number | readonly (number | Side)[] | PaddingRule | "causal";

/** [[top, bottom], [left, right]] */
export type Sides = readonly [Side, Side];

/** One T for every entry of a list. */
type Each<L extends readonly unknown[], T> = { [K in keyof L]: T };

/** How windows move over any number of axes, everything spelled out. */
export type Windows = {
  readonly stride: readonly number[];
  readonly padding: readonly Side[];
  readonly dilation: readonly number[];
};

/** How windows move over a picture, everything spelled out: [vertical, horizontal]. */
export type WindowAttrs = {
  readonly stride: readonly [number, number];
  readonly padding: Sides;
  readonly dilation: readonly [number, number];
};

const axisNames = [["positions"], ["rows", "columns"], ["planes", "rows", "columns"]] as const;
const howMany = ["none", "one", "two", "three"] as const;
const rules: readonly string[] = ["same", "sameSymmetric", "valid", "full"] satisfies PaddingRule[];

/** The number for every axis, checked to be whole and at least `least`. */
export function sizesOf(value: number | readonly number[], axes: number, least: number, who: string): number[] {
  const list = typeof value === "number" ? Array<number>(axes).fill(value) : value.slice();
  if (typeof value === "number" ? isCount(value, least) : fits(list, axes, least)) return list;
  const whole = list.every((v) => Number.isInteger(v) && v >= least);
  const several = axes === 1 ? "" : ` or ${howMany[axes] ?? axes} of them`;
  const range = whole && list.length === axes ? `${least} … 2^31 − 1` : `≥ ${least}`;
  throw new UsageError(`${who} must be a whole number ${range}${several}, got ${JSON.stringify(value)}`);
}

const fits = (list: readonly number[], axes: number, least: number): boolean =>
  list.length === axes && list.every((v) => isCount(v, least));

/** Both numbers of a pair, checked to be whole and at least `least`. */
export function pairOf(value: Pair, least: number, who: string): [number, number] {
  return sizesOf(value, 2, least, who) as [number, number];
}

/** The padding of each side in numbers; `size`, `kernel`, `stride` and `dilation` decide the named rules. */
export function resolvePadding<const L extends readonly number[]>(
  padding: Padding,
  size: L,
  kernel: readonly number[],
  { stride, dilation }: Pick<Windows, "stride" | "dilation">,
  who: string,
): Each<L, Side> {
  if (typeof padding === "string") {
    const known = size.length === 1 ? [...rules, "causal"] : rules;
    if (!known.includes(padding)) {
      const names = known.map((name) => `"${name}"`).join(", ");
      throw new UsageError(`${who}: padding "${padding}" is not known; use ${names} or numbers`);
    }
  } else if (typeof padding !== "number" && padding.length !== size.length) {
    throw new UsageError(
      `${who}: padding must be one number, ${size.length} of them or ${size.length} pairs [before, after], ` +
        `got ${JSON.stringify(padding)}`,
    );
  }
  const rule = (_: number, axis: number): Side => {
    const reach = dilation[axis]! * (kernel[axis]! - 1);
    if (padding === "valid") return [0, 0];
    if (padding === "full") return [reach, reach];
    if (padding === "causal") return [reach, 0];
    if (padding === "sameSymmetric") return [Math.floor(reach / 2), Math.ceil(reach / 2)];
    if (padding === "same") {
      const outputs = Math.ceil(size[axis]! / stride[axis]!);
      const total = Math.max(0, (outputs - 1) * stride[axis]! + reach + 1 - size[axis]!);
      return [Math.floor(total / 2), Math.ceil(total / 2)];
    }
    const side = typeof padding === "number" ? padding : (padding[axis] as number | Side);
    return pairOf(side, 0, `${who}: padding`);
  };
  return size.map(rule) as Each<L, Side>;
}

/** Throws unless every number of a geometry is in its domain: kernels, strides, dilations ≥ 1, padding ≥ 0. */
export function checkWindows(kernel: readonly number[], { stride, padding, dilation }: Windows, who: string): void {
  const axes = kernel.length;
  sizesOf(kernel, axes, 1, `${who}: kernel size`);
  sizesOf(stride, axes, 1, `${who}: stride`);
  sizesOf(dilation, axes, 1, `${who}: dilation`);
  if (padding.length !== axes) {
    throw new UsageError(`${who}: padding needs ${axes} pairs [before, after], got ${JSON.stringify(padding)}`);
  }
  for (const side of padding) pairOf(side, 0, `${who}: padding`);
}

/** Outputs of windows along each axis; throws with the law and its numbers where there are none. */
export function outputSize<const L extends readonly number[]>(
  size: L,
  kernel: readonly number[],
  { stride, padding, dilation }: Windows,
  ceilMode: boolean,
  describe: () => string,
): Each<L, number> {
  return size.map((length, axis) => {
    const [before, after] = padding[axis]!;
    const extent = dilation[axis]! * (kernel[axis]! - 1) + 1;
    const room = length + before + after - extent;
    const windows = Math.floor(room / stride[axis]!) + 1;
    if (length + before + after > MOST || extent > MOST) {
      throw new ShapeError(
        `${describe()}: ${length} + ${before} + ${after} ${axisName(size, axis)} under a window of ${extent}; ` +
          "at most 2^31 − 1 can be counted",
      );
    }
    if (room < 0) {
      const pads = before === after ? `2·${before}` : `${before} + ${after}`;
      const span = dilation[axis] === 1 ? `${extent}` : `(${dilation[axis]}·(${kernel[axis]} − 1) + 1)`;
      throw new ShapeError(
        `${describe()} leaves no output ${axisName(size, axis)}: ` +
          `(${length} + ${pads} − ${span})/${stride[axis]} + 1 = ${String(windows).replace("-", "−")}` +
          `; use a kernel of at most ${Math.floor((length + before + after - 1) / dilation[axis]!) + 1} there` +
          `, or padding of at least ${Math.ceil((extent - length) / 2)} on both sides`,
      );
    }
    if (!ceilMode) return windows;
    const up = Math.ceil(room / stride[axis]!) + 1;
    // A window that would start in the padding after the end is left out, as in PyTorch.
    return (up - 1) * stride[axis]! >= length + before ? up - 1 : up;
  }) as Each<L, number>;
}

/** What is counted along an axis: rows, columns. */
export function axisName(size: readonly number[], axis: number): string {
  return axisNames[size.length - 1]?.[axis] ?? `sizes along axis ${axis}`;
}

/** Batch, channels, height, width; throws unless the tensor is a batch of pictures. */
export function pictures(shape: Shape, who: string): readonly [number, number, number, number] {
  if (shape.length !== 4) {
    throw new ShapeError(`${who}: needs [N, C, H, W], got ${showShape(shape)}${missingAxes(shape, 2)}`);
  }
  return shape as unknown as readonly [number, number, number, number];
}

const layouts = ["[N, C, L]", "[N, C, H, W]", "[N, C, D, H, W]"] as const;

/** Batch, channels and the other sizes; throws unless there are `axes` of those. */
export function signals(shape: Shape, axes: number, who: string): { batch: number; channels: number; size: number[] } {
  if (shape.length !== axes + 2) {
    throw new ShapeError(`${who}: needs ${layouts[axes - 1]}, got ${showShape(shape)}${missingAxes(shape, axes)}`);
  }
  return { batch: shape[0]!, channels: shape[1]!, size: shape.slice(2) };
}

/** What to do about a shape that is not [N, C, ...sizes]. */
function missingAxes(shape: Shape, axes: number): string {
  if (shape.length === axes + 1) {
    return "; unsqueeze(0) adds a missing batch axis, unsqueeze(1) a missing channel axis";
  }
  const side = Math.sqrt(shape[1] ?? 0);
  if (axes === 2 && shape.length === 2 && Number.isInteger(side) && side > 1) {
    return `; if these are flattened pictures, reshape([${shape[0]}, 1, ${side}, ${side}]) gives them their axes back`;
  }
  return shape.length === axes + 3 && shape.includes(1) ? "; squeeze takes away an axis of size 1" : "";
}

/** A hint where x has its channels at the end: the axes that bring them to the front. */
export function channelsLastHint(shape: Shape, channels: number): string {
  if (shape.length < 3 || shape[1] === channels || shape.at(-1) !== channels || sizeOf(shape) === 0) return "";
  const last = shape.length - 1;
  const sizes = ["", "", "", "L", "H, W", "D, H, W"][shape.length] ?? "…";
  const order = [0, last, ...Array.from({ length: last - 1 }, (_, i) => i + 1)];
  return `; x looks like [N, ${sizes}, C]: use permute(${showShape(order)})`;
}
