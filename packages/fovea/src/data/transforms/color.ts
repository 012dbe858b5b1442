import type { Picture } from "../sample.ts";
import { adjustBrightness, adjustContrast, adjustHue, adjustSaturation } from "./adjust.ts";
import { between } from "./affine.ts";
import type { OptionCheck } from "./options.ts";
import { byteTable, colorChannels, luma, mapBytes, withImage } from "./tables.ts";
import { defineTransform } from "./transform.ts";

export interface ColorJitterOptions {
  /** A number n stands for factors from max(0, 1 − n) to 1 + n; or [low, high]. Default 0: not changed. */
  readonly brightness?: number | readonly [low: number, high: number];
  /** As `brightness`. */
  readonly contrast?: number | readonly [low: number, high: number];
  /** As `brightness`. */
  readonly saturation?: number | readonly [low: number, high: number];
  /** Turns of the colour circle, from −n … n with n ≤ 0.5, or [low, high]; default 0. */
  readonly hue?: number | readonly [low: number, high: number];
}

/** Random brightness, contrast, saturation and hue, in random order; as torchvision's `ColorJitter`. */
export const colorJitter = defineTransform<ColorJitterOptions>(
  "colorJitter",
  { brightness: 0, contrast: 0, saturation: 0, hue: 0 },
  (options, check) => {
    const factor = (option: "brightness" | "contrast" | "saturation") => {
      const value = options[option];
      if (typeof value !== "number") return check.range(option, value, 0, 100);
      const n = check.number(option, value, 0, 100);
      return [Math.max(0, 1 - n), 1 + n] as const;
    };
    const steps: readonly (readonly [
      (p: Picture, f: number) => Picture,
      range: readonly [number, number],
      idle: number,
    ])[] = [
      [adjustBrightness, factor("brightness"), 1],
      [adjustContrast, factor("contrast"), 1],
      [adjustSaturation, factor("saturation"), 1],
      [adjustHue, hueRange(options.hue, check), 0],
    ];
    return (sample, random) => {
      let { image } = sample;
      for (const k of random.permutation(4)) {
        const [adjust, [low, high], idle] = steps[k]!;
        if (low !== idle || high !== idle) image = adjust(image, between(low, high, random));
      }
      return withImage(sample, image);
    };
  },
);

function hueRange(hue: unknown, check: OptionCheck): readonly [number, number] {
  if (typeof hue !== "number") return check.range("hue", hue, -0.5, 0.5);
  const n = check.number("hue", hue, 0, 0.5);
  return [-n, n];
}

export interface GrayscaleOptions {
  /** Chance that a sample loses its colours; default 1. */
  readonly p?: number;
}

/** Grey instead of colours (ITU-R 601 luma); the picture keeps its channels. */
export const grayscale = defineTransform<GrayscaleOptions>("grayscale", { p: 1 }, (options, check) => {
  const p = check.probability("p", options.p);
  return (sample, random) => (random.uniform() < p ? withImage(sample, greyed(sample.image)) : sample);
});

export function greyed(picture: Picture): Picture {
  if (colorChannels(picture) < 3) return picture;
  const { channels } = picture;
  const pixels = picture.pixels.slice();
  for (let i = 0; i < pixels.length; i += channels) {
    pixels.fill(luma(pixels[i]!, pixels[i + 1]!, pixels[i + 2]!), i, i + 3);
  }
  return { ...picture, pixels };
}

export interface LightingOptions {
  /** Standard deviation of the share of each component that is added; default 0.1. */
  readonly alphaStd?: number;
}

/** Eigenvalues and eigenvectors (columns) of the colours of ImageNet's pixels in 0 … 1; the numbers of fb.resnet.torch. */
const colorVariances = [0.2175, 0.0188, 0.0045] as const;
const colorComponents = [
  [-0.5675, 0.7192, 0.4009],
  [-0.5808, -0.0045, -0.814],
  [-0.5836, -0.6948, 0.4203],
] as const;

/**
 * AlexNet's change of light (Krizhevsky, Sutskever and Hinton, 2012): adds random multiples of the principal components
 * of ImageNet's colours to all pixels. A picture without three colours stays as it is.
 */
export const lighting = defineTransform<LightingOptions>("lighting", { alphaStd: 0.1 }, (options, check) => {
  const std = check.number("alphaStd", options.alphaStd, 0, 100);
  return (sample, random) => {
    const shares = colorVariances.map((variance) => random.normal() * std * variance * 255);
    if (colorChannels(sample.image) < 3) return sample;
    const tables = colorComponents.map((row) => {
      const more = row[0] * shares[0]! + row[1] * shares[1]! + row[2] * shares[2]!;
      return byteTable((byte) => byte + more + 0.5);
    });
    return withImage(sample, mapBytes(sample.image, tables));
  };
});
