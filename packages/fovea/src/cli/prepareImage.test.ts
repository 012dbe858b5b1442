import { expect, it } from "vitest";
import { strokes } from "../data/datasets/strokes.ts";
import type { RgbImage } from "../data/image.ts";
import { prepareImage } from "./prepareImage.ts";

const data = strokes({ count: 40, split: "test" });
const shape = [1, 28, 28] as const;

/** A data set's image on a sheet: scaled by `times`, moved to x, y, with these colours for paper and full ink. */
function onSheet(
  index: number,
  { times = 1, x = 0, y = 0, width = 28, height = 28, paper = [0, 0, 0], ink = [255, 255, 255] } = {},
): RgbImage {
  const pixels = new Uint8Array(width * height * 3);
  const image = data.image(index);
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      const [r, c] = [Math.floor((row - y) / times), Math.floor((column - x) / times)];
      const value = r >= 0 && r < 28 && c >= 0 && c < 28 ? image[r * 28 + c]! / 255 : 0;
      for (let k = 0; k < 3; k++)
        pixels[(row * width + column) * 3 + k] = Math.round(paper[k]! + value * (ink[k]! - paper[k]!));
    }
  }
  return { width, height, pixels };
}

/** Mean distance of two images, 0 … 255. */
function distance(a: Uint8Array, b: Uint8Array): number {
  return a.reduce((sum, v, i) => sum + Math.abs(v - b[i]!), 0) / a.length;
}

/** Two different digits are about this far apart. */
const apart = distance(data.image(0), data.image(1));

it("leaves an image of the data set nearly as it is", () => {
  const distances = Array.from({ length: data.length }, (_, i) =>
    distance(prepareImage(onSheet(i), shape, "mnist"), data.image(i)),
  );
  // Now and then the centre of mass falls between two pixels, and rounding goes the other way.
  expect(distances.toSorted((a, b) => a - b)[Math.floor(0.75 * data.length)]).toBeLessThan(apart / 50);
});

it.each([
  ["dark ink on light paper", { paper: [255, 255, 255], ink: [0, 0, 0] }],
  ["blue ink on yellowish paper", { paper: [250, 240, 200], ink: [20, 30, 160] }],
  ["a large picture", { times: 9, width: 252, height: 252 }],
  [
    "a digit in a corner of a wide light sheet",
    { times: 5, x: 400, y: 20, width: 700, height: 200, paper: [240, 240, 240], ink: [40, 40, 40] },
  ],
])("finds the digit in %s", (_, options) => {
  const total = Array.from({ length: 20 }, (_, i) =>
    distance(prepareImage(onSheet(i, options), shape, "mnist"), data.image(i)),
  ).reduce((a, b) => a + b);
  expect(total / 20).toBeLessThan(apart / 8);
});

it("an empty sheet gives an empty image", () => {
  const blank = { width: 50, height: 40, pixels: new Uint8Array(50 * 40 * 3).fill(255) };
  expect(prepareImage(blank, shape, "mnist")).toEqual(new Uint8Array(784));
});

it("a single pixel does not break it", () => {
  const pixels = new Uint8Array(30 * 30 * 3);
  pixels.fill(255, 300, 303);
  expect(Math.max(...prepareImage({ width: 30, height: 30, pixels }, shape, "mnist"))).toBe(255);
  expect(prepareImage({ width: 1, height: 1, pixels: new Uint8Array(3) }, shape, "mnist")).toEqual(new Uint8Array(784));
});

it("a colour picture is scaled to fill the side, plane by plane", () => {
  const pixels = Uint8Array.from({ length: 64 * 48 * 3 }, (_, i) => [10, 20, 30][i % 3]!);
  const out = prepareImage({ width: 64, height: 48, pixels }, [3, 32, 32], "photos");
  expect([out[0], out[1023], out[1024], out[2048], out[3071]]).toEqual([10, 10, 20, 30, 30]);
});
