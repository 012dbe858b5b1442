import { UsageError } from "../base/errors.ts";
import { cos, sin } from "../base/math.ts";
import { greyPlanes, planesOf, type Images } from "./images.ts";
import { matrix, type Matrix } from "./matrix.ts";

export interface LbpOptions {
  /** Neighbours on the circle; default 8. */
  readonly points?: number;
  /** Radius of the circle in pixels; default 1. */
  readonly radius?: number;
  /**
   * "default": the bits as a number, 2^points patterns; "ror": the smallest number that turning the bits gives;
   * "uniform": bits that change at most twice around the circle are counted, others are points + 1. Default "uniform".
   */
  readonly method?: "default" | "ror" | "uniform";
}

/**
 * Local binary patterns (Ojala, Pietikäinen, Mäenpää, 2002) with scikit-image's conventions: neighbour p is at the angle
 * 2πp / points, counter-clockwise from the right, read by bilinear interpolation, 0 outside; a bit is set where it is not
 * darker than the pixel. "ror" and "uniform" do not change when the image is turned.
 *
 * [N, C, H, W] → codes [N · H · W]; of several channels their mean is taken.
 */
export async function localBinaryPatterns(images: Images, options: LbpOptions = {}): Promise<Int32Array> {
  const { points = 8, radius = 1, method = "uniform" } = options;
  if (!Number.isInteger(points) || points < 2 || points > 24) {
    throw new UsageError(`localBinaryPatterns: points must be a whole number in 2 … 24, got ${points}`);
  }
  const planes = await planesOf(images, "localBinaryPatterns");
  const { count, height, width } = planes;
  const grey = greyPlanes(planes);
  const round = (v: number) => Math.round(v * 1e5) / 1e5;
  const circle = Array.from({ length: points }, (_, p) => {
    const angle = (2 * Math.PI * p) / points;
    return [round(-radius * sin(angle)), round(radius * cos(angle))] as const;
  });
  const codes = new Int32Array(count * height * width);
  const size = height * width;
  for (let n = 0, i = 0; n < count; n++) {
    const at = (r: number, c: number) =>
      r < 0 || r >= height || c < 0 || c >= width ? 0 : grey[n * size + r * width + c]!;
    for (let r = 0; r < height; r++) {
      for (let c = 0; c < width; c++, i++) {
        let bits = 0;
        for (let p = 0; p < points; p++) {
          const y = r + circle[p]![0];
          const x = c + circle[p]![1];
          const top = Math.floor(y);
          const left = Math.floor(x);
          // a + t (b − a) is exact where both are equal: a flat area stays flat.
          const upper = at(top, left) + (x - left) * (at(top, left + 1) - at(top, left));
          const lower = at(top + 1, left) + (x - left) * (at(top + 1, left + 1) - at(top + 1, left));
          if (upper + (y - top) * (lower - upper) >= grey[i]!) bits |= 1 << p;
        }
        codes[i] = method === "default" ? bits : method === "ror" ? smallestTurn(bits, points) : uniform(bits, points);
      }
    }
  }
  return codes;
}

/** How often each pattern occurs in each cell of a grid, as shares: [images, cells² · patterns]. */
export async function lbpHistograms(images: Images, options: LbpOptions & { cells?: number } = {}): Promise<Matrix> {
  const { points = 8, method = "uniform", cells = 1 } = options;
  const { count, height, width } = await planesOf(images, "lbpHistograms");
  if (height < cells || width < cells) {
    throw new UsageError(`lbpHistograms: images of ${height} × ${width} have no ${cells} × ${cells} cells`);
  }
  const codes = await localBinaryPatterns(images, options);
  const patterns = method === "uniform" ? points + 2 : 2 ** points;
  const found = matrix(count, cells * cells * patterns);
  for (let n = 0, i = 0; n < count; n++) {
    for (let r = 0; r < height; r++) {
      for (let c = 0; c < width; c++, i++) {
        const cell = Math.floor((r * cells) / height) * cells + Math.floor((c * cells) / width);
        found.values[(n * cells * cells + cell) * patterns + codes[i]!]!++;
      }
    }
    for (let k = n * cells * cells; k < (n + 1) * cells * cells; k++) {
      const histogram = found.values.subarray(k * patterns, (k + 1) * patterns);
      const pixels = histogram.reduce((a, b) => a + b, 0);
      for (let p = 0; p < patterns; p++) histogram[p]! /= pixels;
    }
  }
  return found;
}

function turn(bits: number, points: number): number {
  return (bits >>> 1) | ((bits & 1) << (points - 1));
}

function smallestTurn(bits: number, points: number): number {
  let least = bits;
  for (let p = 1, turned = bits; p < points; p++) {
    turned = turn(turned, points);
    least = Math.min(least, turned);
  }
  return least;
}

function uniform(bits: number, points: number): number {
  let changes = bits ^ turn(bits, points);
  let count = 0;
  for (; changes !== 0; changes &= changes - 1) count++;
  if (count > 2) return points + 1;
  let ones = 0;
  for (let rest = bits; rest !== 0; rest &= rest - 1) ones++;
  return ones;
}
