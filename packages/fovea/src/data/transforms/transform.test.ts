import { isDeepStrictEqual } from "node:util";
import { describe, expect, it } from "vitest";
import { UsageError } from "../../base/errors.ts";
import { RandomStream } from "../../base/random.ts";
import type { Sample } from "../sample.ts";
import { builtIn, transformFrom } from "./registry.ts";
import * as audio from "../audio/index.ts";
import * as transforms from "./index.ts";
import type { Transform } from "./transform.ts";

/** One or more of each transform of pictures: a missing one is a compile error. */
const t = transforms;
const examples = {
  affine: [t.affine({ degrees: 30, translate: [0.2, 0.1], scale: [0.5, 2], shear: [-10, 10, -5, 5] })],
  autocontrast: [t.autocontrast()],
  centerCrop: [t.centerCrop({ size: 7 })],
  colorJitter: [t.colorJitter({ brightness: 0.4, contrast: [0.5, 1], saturation: 0.4, hue: 0.1 })],
  compose: [t.compose([t.verticalFlip(), t.resize({ size: 9 })])],
  cutout: [t.cutout({ size: 4, holes: 2, fill: 9 })],
  elastic: [t.elastic({ alpha: 20, sigma: 2 })],
  equalize: [t.equalize()],
  gaussianBlur: [t.gaussianBlur({ kernelSize: [3, 7] })],
  grayscale: [t.grayscale()],
  horizontalFlip: [t.horizontalFlip()],
  invert: [t.invert()],
  lighting: [t.lighting()],
  pad: [t.pad({ padding: 2, paddingMode: "reflect" }), t.pad({ padding: [1, 2], fill: 7 })],
  perspective: [t.perspective({ distortionScale: 1, p: 1 }), t.perspective({ interpolation: "nearest" })],
  posterize: [t.posterize({ bits: 3 })],
  randAugment: [t.randAugment({ numOps: 5, magnitude: 30 })],
  randomApply: [t.randomApply({ transforms: [t.horizontalFlip(), t.pad({ padding: 1 })] })],
  randomChoice: [t.randomChoice({ transforms: [t.horizontalFlip(), t.pad({ padding: 1 })], weights: [1, 2] })],
  randomCrop: [t.randomCrop({ size: [8, 6], padding: 2 }), t.randomCrop({ size: 2, padding: 4 })],
  randomErasing: [t.randomErasing(), t.randomErasing({ fill: "random", p: 1 })],
  randomResizedCrop: [t.randomResizedCrop({ size: [5, 9] })],
  resize: [t.resize({ size: 8 }), t.resize({ size: [1, 30], interpolation: "bicubic" })],
  rotate: [t.rotate({ degrees: 180, expand: true }), t.rotate({ degrees: [10, 20], interpolation: "bicubic" })],
  sharpness: [t.sharpness({ factor: [0, 2] })],
  solarize: [t.solarize({ threshold: 99.5 })],
  trivialAugmentWide: [t.trivialAugmentWide()],
  verticalFlip: [t.verticalFlip()],
} satisfies Record<Exclude<keyof typeof builtIn, keyof typeof audio>, readonly Transform[]>;
const all: readonly Transform[] = Object.values(examples).flat();

function noise(width: number, height: number, channels: number): Sample {
  const random = new RandomStream(width).fork(height);
  const bytes = (n: number) => Uint8Array.from({ length: n }, () => random.int(256));
  return {
    image: { width, height, channels, pixels: bytes(width * height * channels) },
    label: 3,
    boxes: [
      { box: [0, 0, width, height], label: 1 },
      { box: [0, 0, 0.25, 0.25], label: 2 },
    ],
    mask: { width, height, classes: bytes(width * height) },
    keypoints: [{ x: width / 2, y: 0, visible: true, name: "left" }],
  };
}

describe("every transform", () => {
  for (const transform of all) {
    const { name, options } = transform;
    it(`${name} ${JSON.stringify(options)}`, () => {
      // In a worker it is the same one, made from plain data.
      const copy = transformFrom(structuredClone({ name, options }));
      expect(copy.options).toEqual(options);
      expect(JSON.parse(JSON.stringify(options))).toEqual(options);
      for (const [width, height, channels] of [
        [1, 1, 1],
        [1, 1, 3],
        [2, 1, 4],
        [13, 11, 1],
        [13, 11, 3],
        [10, 17, 4],
        [8, 8, 2],
      ] as const) {
        const sample = noise(width, height, channels);
        for (let seed = 0; seed < 4; seed++) {
          const first = transform.apply(sample, new RandomStream(seed));
          expect(isDeepStrictEqual(sample, noise(width, height, channels))).toBe(true); // it changed nothing
          expect(isDeepStrictEqual(copy.apply(sample, new RandomStream(seed)), first)).toBe(true);
          const { image } = first;
          expect(image.pixels).toBeInstanceOf(Uint8Array);
          expect(image.pixels.length).toBe(image.width * image.height * image.channels);
          expect([first.mask!.width, first.mask!.height]).toEqual([image.width, image.height]);
          expect(first.label).toBe(3);
          const bare = transform.apply({ image: sample.image }, new RandomStream(seed));
          expect(isDeepStrictEqual(bare, { image })).toBe(true);
        }
      }
    });
  }
});

it("a name that is not built in is refused, with the names that are", () => {
  expect(() => transformFrom({ name: "shuffle", options: {} })).toThrow(
    /no built-in transform is called "shuffle"; there are/,
  );
  expect(transformFrom([{ name: "resize", options: { size: 3 } }]).name).toBe("compose");
});

it("an own transform is a name and a function", () => {
  const blacken = transforms.defineTransform<{ readonly value?: number }>(
    "blacken",
    { value: 0 },
    ({ value }, check) => {
      check.whole("value", value, 0, 255);
      return (sample) => ({ ...sample, image: { ...sample.image, pixels: sample.image.pixels.map(() => value) } });
    },
  );
  expect([...blacken({ value: 9 }).apply(noise(2, 1, 1), new RandomStream(0)).image.pixels]).toEqual([9, 9]);
  expect(() => blacken({ value: 300 })).toThrow("blacken: value must be a whole number in 0 … 255, got 300");
});

it("randomApply and randomChoice apply as often as they say", () => {
  const wider = transforms.pad({ padding: [1, 0] });
  const taller = transforms.pad({ padding: [0, 1] });
  const sometimes = transforms.randomApply({ transforms: [wider], p: 0.3 });
  const either = transforms.randomChoice({ transforms: [wider, taller], weights: [3, 1] });
  const random = new RandomStream(0);
  const counts = [0, 0];
  for (let i = 0; i < 4000; i++) {
    if (sometimes.apply(noise(1, 1, 1), random).image.width > 1) counts[0]!++;
    if (either.apply(noise(1, 1, 1), random).image.width > 1) counts[1]!++;
  }
  // Four standard deviations of a binomial distribution: √(4000 · 0.3 · 0.7) = 29, √(4000 · 0.75 · 0.25) = 27.
  expect(Math.abs(counts[0]! - 1200)).toBeLessThan(116);
  expect(Math.abs(counts[1]! - 3000)).toBeLessThan(110);
});

describe("an option out of range is an error that names it", () => {
  const make = builtIn as unknown as Record<string, (options: object) => Transform>;
  const flip = transforms.horizontalFlip();
  it.each<[name: string, option: string, options: Record<string, unknown>]>([
    ["affine", "degrees", { degrees: [3, 1] }],
    ["affine", "translate", { degrees: 0, translate: [0, 2] }],
    ["affine", "translate", { degrees: 0, translate: 3 }],
    ["affine", "scale", { degrees: 0, scale: [0, 1] }],
    ["affine", "shear", { degrees: 0, shear: 90 }],
    ["affine", "shear", { degrees: 0, shear: [0, 1, 2, 100] }],
    ["affine", "center", { degrees: 0, center: [1] }],
    ["rotate", "degrees", { degrees: -1 }],
    ["rotate", "expand", { degrees: 1, expand: "yes" }],
    ["rotate", "center", { degrees: 1, expand: true, center: [0, 0] }],
    ["rotate", "fill", { degrees: 1, fill: [] }],
    ["perspective", "distortionScale", { distortionScale: 1.5 }],
    ["perspective", "minVisibility", { minVisibility: -1 }],
    ["elastic", "alpha", { alpha: -1 }],
    ["elastic", "sigma", { sigma: 0 }],
    ["colorJitter", "brightness", { brightness: -1 }],
    ["colorJitter", "contrast", { contrast: [-1, 1] }],
    ["colorJitter", "saturation", { saturation: "much" }],
    ["colorJitter", "hue", { hue: 0.6 }],
    ["grayscale", "p", { p: 2 }],
    ["lighting", "alphaStd", { alphaStd: -1 }],
    ["gaussianBlur", "kernelSize", { kernelSize: 4 }],
    ["gaussianBlur", "sigma", { kernelSize: 3, sigma: 0 }],
    ["randomErasing", "scale", { scale: [0, 2] }],
    ["randomErasing", "ratio", { ratio: [1] }],
    ["randomErasing", "fill", { fill: "noise" }],
    ["cutout", "size", { size: 0 }],
    ["cutout", "holes", { size: 1, holes: 0 }],
    ["posterize", "bits", { bits: 9 }],
    ["solarize", "threshold", { threshold: 300 }],
    ["sharpness", "factor", { factor: -1 }],
    ["autocontrast", "p", { p: null }],
    ["equalize", "p", { p: -1 }],
    ["invert", "p", { p: 1.01 }],
    ["randAugment", "numOps", { numOps: 0.5 }],
    ["randAugment", "magnitude", { magnitude: 31 }],
    ["randAugment", "numMagnitudeBins", { numMagnitudeBins: 1 }],
    ["trivialAugmentWide", "numMagnitudeBins", { numMagnitudeBins: 0 }],
    ["trivialAugmentWide", "interpolation", { interpolation: "area" }],
    ["resize", "size", { size: 0 }],
    ["resize", "size", { size: [3] }],
    ["resize", "interpolation", { size: 3, interpolation: "lanczos" }],
    ["resize", "size", {}],
    ["resize", "sise", { size: 3, sise: 3 }],
    ["centerCrop", "size", { size: 1.5 }],
    ["centerCrop", "fill", { size: 3, fill: 256 }],
    ["centerCrop", "minVisibility", { size: 3, minVisibility: 2 }],
    ["pad", "padding", { padding: -1 }],
    ["pad", "padding", { padding: [1, 2, 3] }],
    ["pad", "paddingMode", { padding: 1, paddingMode: "wrap" }],
    ["randomCrop", "size", { size: "32" }],
    ["randomCrop", "padding", { size: 3, padding: NaN }],
    ["randomResizedCrop", "scale", { size: 3, scale: [0.5, 0.1] }],
    ["randomResizedCrop", "ratio", { size: 3, ratio: [0, 1] }],
    ["horizontalFlip", "p", { p: 1.1 }],
    ["verticalFlip", "flipPairs", { flipPairs: [["a"]] }],
    ["compose", "transforms", { transforms: [{}] }],
    ["randomApply", "p", { transforms: [flip], p: "often" }],
    ["randomChoice", "weights", { transforms: [flip], weights: [0] }],
    ["randomChoice", "weights", { transforms: [flip], weights: [1, 1] }],
    ["randomChoice", "weights", { transforms: [] }],
  ])("%s: %s", (name, option, options) => {
    expect(() => make[name]!(options)).toThrow(UsageError);
    expect(() => make[name]!(options)).toThrow(
      new RegExp(`^${name}: (${option} must be|there is no option "${option}")`),
    );
  });

  it("a fill for other channels than the picture's", () => {
    const transform = transforms.pad({ padding: 1, fill: [1, 2] });
    expect(() => transform.apply(noise(2, 2, 3), new RandomStream(0))).toThrow(
      "pad: fill must be one number or 3, as the picture has 3 channels, got [1,2]",
    );
  });
});
