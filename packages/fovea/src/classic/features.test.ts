import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { ImageDataset } from "../data/index.ts";
import { tensor } from "../index.ts";
import { describeEngines } from "../testing/engines.ts";
import {
  BagOfVisualWords,
  edgeKernel,
  edgeMagnitude,
  gaborFeatures,
  gaborKernel,
  hog,
  lbpHistograms,
  localBinaryPatterns,
  scharr,
  sobel,
  type GaborOptions,
  type HogOptions,
  type LbpOptions,
} from "./index.ts";

// Made by handmade.py beside it, with NumPy from scikit-image's documentation.
const fixture = JSON.parse(readFileSync(new URL("../../test/fixtures/handmade.json", import.meta.url), "utf8")) as {
  readonly grey: number[][];
  readonly colour: number[][][];
  readonly hog: (HogOptions & { readonly image: "grey" | "colour"; readonly y: number[] })[];
  readonly lbp: (LbpOptions & { readonly y: number[] })[];
  readonly gabor: (GaborOptions & { readonly side: number; readonly real: number[]; readonly imaginary: number[] })[];
};
const grey = tensor([[fixture.grey]]);
const colour = tensor([fixture.colour]);

/** Largest difference of two lists. */
function difference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  expect(a.length).toBe(b.length);
  let most = 0;
  for (let i = 0; i < a.length; i++) most = Math.max(most, Math.abs(a[i]! - b[i]!));
  return most;
}

describeEngines("edges", () => {
  it("are 40 by Sobel's filter and 160 by Scharr's between 10 and 0", async () => {
    // The course (S001): six columns 10 10 10 0 0 0; by its own vertical filter (Prewitt's) the edge is 30.
    const image = tensor([[Array.from({ length: 6 }, () => [10, 10, 10, 0, 0, 0])]]);
    const rows = (value: number) => [[Array.from({ length: 4 }, () => [0, value, value, 0])]];
    expect(await sobel(image).toArray()).toEqual(rows(40));
    expect(await scharr(image).toArray()).toEqual(rows(160));
    expect(await sobel(image, { edge: "horizontal" }).toArray()).toEqual(rows(0));
    expect(await edgeMagnitude(image).toArray()).toEqual(rows(40));
  });

  it("have the kernels of the course", () => {
    expect(edgeKernel("sobel")).toEqual([[1, 0, -1], [2, 0, -2], [1, 0, -1]]); // prettier-ignore
    expect(edgeKernel("scharr")).toEqual([[3, 0, -3], [10, 0, -10], [3, 0, -3]]); // prettier-ignore
    expect(edgeKernel("prewitt", "horizontal")).toEqual([[1, 1, 1], [0, 0, 0], [-1, -1, -1]]); // prettier-ignore
  });
});

describe("features", () => {
  it.each(fixture.hog)("hog of $image, $orientations directions, $blockNorm", async ({ image, y, ...options }) => {
    const { values } = await hog(image === "grey" ? grey : colour, options);
    expect(difference(values, y)).toBeLessThan(1e-9);
  });

  it.each(fixture.lbp)("local binary patterns of $points points, $method", async ({ y, ...options }) => {
    expect(difference(await localBinaryPatterns(grey, options), y)).toBe(0);
  });

  it.each(["ror", "uniform"] as const)("%s patterns stay when the picture is turned", async (method) => {
    const turned = grey.transpose(2, 3).flip([2]); // a quarter turn
    const histogram = async (x: typeof grey) => (await lbpHistograms(x, { method })).values;
    expect(difference(await histogram(grey), await histogram(turned))).toBeLessThan(1e-12);
  });

  it.each(fixture.gabor)("gabor kernel of frequency $frequency", ({ side, real, imaginary, ...options }) => {
    const kernel = gaborKernel(options);
    expect(kernel.width).toBe(side);
    expect(difference(kernel.real, real)).toBeLessThan(1e-12);
    expect(difference(kernel.imaginary, imaginary)).toBeLessThan(1e-12);
  });

  it("gabor features answer most to their own direction", async () => {
    const images = new Uint8Array(2 * 32 * 32);
    for (let y = 0; y < 32; y++) {
      for (let x = 0; x < 32; x++) {
        images[y * 32 + x] = 128 + 100 * Math.cos(2 * Math.PI * 0.2 * x);
        images[1024 + y * 32 + x] = 128 + 100 * Math.cos(2 * Math.PI * 0.2 * y);
      }
    }
    const data = new ImageDataset({
      name: "waves",
      images,
      labels: new Uint8Array(2),
      shape: [1, 32, 32],
      classes: ["wave"],
    });
    const { columns, values } = await gaborFeatures(data, { frequencies: [0.2], orientations: 2, cells: 1 });
    expect(columns).toBe(4);
    const [alongX, alongY, , , acrossX, acrossY] = values;
    expect(alongX! / alongY!).toBeGreaterThan(2);
    expect(acrossY! / acrossX!).toBeGreaterThan(2);
  });

  it("count visual words, the same each time", async () => {
    const make = async () => {
      const words = new BagOfVisualWords({
        nWords: 4,
        hog: { pixelsPerCell: [4, 4], cellsPerBlock: [2, 2] },
        cells: 1,
      });
      return (await (await words.fit(grey)).transform(grey)).values;
    };
    const first = await make();
    expect(Array.from(first, (v) => v * v).reduce((sum, v) => sum + v, 0)).toBeCloseTo(1, 12); // shares, of which the roots are taken
    expect(first).toEqual(await make());
  });

  it("say when pictures are too small", async () => {
    await expect(hog(grey, { pixelsPerCell: [16, 16] })).rejects.toThrow(
      "have 1 × 1 cells of 16 × 16 pixels, fewer than",
    );
    await expect(hog(tensor([1, 2]))).rejects.toThrow("wanted images [N, C, H, W], got [2]");
    await expect(localBinaryPatterns(grey, { points: 40 })).rejects.toThrow("points must be a whole number in 2 … 24");
  });
});
