import { ShapeError, UsageError } from "../base/errors.ts";
import { showShape, type Shape } from "../base/shape.ts";

/** A number for both axes, or [vertical, horizontal]. */
export type Pair = number | readonly [number, number];

/**
 * Zeros around a picture: one number for all sides, [vertical, horizontal], [[top, bottom], [left, right]],
 * `"valid"` = none, `"same"` = as many as give ⌈size / stride⌉ outputs, the extra one at the end (TensorFlow's rule),
 * `"full"` = every position where kernel and picture touch.
 */
export type Padding2d =
  | number
  | readonly [number, number]
  | readonly [readonly [number, number], readonly [number, number]]
  | "same"
  | "valid"
  | "full";

/** [[top, bottom], [left, right]] */
export type Sides = readonly [readonly [number, number], readonly [number, number]];

/** How windows move over a picture, everything spelled out: [vertical, horizontal]. */
export type WindowAttrs = {
  readonly stride: readonly [number, number];
  readonly padding: Sides;
  readonly dilation: readonly [number, number];
};

const axisNames = ["rows", "columns"] as const;

/** Both numbers of a pair, checked to be whole and at least `least`. */
export function pairOf(value: Pair, least: number, who: string): [number, number] {
  const pair: [number, number] = typeof value === "number" ? [value, value] : [value[0], value[1]];
  if (!pair.every((v) => Number.isInteger(v) && v >= least)) {
    throw new UsageError(`${who} must be a whole number ≥ ${least} or two of them, got ${JSON.stringify(value)}`);
  }
  return pair;
}

/** The padding of each side in numbers; `size`, `kernel`, `stride` and `dilation` decide the named rules. */
export function resolvePadding(
  padding: Padding2d,
  size: readonly [number, number],
  kernel: readonly [number, number],
  { stride, dilation }: Pick<WindowAttrs, "stride" | "dilation">,
  who: string,
): Sides {
  const rule = (axis: 0 | 1): [number, number] => {
    const reach = dilation[axis] * (kernel[axis] - 1);
    if (padding === "valid") return [0, 0];
    if (padding === "full") return [reach, reach];
    if (padding === "same") {
      const outputs = Math.ceil(size[axis] / stride[axis]);
      const total = Math.max(0, (outputs - 1) * stride[axis] + reach + 1 - size[axis]);
      return [Math.floor(total / 2), Math.ceil(total / 2)];
    }
    const side = typeof padding === "number" ? padding : padding[axis];
    return pairOf(side!, 0, `${who}: padding`);
  };
  if (typeof padding === "string" && !["same", "valid", "full"].includes(padding)) {
    throw new UsageError(`${who}: padding "${String(padding)}" is not known; use "same", "valid", "full" or numbers`);
  }
  return [rule(0), rule(1)];
}

/** Output rows and columns of windows over a picture; throws with the law and its numbers where there are none. */
export function outputSize(
  size: readonly [number, number],
  kernel: readonly [number, number],
  { stride, padding, dilation }: WindowAttrs,
  ceilMode: boolean,
  describe: () => string,
): [number, number] {
  return [0, 1].map((axis) => {
    const [before, after] = padding[axis]!;
    const extent = dilation[axis]! * (kernel[axis]! - 1) + 1;
    const room = size[axis]! + before + after - extent;
    const windows = Math.floor(room / stride[axis]!) + 1;
    if (room < 0) {
      const pads = before === after ? `2·${before}` : `${before} + ${after}`;
      const span = dilation[axis] === 1 ? `${extent}` : `(${dilation[axis]}·(${kernel[axis]} − 1) + 1)`;
      throw new ShapeError(
        `${describe()} leaves no output ${axisNames[axis]!}: ` +
          `(${size[axis]} + ${pads} − ${span})/${stride[axis]} + 1 = ${String(windows).replace("-", "−")}`,
      );
    }
    if (!ceilMode) return windows;
    const up = Math.ceil(room / stride[axis]!) + 1;
    // A window that would start in the padding after the end is left out, as in PyTorch.
    return (up - 1) * stride[axis]! >= size[axis]! + before ? up - 1 : up;
  }) as [number, number];
}

/** Batch, channels, height, width; throws unless the tensor is a batch of pictures. */
export function pictures(shape: Shape, who: string): readonly [number, number, number, number] {
  if (shape.length !== 4) throw new ShapeError(`${who}: needs [N, C, H, W], got ${showShape(shape)}`);
  return shape as unknown as readonly [number, number, number, number];
}
