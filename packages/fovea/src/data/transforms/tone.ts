import type { Picture } from "../sample.ts";
import { adjustSharpness, autocontrasted, equalized, posterized, solarized } from "./adjust.ts";
import { between } from "./affine.ts";
import { gaussianWeights, smooth } from "./gaussian.ts";
import type { OptionCheck } from "./options.ts";
import { byteTable, mapBytes, withImage } from "./tables.ts";
import { defineTransform, type Transform } from "./transform.ts";

export interface ChanceOption {
  /** Chance that a sample is changed; default 0.5. */
  readonly p?: number;
}

/** Applies `change` with chance `p`. */
function byChance(p: unknown, check: OptionCheck, change: (picture: Picture) => Picture): Transform["apply"] {
  const chance = check.probability("p", p);
  return (sample, random) => (random.uniform() < chance ? withImage(sample, change(sample.image)) : sample);
}

export type AutocontrastOptions = ChanceOption;

/** Stretches each colour so that its darkest byte becomes 0 and its lightest 255. */
export const autocontrast = defineTransform<AutocontrastOptions>("autocontrast", { p: 0.5 }, ({ p }, check) =>
  byChance(p, check, autocontrasted),
);

export type EqualizeOptions = ChanceOption;

/** Spreads the bytes of each colour so that all are about equally frequent. */
export const equalize = defineTransform<EqualizeOptions>("equalize", { p: 0.5 }, ({ p }, check) =>
  byChance(p, check, equalized),
);

export type InvertOptions = ChanceOption;

/** The negative: 255 − byte. */
export const invert = defineTransform<InvertOptions>("invert", { p: 0.5 }, ({ p }, check) =>
  byChance(p, check, (picture) =>
    mapBytes(
      picture,
      byteTable((byte) => 255 - byte),
    ),
  ),
);

export interface PosterizeOptions extends ChanceOption {
  /** Bits of each byte that stay, 0 … 8. */
  readonly bits: number;
}

/** Keeps the highest bits of each byte. */
export const posterize = defineTransform<PosterizeOptions>(
  "posterize",
  { bits: undefined, p: 0.5 },
  (options, check) => {
    const bits = check.whole("bits", options.bits, 0, 8);
    return byChance(options.p, check, (picture) => posterized(picture, bits));
  },
);

export interface SolarizeOptions extends ChanceOption {
  /** Bytes from here on turn into their opposites, 0 … 256; default 128. */
  readonly threshold?: number;
}

/** Turns light bytes into their opposites. */
export const solarize = defineTransform<SolarizeOptions>("solarize", { threshold: 128, p: 0.5 }, (options, check) => {
  const threshold = check.number("threshold", options.threshold, 0, 256);
  return byChance(options.p, check, (picture) => solarized(picture, threshold));
});

export interface SharpnessOptions extends ChanceOption {
  /** 0 is smoothed, 1 the picture, 2 sharpened; a number, or [low, high] to draw from. */
  readonly factor: number | readonly [low: number, high: number];
}

/** Sharper or softer. */
export const sharpness = defineTransform<SharpnessOptions>(
  "sharpness",
  { factor: undefined, p: 0.5 },
  (options, check) => {
    const p = check.probability("p", options.p);
    const [low, high] = numberOrRange("factor", options.factor, 0, 100, check);
    return (sample, random) =>
      random.uniform() < p ? withImage(sample, adjustSharpness(sample.image, between(low, high, random))) : sample;
  },
);

export interface GaussianBlurOptions {
  /** Pixels of the filter, odd; one number or [height, width]. */
  readonly kernelSize: number | readonly [height: number, width: number];
  /** Standard deviation in pixels, a number or [low, high] to draw from; default [0.1, 2]. */
  readonly sigma?: number | readonly [low: number, high: number];
  /** Chance that a sample is changed; default 1. */
  readonly p?: number;
}

/** Weighs neighbours by a Gaussian; the picture is mirrored at its edges. */
export const gaussianBlur = defineTransform<GaussianBlurOptions>(
  "gaussianBlur",
  { kernelSize: undefined, sigma: [0.1, 2], p: 1 },
  (options, check) => {
    const [height, width] = check.size("kernelSize", options.kernelSize);
    if (height % 2 === 0 || width % 2 === 0 || Math.max(height, width) > 999) {
      check.fail("kernelSize", "odd and < 1000", options.kernelSize);
    }
    const [low, high] = numberOrRange("sigma", options.sigma, 1e-3, 1e3, check);
    const p = check.probability("p", options.p);
    return (sample, random) => {
      if (random.uniform() >= p) return sample;
      const sigma = between(low, high, random);
      return withImage(sample, blurred(sample.image, [height, width], sigma));
    };
  },
);

export function blurred(picture: Picture, [down, across]: readonly [number, number], sigma: number): Picture {
  const { width, height, channels } = picture;
  const values = smooth(
    picture.pixels,
    width,
    height,
    channels,
    gaussianWeights(across, sigma),
    gaussianWeights(down, sigma),
  );
  return { ...picture, pixels: Uint8Array.from(values, Math.round) };
}

function numberOrRange(
  option: string,
  value: unknown,
  low: number,
  high: number,
  check: OptionCheck,
): readonly [number, number] {
  if (typeof value !== "number") return check.range(option, value, low, high);
  const n = check.number(option, value, low, high);
  return [n, n];
}
