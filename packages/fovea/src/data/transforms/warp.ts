import type { Interpolation } from "../image.ts";
import type { Picture, Sample } from "../sample.ts";
import { moveSample, UNKNOWN_CLASS, type FlipPairs } from "./places.ts";

/** Where the pixels of a result come from. */
export interface Source {
  /** Source places of the middles of the pixels of row y. */
  row(y: number, xs: Float64Array, ys: Float64Array): void;
  /** Where a place of the source goes. */
  point(x: number, y: number): readonly [x: number, y: number];
}

export interface WarpOptions {
  /** Size of the result; default: the picture's. */
  readonly size?: { readonly width: number; readonly height: number };
  readonly interpolation: Interpolation;
  readonly fillFor: (channels: number) => Uint8Array;
  readonly minVisibility: number;
  readonly edgePoints?: number;
  readonly flipPairs?: FlipPairs;
}

/** A sample as seen through `source`: its picture by `interpolation`, its mask by the nearest pixel. */
export function warpSample(sample: Sample, source: Source, options: WarpOptions): Sample {
  const { size = sample.image, interpolation, fillFor, ...rest } = options;
  return moveSample(sample, {
    image: warp(sample.image, source, size, interpolation, fillFor(sample.image.channels)),
    mask: (classes) => warp(classes, source, size, "nearest", Uint8Array.of(UNKNOWN_CLASS)),
    point: (x, y) => source.point(x, y),
    ...rest,
  });
}

/**
 * The picture seen through `source`, as Pillow's `Image.transform` makes it: bytes are cut off, not rounded, "bicubic" is
 * Keys' with a = −1, and a pixel whose source place is outside of the picture gets `fill`.
 */
export function warp(
  picture: Picture,
  source: Source,
  { width, height }: { readonly width: number; readonly height: number },
  interpolation: Interpolation,
  fill: Uint8Array,
): Picture {
  const { channels } = picture;
  const pixels = new Uint8Array(width * height * channels);
  const xs = new Float64Array(width);
  const ys = new Float64Array(width);
  const sampleRow = rowSamplers[interpolation];
  for (let y = 0; y < height; y++) {
    source.row(y, xs, ys);
    sampleRow(picture, xs, ys, fill, pixels, y * width * channels);
  }
  return { width, height, channels, pixels };
}

type RowSampler = (
  picture: Picture,
  xs: Float64Array,
  ys: Float64Array,
  fill: Uint8Array,
  out: Uint8Array,
  start: number,
) => void;

const rowSamplers: Record<Interpolation, RowSampler> = {
  nearest: nearestRow,
  bilinear: bilinearRow,
  bicubic: bicubicRow,
};

function nearestRow(
  { width, height, channels, pixels }: Picture,
  xs: Float64Array,
  ys: Float64Array,
  fill: Uint8Array,
  out: Uint8Array,
  start: number,
): void {
  for (let i = 0, to = start; i < xs.length; i++) {
    const [x, y] = [xs[i]!, ys[i]!];
    if (x >= 0 && x < width && y >= 0 && y < height) {
      const from = (Math.trunc(y) * width + Math.trunc(x)) * channels;
      for (let c = 0; c < channels; c++) out[to++] = pixels[from + c]!;
    } else {
      for (let c = 0; c < channels; c++) out[to++] = fill[c]!;
    }
  }
}

function bilinearRow(
  { width, height, channels, pixels }: Picture,
  xs: Float64Array,
  ys: Float64Array,
  fill: Uint8Array,
  out: Uint8Array,
  start: number,
): void {
  for (let i = 0, to = start; i < xs.length; i++) {
    if (!(xs[i]! >= 0 && xs[i]! < width && ys[i]! >= 0 && ys[i]! < height)) {
      for (let c = 0; c < channels; c++) out[to++] = fill[c]!;
      continue;
    }
    const [x, y] = [xs[i]! - 0.5, ys[i]! - 0.5];
    const [x0, y0] = [Math.floor(x), Math.floor(y)];
    const [dx, dy] = [x - x0, y - y0];
    const left = (x0 < 0 ? 0 : x0) * channels;
    const right = (x0 + 1 < width ? x0 + 1 : x0) * channels;
    const upper = (y0 < 0 ? 0 : y0) * width * channels;
    const lower = (y0 + 1 < height ? y0 + 1 : y0) * width * channels;
    for (let c = 0; c < channels; c++) {
      const p = pixels[upper + left + c]!;
      const q = pixels[lower + left + c]!;
      const top = p + (pixels[upper + right + c]! - p) * dx;
      const bottom = q + (pixels[lower + right + c]! - q) * dx;
      out[to++] = top + (bottom - top) * dy; // positive: the store cuts off
    }
  }
}

function bicubicRow(
  { width, height, channels, pixels }: Picture,
  xs: Float64Array,
  ys: Float64Array,
  fill: Uint8Array,
  out: Uint8Array,
  start: number,
): void {
  const columns = new Int32Array(4);
  const rows = new Int32Array(4);
  const lines = new Float64Array(4);
  for (let i = 0, to = start; i < xs.length; i++) {
    if (!(xs[i]! >= 0 && xs[i]! < width && ys[i]! >= 0 && ys[i]! < height)) {
      for (let c = 0; c < channels; c++) out[to++] = fill[c]!;
      continue;
    }
    const [x, y] = [xs[i]! - 0.5, ys[i]! - 0.5];
    const [x0, y0] = [Math.floor(x), Math.floor(y)];
    for (let k = 0; k < 4; k++) {
      columns[k] = Math.min(Math.max(x0 - 1 + k, 0), width - 1) * channels;
      rows[k] = Math.min(Math.max(y0 - 1 + k, 0), height - 1) * width * channels;
    }
    for (let c = 0; c < channels; c++) {
      for (let k = 0; k < 4; k++) {
        const at = rows[k]! + c;
        lines[k] = cubic(
          pixels[at + columns[0]!]!,
          pixels[at + columns[1]!]!,
          pixels[at + columns[2]!]!,
          pixels[at + columns[3]!]!,
          x - x0,
        );
      }
      const value = cubic(lines[0]!, lines[1]!, lines[2]!, lines[3]!, y - y0);
      out[to++] = value <= 0 ? 0 : value >= 255 ? 255 : value;
    }
  }
}

/** Between b and c, a share d of the way. */
function cubic(a: number, b: number, c: number, d: number, t: number): number {
  return b + t * (c - a + t * (2 * (a - b) + c - d + t * (b - a - c + d)));
}
