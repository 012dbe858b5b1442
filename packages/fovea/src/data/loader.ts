import { FoveaError, UsageError } from "../base/errors.ts";
import { RandomStream } from "../base/random.ts";
import type { LoaderPool } from "./loaderPool.ts";
import { balancedWeights, inOrder, shuffled, weighted, type Order, type Sampler } from "./order.ts";
import { Normalizer, type PerChannel } from "./normalizer.ts";
import type { AnySample, Dataset, Sample, SampleTransform } from "./sample.ts";
import { SampleMaker } from "./sampleMaker.ts";
import { stackSamples, type Stack } from "./stack.ts";

/** What a `DataLoader` hands out. */
export interface Batch extends Stack {
  /** Weights for the loss, where the loader was given some. */
  readonly sampleWeight?: Float32Array;
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
  /** Weight of each sample of the dataset in the loss: batches bring those of theirs. */
  readonly sampleWeight?: ArrayLike<number>;
  /** Draws with replacement in place of `shuffle`: "balanced" (all classes equally often), or by weight of sample. */
  readonly sampler?: Sampler;
  /**
   * Threads that read, decode, transform and stack; default 0: this one does. The batches are the same bits. Transforms
   * from the first one on that is not built in run in this thread.
   */
  readonly workers?: number;
  /** Batches that are made ahead; default 2 per worker, and 1 without. */
  readonly prefetch?: number;
  /**
   * Keeps decoded samples, with the leading transforms applied that draw no random numbers (so begin with a resize): in
   * "memory" (up to half of it), or on "disk", in the cache folder, for later runs too. Default "none".
   */
  readonly cache?: "none" | "memory" | "disk";
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
  readonly #batchTransforms: readonly BatchTransform[];
  readonly #onBadSample: NonNullable<DataLoaderOptions<S>["onBadSample"]>;
  readonly #bad = new Map<number, BadSample>();
  readonly #sampleWeight: ArrayLike<number> | undefined;
  readonly #maker: SampleMaker;
  readonly #workers: number;
  readonly #prefetch: number;
  /** Milliseconds. */
  readonly #time = { waited: 0, total: 0 };

  constructor(dataset: Dataset<S>, options: DataLoaderOptions<S> = {}) {
    const { batchSize = 32, seed = 0, dropLast = false, mean = 0, std = 1, workers = 0, cache = "none" } = options;
    const { prefetch = Math.max(1, 2 * workers) } = options;
    for (const [name, value, least] of [
      ["batchSize", batchSize, 1],
      ["workers", workers, 0],
      ["prefetch", prefetch, 1],
    ] as const) {
      if (Number.isInteger(value) && value >= least) continue;
      throw new UsageError(`DataLoader: ${name} must be a whole number ≥ ${least}, got ${value}`);
    }
    if (!["none", "memory", "disk"].includes(cache)) {
      throw new UsageError(`DataLoader: cache is "none", "memory" or "disk", got ${JSON.stringify(cache)}`);
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
    const transforms = listOf(options.transform);
    if (dataset.shape !== undefined && transforms.length === 0) this.#normalizer.setChannels(dataset.shape[0]!);
    this.#maker = new SampleMaker(dataset, { seed, transforms: transforms as never, mean, std, cache });
    const { sampleWeight } = options;
    if (sampleWeight !== undefined && sampleWeight.length !== dataset.length) {
      throw new UsageError(`DataLoader: ${sampleWeight.length} weights in sampleWeight for ${dataset.length} samples`);
    }
    this.#sampleWeight = sampleWeight;
    this.#workers = workers;
    this.#prefetch = prefetch;
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
   * @param options.signal Ends the epoch at once: the next batch is the signal's reason, thrown.
   */
  async *epoch(
    epoch: number,
    first = 0,
    { signal }: { readonly signal?: AbortSignal } = {},
  ): AsyncGenerator<Batch, void, void> {
    const time = this.#time;
    let resumed = performance.now();
    signal?.throwIfAborted();
    const stop = stopOf(signal);
    const pool = this.#workers > 0 && !this.#direct ? await this.#maker.startPool(this.#workers) : null;
    const release = pool?.use();
    const order = this.order(epoch);
    const queue: Promise<Batch | null>[] = [];
    let next = first;
    const fill = (most: number) => {
      while (queue.length < most && next < this.length) {
        const batch = this.#batch(order, epoch, next++, pool);
        batch.catch(() => {}); // it is awaited later, or never
        queue.push(batch);
      }
    };
    try {
      for (;;) {
        signal?.throwIfAborted();
        fill(1);
        const taken = queue.shift();
        if (taken === undefined) return;
        if (pool !== null) fill(this.#prefetch);
        const batch = await Promise.race([taken, ...stop.reasons]);
        if (batch === null) continue;
        // The timer fires while the caller waits for something; a caller that never waits loses nothing.
        const timer = pool === null ? setTimeout(fill, 0, this.#prefetch) : undefined;
        time.waited += performance.now() - resumed;
        try {
          yield batch;
        } finally {
          clearTimeout(timer);
          const now = performance.now();
          time.total += now - resumed;
          resumed = now;
        }
      }
    } finally {
      stop.forget();
      release?.();
    }
  }

  /** Whether the dataset gives batches itself. */
  get #direct(): boolean {
    return this.dataset.gather !== undefined && this.#maker.transforms.length === 0;
  }

  /** Null where none of its samples could be read. */
  async #batch(order: Uint32Array, epoch: number, index: number, pool: LoaderPool | null): Promise<Batch | null> {
    const start = index * this.batchSize;
    const indices = order.slice(start, Math.min(order.length, start + this.batchSize));
    if (this.#direct) return this.#finish(this.dataset.gather!(indices, this.#normalizer), indices, epoch, index);
    const made = await this.#maker.make(indices, epoch, pool);
    const places = indices.filter((place, i) => {
      const error = made.unread.get(i);
      if (error !== undefined) this.#skip(place, error);
      return error === undefined;
    });
    if (places.length === 0) return null;
    const nameOf = (i: number) => this.#maker.nameOf(places[i]!);
    return this.#finish(made.stack ?? stackSamples(made.samples, this.#normalizer, nameOf), places, epoch, index);
  }

  #finish(stack: Stack, indices: Uint32Array, epoch: number, index: number): Batch {
    const weights = this.#sampleWeight;
    const batch: Batch = {
      ...stack,
      ...(weights && { sampleWeight: Float32Array.from(indices, (place) => weights[place]!) }),
      indices,
      size: indices.length,
      index,
    };
    if (this.#batchTransforms.length === 0) return batch;
    const random = this.#random.fork("mix").fork(epoch).fork(index);
    const classes = this.dataset.classes.length;
    return this.#batchTransforms.reduce((changed, transform) => transform.applyBatch(changed, random, classes), batch);
  }

  #skip(index: number, error: Error): void {
    const handle = this.#onBadSample;
    if (handle === "throw" || !(error instanceof FoveaError)) throw error;
    if (this.#bad.has(index)) return;
    const bad = { index, name: this.#maker.nameOf(index), error };
    this.#bad.set(index, bad);
    if (handle !== "skip") handle(bad);
  }
}

/** A promise that rejects when the signal says so, in a list; none without a signal. */
function stopOf(signal: AbortSignal | undefined): { reasons: Promise<never>[]; forget: () => void } {
  if (signal === undefined) return { reasons: [], forget: () => {} };
  let stop = () => {};
  const reason = new Promise<never>((_, reject) => (stop = () => reject(signal.reason as Error)));
  reason.catch(() => {});
  signal.addEventListener("abort", stop, { once: true });
  return { reasons: [reason], forget: () => signal.removeEventListener("abort", stop) };
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
