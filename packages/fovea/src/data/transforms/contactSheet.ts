import { UsageError } from "../../base/errors.ts";
import { RandomStream } from "../../base/random.ts";
import { resizeImage } from "../image.ts";
import type { Dataset, Picture, Sample } from "../sample.ts";
import { compose } from "./compose.ts";
import { drawSample } from "./draw.ts";
import type { Transform } from "./transform.ts";

export interface ContactSheetOptions {
  /** Pictures in a row: the sample as it is, then as epochs 0, 1, … show it; default 8. */
  readonly columns?: number;
  /** Samples, from the first on or `indices`; default 6, or as many as there are. */
  readonly rows?: number;
  /** Which samples, in place of the first ones. */
  readonly indices?: readonly number[];
  /** The loader's seed: a `DataLoader` with it shows a network these very pictures; default 0. */
  readonly seed?: number | bigint;
  /** Side in pixels of the square that each picture is fitted into; default 160. */
  readonly cell?: number;
}

/** Space between pictures, in pixels. */
const GAP = 6;
const BACKGROUND = 24;

/**
 * What a transform makes of some samples, as one RGB picture: a row per sample, first as it is, then changed, with boxes,
 * masks and key points drawn in.
 */
export async function contactSheet(
  samples: Dataset | readonly Sample[],
  transform: Transform | readonly Transform[],
  options: ContactSheetOptions = {},
): Promise<Picture> {
  const { columns = 8, seed = 0, cell = 160 } = options;
  const rows = Math.min(options.rows ?? options.indices?.length ?? 6, options.indices?.length ?? samples.length);
  const indices = options.indices ?? Array.from({ length: rows }, (_, i) => i);
  for (const [name, value] of Object.entries({ columns, rows, cell })) {
    if (Number.isInteger(value) && value >= 1 && value <= 4096) continue;
    throw new UsageError(`contactSheet: ${name} must be a whole number in 1 … 4096, got ${value}`);
  }
  const change = Array.isArray(transform) ? compose(transform) : (transform as Transform);
  const random = new RandomStream(seed).fork("augment");
  const pitch = cell + GAP;
  const sheet = blank(columns * pitch + GAP, rows * pitch + GAP);
  for (const [row, index] of indices.slice(0, rows).entries()) {
    const sample = "sample" in samples ? await samples.sample(index) : samples[index];
    if (sample === undefined) throw new UsageError(`contactSheet: there is no sample ${index}`);
    for (let column = 0; column < columns; column++) {
      const shown = column === 0 ? sample : change.apply(sample, random.fork(column - 1).fork(index));
      place(fitted(shown, cell), sheet, GAP + column * pitch, GAP + row * pitch, cell);
    }
  }
  return sheet;
}

function blank(width: number, height: number): Picture {
  return { width, height, channels: 3, pixels: new Uint8Array(3 * width * height).fill(BACKGROUND) };
}

/** The sample with its parts drawn in, in RGB, so that it fits a square. Small pictures grow by whole steps. */
function fitted(sample: Sample, cell: number): Picture {
  const longer = Math.max(sample.image.width, sample.image.height);
  const scale = longer > cell ? cell / longer : Math.floor(cell / longer);
  const width = Math.max(1, Math.round(sample.image.width * scale));
  const height = Math.max(1, Math.round(sample.image.height * scale));
  const image = resizeImage(inRgb(sample.image), { width, height }, scale < 1 ? "bilinear" : "nearest");
  return drawSample(image, sample);
}

function inRgb({ width, height, channels, pixels }: Picture): Picture {
  const out = new Uint8Array(3 * width * height);
  for (let i = 0; i < width * height; i++) {
    for (let c = 0; c < 3; c++) out[3 * i + c] = pixels[i * channels + (channels >= 3 ? c : 0)]!;
  }
  return { width, height, channels: 3, pixels: out };
}

/** Copies a picture into the middle of a square of the sheet. */
function place({ width, height, pixels }: Picture, sheet: Picture, left: number, top: number, cell: number): void {
  const x = left + Math.floor((cell - width) / 2);
  const y = top + Math.floor((cell - height) / 2);
  for (let row = 0; row < height; row++) {
    const line = pixels.subarray(3 * row * width, 3 * (row + 1) * width);
    sheet.pixels.set(line, 3 * ((y + row) * sheet.width + x));
  }
}
