import { mkdir, mkdtemp, readdir, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { FormatError, ShapeError } from "../base/errors.ts";
import type { RandomStream } from "../base/random.ts";
import { imageFolder } from "./datasets/imageFolder.ts";
import type { FileDataset } from "./fileDataset.ts";
import { DataLoader, type Batch, type DataLoaderOptions } from "./loader.ts";
import type { Dataset, Sample } from "./sample.ts";
import { centerCrop, horizontalFlip, randomResizedCrop, resize } from "./transforms/index.ts";

let root: string;
let data: FileDataset;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "fovea-workers-"));
  process.env["FOVEA_CACHE"] = join(root, "cache");
  for (let i = 0; i < 12; i++) {
    const folder = join(root, "data", i % 2 === 0 ? "a" : "b");
    await mkdir(folder, { recursive: true });
    const noise = Buffer.from(Array.from({ length: 40 * 30 * 3 }, (_, k) => (k * (i + 7) * 31) % 251));
    await sharp(noise, { raw: { width: 40, height: 30, channels: 3 } })
      .jpeg()
      .toFile(join(folder, `${i}.jpg`));
  }
  data = (await imageFolder(join(root, "data"))).train;
});
afterAll(async () => {
  delete process.env["FOVEA_CACHE"];
  await rm(root, { recursive: true });
});

const brighter = {
  name: "brighter",
  apply: (sample: Sample, random: RandomStream): Sample => {
    const by = random.int(20);
    return { ...sample, image: { ...sample.image, pixels: sample.image.pixels.map((v) => Math.min(255, v + by)) } };
  },
};

async function list(epoch: AsyncIterable<Batch>): Promise<Batch[]> {
  const found: Batch[] = [];
  for await (const batch of epoch) found.push(batch);
  return found;
}

const batches = (options: DataLoaderOptions, { dataset = data as Dataset } = {}) =>
  list(new DataLoader(dataset, { batchSize: 5, seed: 3, ...options }).epoch(0));

const chain = () => [resize({ size: [24, 24] }), randomResizedCrop({ size: 16 }), horizontalFlip()];

describe("the batches are the same bits", () => {
  it.each<[string, number[], () => DataLoaderOptions]>([
    ["built-in transforms", [1, 2], () => ({ transform: chain(), mean: [0.5, 0.4, 0.3], std: 0.2 })],
    ["one of them made by a program", [2], () => ({ transform: [...chain(), brighter, horizontalFlip()] })],
    ["none built in", [1], () => ({ transform: brighter })],
    ["a cache in memory", [0, 2], () => ({ transform: chain(), cache: "memory" })],
    ["a cache on disk", [0, 1], () => ({ transform: chain(), cache: "disk" })],
  ])("from any batch of any epoch: %s, workers: %o", async (_, counts, options) => {
    const want = new DataLoader(data, { ...options(), batchSize: 5, seed: 3, cache: "none" });
    const [first, second] = [await list(want.epoch(0)), await list(want.epoch(1))];
    expect(first.map(({ size }) => size)).toEqual([5, 5, 2]);
    for (const workers of counts) {
      const loader = new DataLoader(data, { ...options(), batchSize: 5, seed: 3, workers });
      expect(await list(loader.epoch(0))).toEqual(first);
      expect(await list(loader.epoch(1))).toEqual(second); // perhaps from a cache
      expect(await list(loader.epoch(0, 2))).toEqual(first.slice(2));
    }
  });

  it("of datasets that only this thread can read", async () => {
    const made: Dataset = {
      name: "made",
      length: 4,
      classes: ["a"],
      sample: (i) => ({
        image: { width: 2, height: 2, channels: 1, pixels: new Uint8Array(4).fill(i) },
        label: 0,
        boxes: [],
      }),
    };
    const options = { transform: [horizontalFlip(), brighter] };
    expect(await batches({ ...options, workers: 1 }, { dataset: made })).toEqual(
      await batches(options, { dataset: made }),
    );
  });
});

it("boxes and masks come back from the workers", async () => {
  const box = { box: [0, 0, 20, 30], label: 1 } as const;
  const polygon = { shapes: [{ label: 1, polygons: [[0, 0, 20, 0, 20, 30, 0, 30]] }] };
  const dataset: Dataset = {
    name: "boxes",
    length: 1,
    classes: [],
    sample: (i) => data.sample(i),
    entry: (i) => ({
      ...(data.entries[i] as { kind: "picture"; file: string }),
      label: 0,
      boxes: [box],
      mask: polygon,
    }),
  };
  const [batch] = await batches({ workers: 1, transform: centerCrop({ size: 10 }) }, { dataset });
  expect(batch!.targets![0]!.boxes).toEqual([{ box: [0, 0, 5, 10], label: 1 }]);
  expect([...batch!.targets![0]!.mask!.classes.subarray(0, 10)]).toEqual([1, 1, 1, 1, 1, 0, 0, 0, 0, 0]);
});

describe("what goes wrong in a worker", () => {
  it("names the file, keeps its class, and can be skipped", async () => {
    const damaged = join(root, "damaged");
    await mkdir(join(damaged, "a"), { recursive: true });
    await writeFile(join(damaged, "a/1.jpg"), "");
    await sharp({ create: { width: 4, height: 4, channels: 3, background: "#123" } })
      .png()
      .toFile(join(damaged, "a/2.png"));
    const dataset = (await imageFolder(damaged)).train;
    const tried = batches({ workers: 1 }, { dataset });
    await expect(tried).rejects.toThrow(FormatError);
    await expect(tried).rejects.toThrow(/damaged\/a\/1\.jpg is neither a JPEG/);
    const [batch] = await batches({ workers: 1, onBadSample: "skip" }, { dataset });
    expect([...batch!.indices]).toEqual([1]);
  });

  it("pictures of two sizes are told as without workers", async () => {
    const mixed = join(root, "mixed");
    await mkdir(join(mixed, "a"), { recursive: true });
    for (const width of [3, 4]) {
      await sharp({ create: { width, height: 4, channels: 3, background: "#123" } })
        .png()
        .toFile(join(mixed, `a/${width}.png`));
    }
    const tried = batches({ workers: 1, shuffle: false }, { dataset: (await imageFolder(mixed)).train });
    await expect(tried).rejects.toThrow(ShapeError);
    await expect(tried).rejects.toThrow(/4\.png is 4 × 4 × 3, .*3\.png 3 × 4 × 3/);
  });

  it("an abort ends an epoch while it waits, and an epoch that is left leaves nothing behind", async () => {
    const loader = new DataLoader(data, { batchSize: 1, workers: 1, transform: chain() });
    const stop = new AbortController();
    const run = async () => {
      for await (const { index } of loader.epoch(0, 0, { signal: stop.signal }))
        if (index === 1) setTimeout(() => stop.abort(new Error("enough")), 0);
    };
    await expect(run()).rejects.toThrow("enough");
    for await (const { index } of loader.epoch(0)) if (index === 2) break;
    expect(loader.waited.seconds).toBeGreaterThan(0);
  });
});

it("the disk cache is made anew where a picture changed, or a kept file is not whole", async () => {
  const folder = join(root, "changing");
  await mkdir(join(folder, "a"), { recursive: true });
  const file = join(folder, "a/1.png");
  const write = (background: string) =>
    sharp({ create: { width: 2, height: 2, channels: 3, background } })
      .png()
      .toFile(file);
  const first = async () => {
    const dataset = (await imageFolder(folder)).train;
    return (await batches({ cache: "disk", transform: resize({ size: 2 }) }, { dataset }))[0]!.x[0];
  };
  await write("#ff0000");
  expect(await first()).toBe(1);
  const cache = join(root, "cache/decoded");
  for (const name of await readdir(cache, { recursive: true }))
    if (name.endsWith(".sample")) await writeFile(join(cache, name), "x");
  expect(await first()).toBe(1);
  await write("#000000");
  await utimes(file, 1, 1);
  expect(await first()).toBe(0);
});
