import { UsageError } from "../base/errors.ts";
import { RandomStream } from "../base/random.ts";
import type { ImageDataset } from "./dataset.ts";

/** What a `DataLoader` hands out. */
export interface Batch {
  /** Normalised images, [size, C, H, W]. */
  readonly x: Float32Array;
  /** Classes, [size]. */
  readonly y: Int32Array;
  /** Where in the dataset they are. */
  readonly indices: Uint32Array;
  readonly size: number;
  /** [size, C, H, W]. */
  readonly shape: readonly [number, number, number, number];
  /** Number of the batch in its epoch. */
  readonly index: number;
}

export interface DataLoaderOptions {
  /** Images per batch; default 32. */
  readonly batchSize?: number;
  /** Whether each epoch has its own random order; default true. */
  readonly shuffle?: boolean;
  /** Seed of the orders; default 0. */
  readonly seed?: number | bigint;
  /** Whether a last batch that is not full is left out; default false. */
  readonly dropLast?: boolean;
  /** Subtracted from pixels that were scaled to 0 … 1: one number, or one per channel; default 0. */
  readonly mean?: number | readonly number[];
  /** Divides them after that; default 1. */
  readonly std?: number | readonly number[];
}

/**
 * Cuts a dataset into batches, in an order that depends on seed and epoch alone.
 *
 * So a run can go on from any batch of any epoch: `loader.epoch(7, 120)`. While the caller awaits a batch's training,
 * the next batch is prepared.
 */
export class DataLoader {
  readonly dataset: ImageDataset;
  readonly batchSize: number;
  /** Batches per epoch. */
  readonly length: number;
  readonly #shuffle: boolean;
  readonly #orders: RandomStream;
  /** Normalised value of each byte, 256 per channel. */
  readonly #values: Float32Array;

  constructor(dataset: ImageDataset, options: DataLoaderOptions = {}) {
    const { batchSize = 32, shuffle = true, seed = 0, dropLast = false, mean = 0, std = 1 } = options;
    if (!Number.isInteger(batchSize) || batchSize < 1) {
      throw new UsageError(`DataLoader: batchSize must be a whole number ≥ 1, got ${batchSize}`);
    }
    this.dataset = dataset;
    this.batchSize = batchSize;
    this.length = (dropLast ? Math.floor : Math.ceil)(dataset.length / batchSize);
    if (this.length === 0) {
      throw new UsageError(`DataLoader: ${dataset.name} has ${dataset.length} images, not one batch of ${batchSize}`);
    }
    this.#shuffle = shuffle;
    this.#orders = new RandomStream(seed).fork("shuffle");
    this.#values = normalizedBytes(dataset.shape[0], mean, std);
  }

  /** The images' order in an epoch. */
  order(epoch: number): Uint32Array {
    if (this.#shuffle) return this.#orders.fork(epoch).permutation(this.dataset.length);
    return Uint32Array.from({ length: this.dataset.length }, (_, i) => i);
  }

  /** The batches of an epoch, from batch `first` on. */
  async *epoch(epoch: number, first = 0): AsyncGenerator<Batch, void, void> {
    const order = this.order(epoch);
    let ahead: Batch | undefined;
    for (let index = first; index < this.length; index++) {
      const batch: Batch = ahead ?? this.#batch(order, index);
      ahead = undefined;
      // The timer fires while the caller waits for something; a caller that never waits loses nothing.
      const timer = setTimeout(() => {
        if (index + 1 < this.length) ahead = this.#batch(order, index + 1);
      }, 0);
      try {
        yield batch;
      } finally {
        clearTimeout(timer);
      }
    }
  }

  #batch(order: Uint32Array, index: number): Batch {
    const { dataset } = this;
    const start = index * this.batchSize;
    const indices = order.slice(start, Math.min(order.length, start + this.batchSize));
    const size = indices.length;
    const [channels, height, width] = dataset.shape;
    const plane = height * width;
    const x = new Float32Array(size * channels * plane);
    const y = new Int32Array(size);
    let to = 0;
    for (let i = 0; i < size; i++) {
      const image = indices[i]!;
      y[i] = dataset.labels[image]!;
      let from = image * channels * plane;
      for (let c = 0; c < channels; c++) {
        const values = this.#values.subarray(c * 256, c * 256 + 256);
        for (let end = to + plane; to < end; to++) x[to] = values[dataset.images[from++]!]!;
      }
    }
    return { x, y, indices, size, shape: [size, channels, height, width], index };
  }
}

function normalizedBytes(
  channels: number,
  mean: number | readonly number[],
  std: number | readonly number[],
): Float32Array {
  const perChannel = (value: number | readonly number[], what: string): readonly number[] => {
    const list = typeof value === "number" ? Array.from({ length: channels }, () => value) : value;
    if (list.length !== channels || !list.every(Number.isFinite)) {
      throw new UsageError(`DataLoader: ${what} must be a number or ${channels} of them, got ${JSON.stringify(value)}`);
    }
    return list;
  };
  const means = perChannel(mean, "mean");
  const stds = perChannel(std, "std");
  if (stds.includes(0)) throw new UsageError("DataLoader: std must not be 0");
  const values = new Float32Array(channels * 256);
  for (let c = 0; c < channels; c++) {
    for (let byte = 0; byte < 256; byte++) values[c * 256 + byte] = (byte / 255 - means[c]!) / stds[c]!;
  }
  return values;
}
