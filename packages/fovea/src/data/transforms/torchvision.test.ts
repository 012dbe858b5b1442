import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { RandomStream } from "../../base/random.ts";
import type { Interpolation } from "../image.ts";
import type { Picture } from "../sample.ts";
import { adjustBrightness, adjustContrast, adjustHue, adjustSaturation, adjustSharpness } from "./adjust.ts";
import { fourPoints, inverseAffine, projectiveSource, type AffineParameters } from "./projective.ts";
import { transformFrom } from "./registry.ts";
import { warp } from "./warp.ts";

/** Made by transforms.py beside it, with torchvision on Pillow images. */
const cases = JSON.parse(readFileSync(new URL("../../../test/fixtures/transforms.json", import.meta.url), "utf8")) as {
  readonly op: string;
  readonly args: Readonly<Record<string, unknown>>;
  readonly from: readonly [width: number, height: number, channels: number];
  readonly to: readonly [width: number, height: number];
  readonly pixels: string;
}[];

/** The same as `picture` of transforms.py. */
function picture(width: number, height: number, channels: number): Picture {
  const pixels = Uint8Array.from({ length: width * height * channels }, (_, i) => {
    const [c, x, y] = [i % channels, Math.floor(i / channels) % width, Math.floor(i / (channels * width))];
    const a = (x * x * 3 + y * y * 5 + x * y * 7 + c * 61) % 511;
    return a > 255 ? 510 - a : a;
  });
  return { width, height, channels, pixels };
}

const adjustments: Record<string, (picture: Picture, factor: number) => Picture> = {
  adjustBrightness,
  adjustContrast,
  adjustHue,
  adjustSaturation,
  adjustSharpness,
};

function applied(op: string, args: Readonly<Record<string, unknown>>, image: Picture): Picture {
  const { interpolation, fill } = args as { interpolation: Interpolation; fill: number };
  const fills = new Uint8Array(image.channels).fill(fill);
  if (op === "affine") {
    const given = args as unknown as AffineParameters & { center: AffineParameters["center"] | null };
    const center = given.center ?? [image.width / 2, image.height / 2];
    return warp(image, projectiveSource(inverseAffine({ ...given, center })), image, interpolation, fills);
  }
  if (op === "perspective") {
    const { from, to } = args as { from: readonly [number, number][]; to: readonly [number, number][] };
    return warp(image, projectiveSource(fourPoints(to, from)), image, interpolation, fills);
  }
  const adjust = adjustments[op];
  if (adjust !== undefined) return adjust(image, args.factor as number);
  return transformFrom({ name: op, options: args }).apply({ image }, new RandomStream(0)).image;
}

describe("pictures are what torchvision and Pillow make of them", () => {
  for (const { op, args, from, to, pixels } of cases) {
    it(`${op} ${JSON.stringify(args)} of ${from.join(" × ")}`, () => {
      const got = applied(op, args, picture(...from));
      const wanted = new Uint8Array(Buffer.from(pixels, "base64"));
      expect([got.width, got.height, got.pixels.length]).toEqual([...to, wanted.length]);
      const off = [0, 0, 0];
      for (let i = 0; i < wanted.length; i++) off[Math.min(2, Math.abs(wanted[i]! - got.pixels[i]!))]!++;
      // torchvision solves for the perspective in float32: two pixels at the edge lie on the other side of it.
      expect(off[2]).toBeLessThanOrEqual(op === "perspective" ? 6 : 0);
      expect(off[1]).toBeLessThanOrEqual(1);
    });
  }
});
