import { exp } from "../../base/math.ts";
import { insidePlaces } from "./window.ts";

/** A Gaussian at `size` places (odd) around 0, in steps of 1; the sum is 1. */
export function gaussianWeights(size: number, sigma: number): Float64Array {
  const half = (size - 1) / 2;
  const weights = Float64Array.from({ length: size }, (_, i) => exp(-0.5 * ((i - half) / sigma) ** 2));
  const total = weights.reduce((sum, w) => sum + w, 0);
  return weights.map((w) => w / total);
}

/** Interleaved values, weighed along rows by `across` and along columns by `down`; mirrored at the edges. */
export function smooth(
  values: ArrayLike<number>,
  width: number,
  height: number,
  channels: number,
  across: Float64Array,
  down: Float64Array,
): Float64Array {
  const row = width * channels;
  const wide = new Float64Array(row * height);
  const reach = (across.length - 1) / 2;
  const columns = insidePlaces(-reach, width + 2 * reach, width, "reflect");
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      for (let c = 0; c < channels; c++) {
        let sum = 0;
        for (let k = 0; k < across.length; k++) sum += across[k]! * values[y * row + columns[x + k]! * channels + c]!;
        wide[y * row + x * channels + c] = sum;
      }
    }
  }
  const out = new Float64Array(row * height);
  const deep = (down.length - 1) / 2;
  const rows = insidePlaces(-deep, height + 2 * deep, height, "reflect");
  for (let y = 0; y < height; y++) {
    for (let k = 0; k < down.length; k++) {
      const from = rows[y + k]! * row;
      const w = down[k]!;
      for (let i = 0; i < row; i++) out[y * row + i]! += w * wide[from + i]!;
    }
  }
  return out;
}
