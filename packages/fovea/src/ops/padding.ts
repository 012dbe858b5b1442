import { ShapeError, UsageError } from "../base/errors.ts";
import { showShape } from "../base/shape.ts";
import { fromHost } from "../tensor/create.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { indexSelect } from "./gather.ts";
import { pad, slice } from "./movement.ts";
import type { Side } from "./windows.ts";

/**
 * What stands outside of a signal: `zeros`; the mirror image without (`reflect`) or with the edge (`symmetric`); the
 * edge itself (`replicate`); the signal again (`circular`).
 */
export type PaddingMode = "zeros" | "reflect" | "symmetric" | "replicate" | "circular";

export const paddingModes = ["zeros", "reflect", "symmetric", "replicate", "circular"] as const satisfies PaddingMode[];

/** Throws unless the mode is known. */
export function checkPaddingMode(mode: string, who: string): void {
  if ((paddingModes as readonly string[]).includes(mode)) return;
  throw new UsageError(`${who}: padding mode "${mode}" is not known; use ${paddingModes.join(", ")}`);
}

/** The position that stands at `i`, which may be outside of 0 … size − 1; −1 for a zero. */
export function sourceIndex(i: number, size: number, mode: PaddingMode): number {
  if (i >= 0 && i < size) return i;
  const wrap = (period: number) => ((i % period) + period) % period;
  switch (mode) {
    case "zeros":
      return -1;
    case "replicate":
      return i < 0 ? 0 : size - 1;
    case "circular":
      return wrap(size);
    case "symmetric": {
      const at = wrap(2 * size);
      return at < size ? at : 2 * size - 1 - at;
    }
    case "reflect": {
      const at = wrap(2 * size - 2);
      return at < size ? at : 2 * size - 2 - at;
    }
    default:
      return mode satisfies never;
  }
}

/** Throws where an axis has nothing to repeat. */
export function checkSource(size: number, mode: PaddingMode, describe: () => string): void {
  const least = mode === "zeros" ? 0 : mode === "reflect" ? 2 : 1;
  if (size >= least) return;
  throw new ShapeError(
    `${describe()}: ${mode} padding needs at least ${least} element${least > 1 ? "s" : ""} along an axis, there ` +
      `${size === 1 ? "is 1" : `are ${size}`}${size === 1 ? '; use "replicate" or "symmetric"' : ""}`,
  );
}

/**
 * Padding in any mode: one [before, after] for each of the last axes of x. Negative numbers cut off.
 *
 * More padding than there is signal goes on mirroring or repeating, as in NumPy.
 *
 * @example
 * padMode(x, [[1, 1], [2, 2]], "reflect") // [N, C, H, W] → [N, C, H + 2, W + 4]
 */
export function padMode(x: Tensor, padding: readonly Side[], mode: PaddingMode = "zeros"): Tensor {
  checkPaddingMode(mode, "padMode");
  const lead = x.rank - padding.length;
  const describe = () => `padMode: x ${showShape(x.shape)} with padding ${JSON.stringify(padding)}`;
  if (lead < 0) throw new ShapeError(`${describe()}: there are more pairs than axes`);
  const sides: Side[] = [...Array.from({ length: lead }, (): Side => [0, 0]), ...padding];
  sides.forEach(([before, after], axis) => {
    const size = x.shape[axis]!;
    if (!Number.isInteger(before) || !Number.isInteger(after) || Math.min(before, after, before + after) < -size) {
      throw new ShapeError(`${describe()}: both numbers must be whole and cut off no more than the ${size} elements`);
    }
    if (before > 0 || after > 0) checkSource(size, mode, describe);
  });
  if (mode === "zeros") return padZeros(x, sides);
  return sides.reduce((y, [before, after], axis) => {
    if (before === 0 && after === 0) return y;
    const size = x.shape[axis]!;
    const from = Int32Array.from({ length: size + before + after }, (_, i) => sourceIndex(i - before, size, mode));
    return indexSelect(y, fromHost(from, [from.length], "int32"), axis);
  }, x);
}

/** Zeros around x, or less of x where numbers are negative. */
function padZeros(x: Tensor, sides: readonly Side[]): Tensor {
  const cut = sides.some(([before, after]) => before < 0 || after < 0);
  const starts = sides.map(([before]) => Math.max(0, -before));
  const ends = sides.map(([, after], axis) => x.shape[axis]! - Math.max(0, -after));
  const rest = cut ? slice(x, starts, ends) : x;
  const more = sides.map(([before, after]): Side => [Math.max(0, before), Math.max(0, after)]);
  return more.some(([before, after]) => before + after > 0) ? pad(rest, more) : rest;
}
