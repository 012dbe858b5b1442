import { isDeepStrictEqual } from "node:util";
import { describe, expect, it } from "vitest";
import { UsageError } from "../../base/errors.ts";
import { RandomStream } from "../../base/random.ts";
import type { Sample } from "../sample.ts";
import { builtIn, transformFrom } from "./registry.ts";
import * as transforms from "./index.ts";
import type { Transform } from "./transform.ts";

/** One or more of each built-in transform: a missing one is a compile error. */
const examples = {
  centerCrop: [transforms.centerCrop({ size: 7 })],
  compose: [transforms.compose([transforms.verticalFlip(), transforms.resize({ size: 9 })])],
  horizontalFlip: [transforms.horizontalFlip()],
  pad: [transforms.pad({ padding: 2, paddingMode: "reflect" }), transforms.pad({ padding: [1, 2], fill: 7 })],
  randomApply: [transforms.randomApply({ transforms: [transforms.horizontalFlip(), transforms.pad({ padding: 1 })] })],
  randomChoice: [
    transforms.randomChoice({
      transforms: [transforms.horizontalFlip(), transforms.pad({ padding: 1 })],
      weights: [1, 2],
    }),
  ],
  randomCrop: [transforms.randomCrop({ size: [8, 6], padding: 2 })],
  randomResizedCrop: [transforms.randomResizedCrop({ size: [5, 9] })],
  resize: [transforms.resize({ size: 8 }), transforms.resize({ size: [1, 30], interpolation: "bicubic" })],
  verticalFlip: [transforms.verticalFlip()],
} satisfies Record<keyof typeof builtIn, readonly Transform[]>;
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
        for (let seed = 0; seed < 6; seed++) {
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
