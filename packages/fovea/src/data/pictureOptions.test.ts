import { expect, it } from "vitest";
import { DataLoader } from "./loader.ts";
import { pictureOptions } from "./pictureOptions.ts";
import { preprocessImages, type Preprocessing } from "./preprocess.ts";
import type { Dataset } from "./sample.ts";

const picture = (seed: number) => ({
  width: 40,
  height: 30,
  pixels: Uint8Array.from({ length: 40 * 30 * 3 }, (_, i) => (i * 37 + seed * 91) % 256),
});

const dataset: Dataset = {
  name: "two",
  length: 2,
  classes: ["a", "b"],
  labels: [0, 1],
  sample: (index) => ({ image: { ...picture(index), channels: 3 }, label: index }),
};

it.each<[string, Preprocessing]>([
  ["torch", { resize: 24, crop: 20, interpolation: "bilinear", values: "torch" }],
  ["caffe", { resize: [24, 24], crop: 16, interpolation: "bilinear", values: "caffe" }],
  ["tf", { resize: [16, 20], crop: null, interpolation: "bicubic", values: "tf" }],
])("a loader gives what the weights' own preparation gives, %s", async (_, rule) => {
  const loader = new DataLoader(dataset, { batchSize: 2, shuffle: false, ...pictureOptions(rule) });
  const wanted = preprocessImages([picture(0), picture(1)], rule);
  for await (const batch of loader.epoch(0)) {
    expect(batch.shape).toEqual(wanted.shape);
    const values = wanted.storage.values();
    let largest = 0;
    for (let i = 0; i < values.length; i++) largest = Math.max(largest, Math.abs(values[i]! - batch.x[i]!));
    expect(largest).toBeLessThan(rule.values === "caffe" ? 1e-4 : 1e-6); // of values up to 150, and up to 3
  }
});

it("augmented pictures have the same size and other pixels in each epoch", async () => {
  const rule: Preprocessing = { resize: 24, crop: 20, interpolation: "bilinear", values: "torch" };
  const loader = new DataLoader(dataset, { batchSize: 2, ...pictureOptions(rule, { augment: true }) });
  const epochs: Float32Array[] = [];
  for (const epoch of [0, 1, 0]) for await (const batch of loader.epoch(epoch)) epochs.push(batch.x as Float32Array);
  expect(epochs[0]!.length).toBe(2 * 3 * 20 * 20);
  expect(epochs[0]).not.toEqual(epochs[1]);
  expect(epochs[0]).toEqual(epochs[2]);
  expect(() => pictureOptions({ ...rule, crop: null })).toThrow(/one size/);
});
