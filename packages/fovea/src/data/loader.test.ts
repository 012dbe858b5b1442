import { describe, expect, it } from "vitest";
import { FormatError, UsageError } from "../base/errors.ts";
import { ImageDataset } from "./dataset.ts";
import { DataLoader } from "./loader.ts";
import type { Batch } from "./loader.ts";

/** Image i has pixels i and 255 − i, on one or two channels. */
function dataset(length = 10, channels = 1): ImageDataset {
  const images = new Uint8Array(length * 2 * channels);
  const labels = Uint8Array.from({ length }, (_, i) => i % 3);
  for (let i = 0; i < images.length; i += 2) {
    images[i] = Math.floor(i / (2 * channels));
    images[i + 1] = 255 - images[i]!;
  }
  return new ImageDataset({ name: "tiny", images, labels, shape: [channels, 1, 2], classes: ["a", "b", "c"] });
}

async function all(batches: AsyncIterable<Batch>): Promise<Batch[]> {
  const list: Batch[] = [];
  for await (const batch of batches) list.push(batch);
  return list;
}

const indices = (batches: Batch[]) => batches.flatMap((batch) => [...batch.indices]);

describe("DataLoader", () => {
  it("visits every image once per epoch, with its label", async () => {
    const loader = new DataLoader(dataset(), { batchSize: 4 });
    const batches = await all(loader.epoch(0));
    expect(batches.map((b) => b.size)).toEqual([4, 4, 2]);
    expect(loader.length).toBe(3);
    expect(indices(batches).toSorted((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    for (const { indices, x, y, shape } of batches) {
      expect(shape).toEqual([indices.length, 1, 1, 2]);
      expect([...y]).toEqual([...indices].map((i) => i % 3));
      expect([...x]).toEqual([...indices].flatMap((i) => [Math.fround(i / 255), Math.fround((255 - i) / 255)]));
    }
  });

  it("has one order per seed and epoch", async () => {
    const order = async (seed: number, epoch: number) =>
      indices(await all(new DataLoader(dataset(), { seed }).epoch(epoch)));
    expect(await order(1, 2)).toEqual(await order(1, 2));
    expect(await order(1, 2)).not.toEqual(await order(1, 3));
    expect(await order(1, 2)).not.toEqual(await order(2, 2));
    expect(indices(await all(new DataLoader(dataset(4), { shuffle: false }).epoch(5)))).toEqual([0, 1, 2, 3]);
  });

  it("goes on from any batch with the same rest", async () => {
    const loader = new DataLoader(dataset(), { batchSize: 3, seed: 8 });
    expect(await all(loader.epoch(4, 2))).toEqual((await all(loader.epoch(4))).slice(2));
  });

  it("gives the same batches to a caller that waits as to one that does not", async () => {
    const loader = new DataLoader(dataset(), { batchSize: 3 });
    const slow: Batch[] = [];
    for await (const batch of loader.epoch(0)) {
      slow.push(batch);
      await new Promise((done) => setTimeout(done, 5));
    }
    expect(slow).toEqual(await all(loader.epoch(0)));
  });

  it("leaves a last short batch out on request", async () => {
    const loader = new DataLoader(dataset(), { batchSize: 4, dropLast: true });
    expect((await all(loader.epoch(0))).map((b) => b.size)).toEqual([4, 4]);
    expect(() => new DataLoader(dataset(3), { batchSize: 4, dropLast: true })).toThrow("not one batch of 4");
  });

  it("normalises by channel", async () => {
    const loader = new DataLoader(dataset(1, 2), { mean: [0.5, 0], std: [0.25, 2] });
    const [batch] = await all(loader.epoch(0));
    expect([...batch!.x]).toEqual([-2, 2, 0, 0.5]);
  });

  it.each([{ batchSize: 0 }, { batchSize: 1.5 }, { std: 0 }, { mean: [1, 2] }, { mean: NaN }])(
    "refuses %o",
    (options) => {
      expect(() => new DataLoader(dataset(), options)).toThrow(UsageError);
    },
  );
});

/** The first pixel of each image. */
const firstPixels = (d: ImageDataset) => Array.from({ length: d.length }, (_, i) => d.image(i)[0]!);

describe("ImageDataset", () => {
  it("splits into two without a common image", () => {
    const [a, b] = dataset(100).split(0.8, 1);
    expect([a.length, b.length]).toEqual([80, 20]);
    expect(new Set([...firstPixels(a), ...firstPixels(b)]).size).toBe(100);
    expect(() => a.split(1.2)).toThrow(UsageError);
  });

  it("takes rows with their labels", () => {
    const some = dataset().subset([7, 1]);
    expect([...some.labels]).toEqual([1, 1]);
    expect(some.image(0)[0]).toBe(7);
    expect(dataset().subset(3).length).toBe(3);
    expect(() => some.image(2)).toThrow("there is no image 2; there are 2");
  });

  it("refuses labels that are no class and lengths that do not match", () => {
    const parts = { name: "d", shape: [1, 1, 1] as const, classes: ["a"] };
    const make = (labels: number[], count: number) =>
      new ImageDataset({ ...parts, images: new Uint8Array(count), labels: Uint8Array.from(labels) });
    expect(() => make([0, 1], 2)).toThrow(FormatError);
    expect(() => make([0, 1], 2)).toThrow("label 1 of image 1");
    expect(() => make([0], 2)).toThrow("2 images of [1, 1, 1] but 1 labels");
  });
});
