import type { Picture, Sample } from "../sample.ts";
import type { OptionCheck } from "./options.ts";
import { moveSample, type FlipPairs } from "./places.ts";
import { defineTransform } from "./transform.ts";

export interface FlipOptions {
  /** Chance that a sample is flipped; default 0.5. */
  readonly p?: number;
  /**
   * Names of key points that a mirror exchanges, as [["left eye", "right eye"], …]. Default null: names that differ by
   * "left" and "right" only. [] for none.
   */
  readonly flipPairs?: FlipPairs;
}

/** Mirrors left and right, with chance `p`. */
export const horizontalFlip = defineTransform<FlipOptions>(
  "horizontalFlip",
  { p: 0.5, flipPairs: null },
  (options, check) => {
    const { p, flipPairs } = checkFlip(options, check);
    return (sample, random) => (random.uniform() < p ? flipColumns(sample, flipPairs) : sample);
  },
);

/** Mirrors top and bottom, with chance `p`. Left and right change here too: it is a mirror image. */
export const verticalFlip = defineTransform<FlipOptions>(
  "verticalFlip",
  { p: 0.5, flipPairs: null },
  (options, check) => {
    const { p, flipPairs } = checkFlip(options, check);
    return (sample, random) => (random.uniform() < p ? flipRows(sample, flipPairs) : sample);
  },
);

function checkFlip({ p, flipPairs }: Required<FlipOptions>, check: OptionCheck): Required<FlipOptions> {
  const pairs = flipPairs as unknown;
  const isPair = (v: unknown) => Array.isArray(v) && v.length === 2 && v.every((name) => typeof name === "string");
  if (pairs !== null && !(Array.isArray(pairs) && pairs.every(isPair))) {
    check.fail("flipPairs", "a list of pairs of names, or null", pairs);
  }
  return { p: check.probability("p", p), flipPairs };
}

function flipColumns(sample: Sample, flipPairs: FlipPairs): Sample {
  const { width } = sample.image;
  return moveSample(sample, {
    image: mirrorColumns(sample.image),
    mask: mirrorColumns,
    point: (x, y) => [width - x, y],
    flipPairs,
  });
}

function flipRows(sample: Sample, flipPairs: FlipPairs): Sample {
  const { height } = sample.image;
  return moveSample(sample, {
    image: mirrorRows(sample.image),
    mask: mirrorRows,
    point: (x, y) => [x, height - y],
    flipPairs,
  });
}

function mirrorColumns({ width, height, channels, pixels }: Picture): Picture {
  const out = new Uint8Array(pixels.length);
  const row = width * channels;
  for (let start = 0; start < out.length; start += row) {
    for (let from = start, to = start + row - channels; from < start + row; from += channels, to -= channels) {
      for (let c = 0; c < channels; c++) out[to + c] = pixels[from + c]!;
    }
  }
  return { width, height, channels, pixels: out };
}

function mirrorRows({ width, height, channels, pixels }: Picture): Picture {
  const out = new Uint8Array(pixels.length);
  const row = width * channels;
  for (let y = 0; y < height; y++) out.set(pixels.subarray(y * row, (y + 1) * row), (height - 1 - y) * row);
  return { width, height, channels, pixels: out };
}
