import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { UsageError } from "../base/errors.ts";
import { cropCentre, resizeImage, type Interpolation, type RgbImage } from "./image.ts";
import { preprocessImages } from "./preprocess.ts";

/** Made by images.py beside it with Pillow and torchvision. */
const fixture = JSON.parse(readFileSync(new URL("../../test/fixtures/images.json", import.meta.url), "utf8")) as {
  readonly resize: readonly {
    readonly from: readonly [number, number];
    readonly to: readonly [number, number];
    readonly interpolation: Interpolation;
    readonly sha256: string;
    readonly sum: number;
  }[];
  readonly presets: readonly {
    readonly from: readonly [number, number];
    readonly resize: number;
    readonly crop: number;
    readonly interpolation: Interpolation;
    readonly sum: number;
    readonly some: readonly number[];
  }[];
};

/** The same as `picture` of images.py. */
function picture(width: number, height: number): RgbImage {
  const pixels = Uint8Array.from({ length: 3 * width * height }, (_, i) => {
    const [c, x, y] = [i % 3, Math.floor(i / 3) % width, Math.floor(i / (3 * width))];
    return (x * x * 7 + y * 13 + x * y * 3 + c * 101 + Math.floor(x / 5) * Math.floor(y / 3) * 29) % 256;
  });
  return { width, height, pixels };
}

describe("resizeImage gives Pillow's bytes", () => {
  for (const { from, to, interpolation, sha256, sum } of fixture.resize) {
    it(`${interpolation}: ${from.join(" × ")} to ${to.join(" × ")}`, () => {
      const { width, height, pixels } = resizeImage(picture(...from), { width: to[0], height: to[1] }, interpolation);
      expect([width, height]).toEqual(to);
      expect(pixels.reduce((s, v) => s + v, 0)).toBe(sum);
      expect(createHash("sha256").update(pixels).digest("hex")).toBe(sha256);
    });
  }

  it("refuses sizes and filters that are none", () => {
    expect(() => resizeImage(picture(2, 2), { width: 0, height: 1 })).toThrow(UsageError);
    expect(() => resizeImage(picture(2, 2), { width: 1, height: 1 }, "lanczos" as "bicubic")).toThrow(
      'interpolation is nearest, bilinear or bicubic, got "lanczos"',
    );
  });
});

describe("preprocessImages gives what torchvision's presets give", () => {
  for (const { from, resize, crop, interpolation, sum, some } of fixture.presets) {
    it(`${from.join(" × ")}: ${interpolation} to ${resize}, middle ${crop}`, async () => {
      const rule = { resize, crop, interpolation, values: "torch" } as const;
      const x = preprocessImages([picture(...from), picture(...from)], rule);
      expect(x.shape).toEqual([2, 3, crop, crop]);
      const values = (await x.data()) as Float32Array;
      const one = 3 * crop * crop;
      for (let k = 0; k < 24; k++) {
        const at = Math.floor((k * (one - 1)) / 23);
        expect(Math.abs(values[at]! - some[k]!)).toBeLessThan(1e-6);
        expect(values[one + at]).toBe(values[at]);
      }
      const total = values.subarray(0, one).reduce((s, v) => s + v, 0);
      expect(Math.abs(total - sum)).toBeLessThan(1e-6 * one);
    });
  }

  it("pictures of different sizes make no batch without a crop", () => {
    const rule = { resize: 8, crop: null, interpolation: "bilinear", values: "tf" } as const;
    expect(() => preprocessImages([picture(10, 10), picture(10, 20)], rule)).toThrow(
      /image 1 becomes 16 × 8, the first one 8 × 8/,
    );
  });
});

it("cropCentre takes the middle, and puts black around what is too small", () => {
  const grey = { width: 2, height: 2, pixels: new Uint8Array(12).fill(9) };
  const { pixels } = cropCentre(grey, 4, 2);
  expect([...pixels]).toEqual([...Array(6).fill(0), ...Array(12).fill(9), ...Array(6).fill(0)]);
});
