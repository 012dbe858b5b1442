import { describe, expect, it } from "vitest";
import { FormatError, ShapeError, UsageError } from "../base/errors.ts";
import type { RandomStream } from "../base/random.ts";
import { ArrayDataset } from "./arrayDataset.ts";
import { ImageDataset } from "./dataset.ts";
import { DataLoader, type Batch, type DataLoaderOptions } from "./loader.ts";
import type { Dataset, Sample } from "./sample.ts";

/** Picture i has the one value i, and class i % 3; sizes are those given. */
function pictures(length: number, more: Partial<Dataset> = {}): Dataset {
  return {
    name: "made",
    length,
    classes: ["a", "b", "c"],
    sample: (i) => Promise.resolve({ image: flat(2, 1, i), label: i % 3 }),
    nameOf: (i) => `made/${i}.png`,
    ...more,
  };
}

const flat = (width: number, height: number, value: number, channels = 1) => ({
  width,
  height,
  channels,
  pixels: new Uint8Array(width * height * channels).fill(value),
});

const noise = {
  name: "noise",
  apply: (sample: Sample, random: RandomStream): Sample => ({
    ...sample,
    image: { ...sample.image, pixels: sample.image.pixels.map(() => random.int(256)) },
  }),
};

async function list<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}

async function all(dataset: Dataset, options: DataLoaderOptions, epoch = 0, first = 0): Promise<Batch[]> {
  return list(new DataLoader(dataset, options).epoch(epoch, first));
}

describe("transforms in a DataLoader", () => {
  it("draw by seed, epoch and sample alone, wherever the epoch is entered", async () => {
    const options = { batchSize: 3, transform: noise, seed: 4 };
    const batches = await all(pictures(10), options);
    expect(await all(pictures(10), options, 0, 2)).toEqual(batches.slice(2));
    const valueOf = (found: Batch[]) => new Map(found.flatMap((b) => [...b.indices].map((at, i) => [at, b.x[2 * i]])));
    const inOrder = await all(pictures(10), { batchSize: 5, transform: noise, seed: 4, shuffle: false });
    expect([...valueOf(inOrder)]).toEqual([...valueOf(batches)].toSorted(([a], [b]) => a - b));
    expect(await all(pictures(10), options, 1)).not.toEqual(batches);
    expect(await all(pictures(10), { ...options, seed: 5 })).not.toEqual(batches);
  });

  it("run in order, on datasets in memory too", async () => {
    const data = new ImageDataset({
      name: "two",
      images: Uint8Array.of(1, 2, 3, 4, 5, 6),
      labels: Uint8Array.of(0),
      shape: [3, 1, 2],
      classes: ["a"],
    });
    const crop = {
      name: "crop",
      apply: ({ image }: Sample) => ({ image: { ...image, width: 1, pixels: image.pixels.subarray(3) } }),
    };
    const seen: number[][] = [];
    const look = { name: "look", apply: (s: Sample) => (seen.push([...s.image.pixels]), s) };
    const [batch] = await all(data, { transform: [look, crop, look], std: 1 / 255 });
    expect(seen).toEqual([
      [1, 3, 5, 2, 4, 6],
      [2, 4, 6],
    ]);
    expect([...batch!.x].map(Math.round)).toEqual([2, 4, 6]);
    expect(batch!.shape).toEqual([1, 3, 1, 1]);
  });

  it("leave pictures of one size, or the error names the picture and the fix", async () => {
    const sizes = pictures(4, { sample: (i) => ({ image: flat(i === 2 ? 5 : 4, 4, 0) }) });
    const tried = all(sizes, { shuffle: false });
    await expect(tried).rejects.toThrow(ShapeError);
    await expect(tried).rejects.toThrow("made/2.png is 5 × 4 × 1, made/0.png 4 × 4 × 1");
    await expect(tried).rejects.toThrow("end the loader's transforms with a resize or crop");
  });

  it("of batches run after stacking, with probabilities for classes if they like", async () => {
    const soft = {
      name: "soft",
      applyBatch: (batch: Batch, random: RandomStream, classes: number): Batch => ({
        ...batch,
        y: new Float32Array(batch.size * classes).fill(random.uniform()),
        yShape: [batch.size, classes],
      }),
    };
    const options = { batchSize: 2, batchTransform: soft };
    const batches = await all(pictures(4), options);
    expect(batches.map(({ yShape }) => yShape)).toEqual([
      [2, 3],
      [2, 3],
    ]);
    expect(batches[0]!.y[0]).not.toBe(batches[1]!.y[0]);
    expect(await all(pictures(4), options, 0, 1)).toEqual(batches.slice(1));
  });
});

describe("what a batch holds beside pictures", () => {
  it("boxes, masks and key points, as transformed", async () => {
    const box = { box: [0, 0, 2, 1], label: 1 } as const;
    const data = pictures(2, { sample: (i) => ({ image: flat(2, 1, i), label: i, boxes: i === 0 ? [box] : [] }) });
    const [batch] = await all(data, { shuffle: false });
    expect(batch!.targets).toEqual([{ boxes: [box] }, { boxes: [] }]);
    expect([...batch!.y]).toEqual([0, 1]);
    expect((await all(pictures(1), {}))[0]).not.toHaveProperty("targets");
  });

  it("classes of pixels where samples have masks and no class; −1 where they have neither", async () => {
    const mask = (i: number) => ({ width: 2, height: 1, classes: Uint8Array.of(i, 255) });
    const [batch] = await all(pictures(2, { sample: (i) => ({ image: flat(2, 1, 0), mask: mask(i) }) }), {
      shuffle: false,
    });
    expect([[...batch!.y], batch!.yShape]).toEqual([
      [0, 255, 1, 255],
      [2, 1, 2],
    ]);
    const [none] = await all(pictures(2, { sample: () => ({ image: flat(2, 1, 0) }) }), {});
    expect([...none!.y]).toEqual([-1, -1]);
  });
});

describe("a sample that cannot be read", () => {
  const damaged = pictures(5, {
    sample: (i) => {
      if (i === 1 || i >= 3) throw new FormatError(`made/${i}.png is not a sound PNG file`);
      return { image: flat(2, 1, i), label: 0 };
    },
  });

  it("stops the epoch by default", async () => {
    await expect(all(damaged, { shuffle: false })).rejects.toThrow("made/1.png is not a sound PNG file");
  });

  it("is left out and told once, and a batch of none is left out too", async () => {
    const told: string[] = [];
    const loader = new DataLoader(damaged, {
      batchSize: 3,
      shuffle: false,
      onBadSample: ({ name }) => told.push(name),
    });
    for (const epoch of [0, 1]) {
      const batches = await list(loader.epoch(epoch));
      expect(batches.map(({ indices, size, shape }) => [[...indices], size, shape])).toEqual([
        [[0, 2], 2, [2, 1, 1, 2]],
      ]);
    }
    expect(told).toEqual(["made/1.png", "made/3.png", "made/4.png"]);
    expect(loader.badSamples.map(({ index }) => index)).toEqual([1, 3, 4]);
  });

  it("is not what a mistake in a program is taken for", async () => {
    const broken = pictures(1, { sample: () => Promise.reject(new TypeError("x is not a function")) });
    await expect(all(broken, { onBadSample: "skip" })).rejects.toThrow(TypeError);
  });
});

it("weights for the loss come with their samples", async () => {
  const sampleWeight = [0.5, 1, 2];
  for (const { indices, sampleWeight: weights } of await all(pictures(3), { batchSize: 2, sampleWeight })) {
    expect([...weights!]).toEqual([...indices].map((i) => sampleWeight[i]));
  }
  expect(() => new DataLoader(pictures(2), { sampleWeight })).toThrow("3 weights in sampleWeight for 2 samples");
});

describe("samplers", () => {
  const labels = Uint8Array.from({ length: 100 }, (_, i) => (i < 90 ? 0 : 1));
  const data = pictures(100, { labels });

  it("balance the classes, or weigh the samples", () => {
    const drawn = Array.from({ length: 20 }, (_, e) => [
      ...new DataLoader(data, { sampler: "balanced" }).order(e),
    ]).flat();
    const share = drawn.filter((i) => labels[i] === 1).length / drawn.length;
    expect(Math.abs(share - 0.5)).toBeLessThan(0.05); // 2000 draws: standard deviation 0.011
    const weights = Array.from({ length: 100 }, (_, i) => (i === 7 ? 3 : i === 9 ? 1 : 0));
    const order = new DataLoader(data, { sampler: { weights } }).order(0);
    expect(order).toHaveLength(100);
    expect(new Set(order)).toEqual(new Set([7, 9]));
    expect(order).toEqual(new DataLoader(data, { sampler: { weights } }).order(0));
    expect(order).not.toEqual(new DataLoader(data, { sampler: { weights } }).order(1));
  });

  it.each<[DataLoaderOptions, string]>([
    [{ sampler: { weights: [1] } }, "1 weights for 100 samples"],
    [{ sampler: { weights: new Float32Array(100) } }, "all weights"],
    [{ sampler: { weights: new Float32Array(100).fill(-1) } }, "the weight of sample 0 is -1"],
    [{ sampler: "balanced", shuffle: true }, "leave shuffle out"],
  ])("refuse %o", (options, message) => {
    expect(() => new DataLoader(data, options)).toThrow(UsageError);
    expect(() => new DataLoader(data, options)).toThrow(message);
  });
});

describe("ArrayDataset", () => {
  it("batches samples of any shape, normalised by channel", async () => {
    const x = Float32Array.from({ length: 24 }, (_, i) => i);
    const data = new ArrayDataset({ name: "waves", x, shape: [2, 4], labels: Uint8Array.of(1, 0, 1) });
    expect(data.classes).toEqual(["0", "1"]);
    const loader = new DataLoader(data, { batchSize: 2, shuffle: false, mean: [0, 4], std: [1, 2] });
    const [first, second] = await list(loader.epoch(0));
    expect([first!.shape, second!.shape]).toEqual([
      [2, 2, 4],
      [1, 2, 4],
    ]);
    expect([...first!.x]).toEqual([0, 1, 2, 3, 0, 0.5, 1, 1.5, 8, 9, 10, 11, 4, 4.5, 5, 5.5]);
    expect([[...first!.y], first!.y.constructor]).toEqual([[1, 0], Int32Array]);
  });

  it("gives transformed samples the same way", async () => {
    const data = new ArrayDataset({ x: Int16Array.of(1, 2, 3, 4), shape: [1, 2], targets: Float32Array.of(5, 6) });
    const id = { name: "id", apply: <T>(sample: T) => sample };
    const plain = await list(new DataLoader(data, { mean: 1 }).epoch(0));
    expect(await list(new DataLoader(data, { mean: 1, transform: id }).epoch(0))).toEqual(plain);
    expect([plain[0]!.yShape, plain[0]!.y.constructor]).toEqual([[2, 1], Float32Array]);
  });

  it.each<[object, string]>([
    [{ x: new Float32Array(5), shape: [2] }, "5 numbers are no whole number of samples [2]"],
    [{ x: new Float32Array(4), shape: [2], labels: Uint8Array.of(1) }, "2 samples but 1 labels"],
    [{ x: new Float32Array(4), shape: [2], labels: Int32Array.of(0, -1) }, "label -1 of sample 1"],
    [{ x: new Float32Array(4), shape: [2], labels: Uint8Array.of(0, 2), classes: ["a"] }, "label 2 of sample 1"],
    [{ x: new Float32Array(4), shape: [2], targets: new Float32Array(3) }, "3 targets cannot be shared out among 2"],
    [{ x: new Float32Array(4), shape: [] }, "shape of a sample"],
  ])("refuses %o", (parts, message) => {
    expect(() => new ArrayDataset({ name: "d", ...(parts as { x: Float32Array; shape: number[] }) })).toThrow(message);
  });
});

it("an epoch ends when its signal says so, and tells how long was waited", async () => {
  const loader = new DataLoader(pictures(9), { batchSize: 3 });
  const stop = new AbortController();
  const seen: number[] = [];
  const run = async () => {
    for await (const { index } of loader.epoch(0, 0, { signal: stop.signal })) {
      seen.push(index);
      if (index === 1) stop.abort(new Error("enough"));
    }
  };
  await expect(run()).rejects.toThrow("enough");
  expect(seen).toEqual([0, 1]);
  expect(loader.waited.seconds).toBeGreaterThan(0);
  expect(loader.waited.share).toBeLessThanOrEqual(1);
});
