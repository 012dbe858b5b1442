import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { DataLoader } from "../loader.ts";
import { readImage } from "../readImage.ts";
import type { Dataset, Picture, Sample } from "../sample.ts";
import { writeImage } from "../writeImage.ts";
import { compose, contactSheet, horizontalFlip, randomCrop } from "./index.ts";

const SIDE = 16;

function picture(seed: number): Picture {
  const pixels = Uint8Array.from({ length: 3 * SIDE * SIDE }, (_, i) => (i * i * 7 + i * seed) % 256);
  return { width: SIDE, height: SIDE, channels: 3, pixels };
}

const dataset: Dataset = {
  name: "patterns",
  length: 3,
  classes: ["a"],
  sample: (index): Sample => ({ image: picture(index), label: 0 }),
};

it("shows the pictures that a DataLoader of the same seed gives to a network", async () => {
  const transform = compose([randomCrop({ size: SIDE, padding: 4 }), horizontalFlip()]);
  const sheet = await contactSheet(dataset, transform, { columns: 4, cell: SIDE, seed: 5 });
  expect([sheet.width, sheet.height]).toEqual([4 * (SIDE + 6) + 6, 3 * (SIDE + 6) + 6]);
  const loader = new DataLoader(dataset, { batchSize: 3, shuffle: false, transform, seed: 5, std: 1 / 255 });
  for (let epoch = 0; epoch < 3; epoch++) {
    for await (const { x } of loader.epoch(epoch)) {
      let wrong = 0;
      for (let n = 0; n < 3; n++) {
        for (let i = 0; i < 3 * SIDE * SIDE; i++) {
          const [c, y, col] = [Math.floor(i / SIDE / SIDE), Math.floor(i / SIDE) % SIDE, i % SIDE];
          const at = (6 + n * (SIDE + 6) + y) * sheet.width + 6 + (epoch + 1) * (SIDE + 6) + col;
          if (Math.round(x[n * 3 * SIDE * SIDE + i]!) !== sheet.pixels[3 * at + c]) wrong++;
        }
      }
      expect(wrong).toBe(0);
    }
  }
});

it("draws boxes, masks and key points, and takes pictures of any size and channels", async () => {
  const mask = { width: SIDE, height: SIDE, classes: new Uint8Array(SIDE * SIDE).fill(3, 0, 20) };
  const samples: Sample[] = [
    { image: picture(1), boxes: [{ box: [2, 3, 9, 9], label: 11 }], mask, keypoints: [{ x: 0, y: 0, visible: true }] },
    { image: { width: 1, height: 300, channels: 1, pixels: new Uint8Array(300) } },
    { image: { width: 2, height: 2, channels: 4, pixels: new Uint8Array(16).fill(200) } },
  ];
  const { pixels, width } = await contactSheet(samples, horizontalFlip({ p: 0 }), { columns: 1, cell: SIDE });
  const color = (x: number, y: number) => [...pixels.subarray(3 * ((6 + y) * width + 6 + x)).subarray(0, 3)];
  expect(color(2, 3)).toEqual([255, 127, 14]); // the box's corner, in the colour of class 11
  expect(color(0, 0)).toEqual([31, 119, 180]); // the first key point
  expect(color(15, 0)).toEqual([214, 39, 40].map((v, c) => (v + samples[0]!.image.pixels[45 + c]!) >> 1));
  expect(color(15, 15)).toEqual([...samples[0]!.image.pixels.subarray(-3)]);
  await expect(contactSheet(samples, horizontalFlip(), { columns: 0 })).rejects.toThrow("columns must be a whole");
  await expect(contactSheet(samples, horizontalFlip(), { indices: [9] })).rejects.toThrow("there is no sample 9");
});

it("is written as a PNG file", async () => {
  const folder = mkdtempSync(join(tmpdir(), "fovea-sheet-"));
  try {
    await writeImage(join(folder, "a.png"), picture(2));
    const { width, height, pixels } = await readImage(join(folder, "a.png"));
    expect([width, height]).toEqual([SIDE, SIDE]);
    expect(pixels).toEqual(picture(2).pixels);
    const five = { width: 1, height: 1, channels: 5, pixels: new Uint8Array(5) };
    await expect(writeImage(join(folder, "b.png"), five)).rejects.toThrow("1 to 4 channels, the picture has 5");
    expect(readdirSync(folder)).toEqual(["a.png"]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
