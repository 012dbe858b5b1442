import { FoveaError, UsageError } from "../base/errors.ts";
import { RandomStream } from "../base/random.ts";
import { balancedWeights, inOrder, shuffled, weighted, type Order, type Sampler } from "./order.ts";
import { Normalizer, type PerChannel } from "./normalizer.ts";
import type { AnySample, Dataset, Sample, SampleTransform } from "./sample.ts";
import { stackSamples, type Stack } from "./stack.ts";

/** What a `DataLoader` hands out. */
export interface Batch extends Stack {
  /** Where in the dataset the samples are. */
  readonly indices: Uint32Array;
  readonly size: number;
  /** Number of the batch in its epoch. */
  readonly index: number;
}

/** Changes whole batches, as MixUp does; everything random in it comes from `random`. */
export interface BatchTransform {
  readonly name: string;
  applyBatch(batch: Batch, random: RandomStream, classes: number): Batch;
}

/** A sample that could not be read. */
export interface BadSample {
  readonly index: number;
  /** Its file, where it has one. */
  readonly name: string;
  readonly error: Error;
}

export interface DataLoaderOptions<S extends AnySample = Sample> {
  /** Samples per batch; default 32. */
  readonly batchSize?: number;
  /** Whether each epoch has its own random order; default true. */
  readonly shuffle?: boolean;
  /** Seed of orders and transforms; default 0. */
  readonly seed?: number | bigint;
  /** Whether a last batch that is not full is left out; default false. */
  readonly dropLast?: boolean;
  /** Subtracted from the values (of pixels: scaled to 0 … 1): one number, or one per channel; default 0. */
  readonly mean?: PerChannel;
  /** Divides them after that; default 1. */
  readonly std?: PerChannel;
  /** Applied to each sample in this order. Pictures must be equal in size after them. */
  readonly transform?: SampleTransform<S> | readonly SampleTransform<S>[];
  /** Applied to each batch, in this order. */
  readonly batchTransform?: BatchTransform | readonly BatchTransform[];
  /** Draws with replacement in place of `shuffle`: "balanced" (all classes equally often), or by weight of sample. */
  readonly sampler?: Sampler;
  /**
   * What to do about a sample that cannot be read: "throw" (default), "skip" it (its batch is smaller by one, and
   * `badSamples` lists it), or skip it and call a function, once for each.
   */
  readonly onBadSample?: "throw" | "skip" | ((bad: BadSample) => void);
}

/**
 * Cuts a dataset into batches. Order, random transforms and so every bit of a batch depend on seed, epoch and place alone.
 *
 * So a run can go on from any batch of any epoch: `loader.epoch(7, 120)`. While the caller awaits a batch's training,
 * the next batch is prepared.
 */
export class DataLoader<S extends AnySample = Sample> {
  readonly dataset: Dataset<S>;
  readonly batchSize: number;
  /** Batches per epoch. */
  readonly length: number;
  readonly #order: Order;
  readonly #random: RandomStream;
  readonly #normalizer: Normalizer;
  readonly #transforms: readonly SampleTransform<S>[];
  readonly #batchTransforms: readonly BatchTransform[];
  readonly #onBadSample: NonNullable<DataLoaderOptions<S>["onBadSample"]>;
  readonly #bad = new Map<number, BadSample>();
  /** Milliseconds. */
  readonly #time = { waited: 0, total: 0 };

  constructor(dataset: Dataset<S>, options: DataLoaderOptions<S> = {}) {
    const { batchSize = 32, seed = 0, dropLast = false, mean = 0, std = 1 } = options;
    if (!Number.isInteger(batchSize) || batchSize < 1) {
      throw new UsageError(`DataLoader: batchSize must be a whole number ≥ 1, got ${batchSize}`);
    }
    this.dataset = dataset;
    this.batchSize = batchSize;
    this.length = (dropLast ? Math.floor : Math.ceil)(dataset.length / batchSize);
    if (this.length === 0) {
      throw new UsageError(`DataLoader: ${dataset.name} has ${dataset.length} samples, not one batch of ${batchSize}`);
    }
    this.#order = chooseOrder(dataset, options);
    this.#random = new RandomStream(seed);
    this.#normalizer = new Normalizer(mean, std);
    this.#transforms = listOf(options.transform);
    if (dataset.shape !== undefined && this.#transforms.length === 0) this.#normalizer.setChannels(dataset.shape[0]!);
    this.#batchTransforms = listOf(options.batchTransform);
    this.#onBadSample = options.onBadSample ?? "throw";
  }

  /** The samples' order in an epoch. */
  order(epoch: number): Uint32Array {
    return this.#order(this.#random.fork("shuffle").fork(epoch));
  }

  /** Samples that were skipped because they could not be read. */
  get badSamples(): readonly BadSample[] {
    return [...this.#bad.values()];
  }

  /** How long callers waited for batches: seconds, and the share of all the time that they spent in epochs. */
  get waited(): { readonly seconds: number; readonly share: number } {
    const { waited, total } = this.#time;
    return { seconds: waited / 1000, share: total === 0 ? 0 : waited / total };
  }

  /**
   * The batches of an epoch, from batch `first` on.
   *
   * @param options.signal Ends the epoch: the next batch is the signal's reason, thrown.
   */
  async *epoch(
    epoch: number,
    first = 0,
    { signal }: { readonly signal?: AbortSignal } = {},
  ): AsyncGenerator<Batch, void, void> {
    const order = this.order(epoch);
    const time = this.#time;
    let ahead: Batch | null | Promise<Batch | null> | undefined;
    let resumed = performance.now();
    for (let index = first; index < this.length; index++) {
      signal?.throwIfAborted();
      const batch = await (ahead ?? this.#batch(order, epoch, index));
      ahead = undefined;
      if (batch === null) continue;
      // The timer fires while the caller waits for something; a caller that never waits loses nothing.
      const timer = setTimeout(() => {
        if (index + 1 >= this.length) return;
        ahead = this.#batch(order, epoch, index + 1);
        if (ahead instanceof Promise) ahead.catch(() => {}); // it is awaited later, or never
      }, 0);
      const given = performance.now();
      time.waited += given - resumed;
      try {
        yield batch;
      } finally {
        clearTimeout(timer);
        time.total += performance.now() - resumed;
        resumed = performance.now();
      }
    }
  }

  /** Null where none of its samples could be read. */
  #batch(order: Uint32Array, epoch: number, index: number): Batch | null | Promise<Batch | null> {
    const start = index * this.batchSize;
    const indices = order.slice(start, Math.min(order.length, start + this.batchSize));
    if (this.dataset.gather !== undefined && this.#transforms.length === 0) {
      return this.#finish(this.dataset.gather(indices, this.#normalizer), indices, epoch, index);
    }
    return this.#collect(indices, epoch, index);
  }

  async #collect(indices: Uint32Array, epoch: number, index: number): Promise<Batch | null> {
    const read = await Promise.all(Array.from(indices, (place) => this.#sample(place, epoch)));
    const samples: S[] = [];
    const places = indices.filter((place, i) => {
      const result = read[i]!;
      if ("error" in result) this.#skip(place, result.error);
      else samples.push(result.sample);
      return !("error" in result);
    });
    if (samples.length === 0) return null;
    const stack = stackSamples(samples, this.#normalizer, (i) => this.#nameOf(places[i]!));
    return this.#finish(stack, places, epoch, index);
  }

  #finish(stack: Stack, indices: Uint32Array, epoch: number, index: number): Batch {
    const random = this.#random.fork("mix").fork(epoch).fork(index);
    const batch: Batch = { ...stack, indices, size: indices.length, index };
    const classes = this.dataset.classes.length;
    return this.#batchTransforms.reduce((changed, transform) => transform.applyBatch(changed, random, classes), batch);
  }

  async #sample(index: number, epoch: number): Promise<{ sample: S } | { error: Error }> {
    let sample: S;
    try {
      sample = await this.dataset.sample(index);
    } catch (error) {
      return { error: error as Error };
    }
    const random = this.#random.fork("augment").fork(epoch).fork(index);
    for (const transform of this.#transforms) sample = transform.apply(sample, random);
    return { sample };
  }

  #skip(index: number, error: Error): void {
    const handle = this.#onBadSample;
    if (handle === "throw" || !(error instanceof FoveaError)) throw error;
    if (this.#bad.has(index)) return;
    const bad = { index, name: this.#nameOf(index), error };
    this.#bad.set(index, bad);
    if (handle !== "skip") handle(bad);
  }

  #nameOf(index: number): string {
    return this.dataset.nameOf?.(index) ?? `sample ${index} of ${this.dataset.name}`;
  }
}

function chooseOrder<S extends AnySample>(
  { length, labels, name }: Dataset<S>,
  { shuffle, sampler }: DataLoaderOptions<S>,
): Order {
  if (sampler === undefined) return (shuffle ?? true) ? shuffled(length) : inOrder(length);
  if (shuffle !== undefined) throw new UsageError("DataLoader: a sampler decides the order; leave shuffle out");
  if (sampler !== "balanced") return weighted(sampler.weights, length);
  if (labels !== undefined) return weighted(balancedWeights(labels), length);
  throw new UsageError(
    `DataLoader: ${name} does not tell its labels, so they cannot be balanced; give the sampler weights`,
  );
}

function listOf<T>(given: T | readonly T[] | undefined): readonly T[] {
  if (given === undefined) return [];
  return Array.isArray(given) ? (given as readonly T[]) : [given as T];
}
