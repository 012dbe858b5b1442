import { memoryBytes } from "#platform";
import { UsageError } from "../base/errors.ts";
import { RandomStream } from "../base/random.ts";
import type { DecodedCache } from "./decodedCache.ts";
import type { Entry } from "./entry.ts";
import type { LoaderPool } from "./loaderPool.ts";
import type { PerChannel } from "./normalizer.ts";
import { applyFixed, applyRest, augmentStream, sampleBytes, type Held } from "./prepare.ts";
import type { AnySample, Dataset, SampleTransform } from "./sample.ts";
import type { Stack } from "./stack.ts";

export interface MakerSettings {
  readonly seed: number | bigint;
  readonly transforms: readonly SampleTransform[];
  readonly mean: PerChannel;
  readonly std: PerChannel;
  readonly cache: "none" | "memory" | "disk";
}

/** The samples of a batch, or the batch; and what could not be read, by place. */
export interface Made {
  readonly samples: readonly AnySample[];
  readonly stack: Stack | null;
  readonly unread: ReadonlyMap<number, Error>;
}

/** Reads and transforms samples for a loader: in this thread or in others, from files or from what it kept. */
export class SampleMaker {
  readonly transforms: readonly SampleTransform[];
  readonly #dataset: Dataset<AnySample>;
  readonly #settings: MakerSettings;
  readonly #random: RandomStream;
  readonly #kept = new Map<number, Held>();
  #room: number;
  #disk: Promise<DecodedCache> | null = null;
  #pool: Promise<LoaderPool> | null = null;

  constructor(dataset: Dataset<AnySample>, settings: MakerSettings) {
    if (settings.cache === "disk" && dataset.entry === undefined) {
      throw new UsageError(`DataLoader: ${dataset.name} is not made of files; use cache: "memory"`);
    }
    this.#dataset = dataset;
    this.#settings = settings;
    this.transforms = settings.transforms;
    this.#random = new RandomStream(settings.seed);
    this.#room = settings.cache === "memory" ? memoryBytes() / 2 : 0;
  }

  /** What a message calls a sample. */
  nameOf(index: number): string {
    return this.#dataset.nameOf?.(index) ?? `sample ${index} of ${this.#dataset.name}`;
  }

  /** The worker threads, started anew where they have ended. */
  async startPool(count: number): Promise<LoaderPool> {
    const running = await this.#pool;
    if (running?.alive) return running;
    this.#pool = import("#loaderPool").then((host) => host.LoaderPool.start(count, this.#workerSettings(host)));
    return this.#pool;
  }

  make(indices: Uint32Array, epoch: number, pool: LoaderPool | null): Promise<Made> {
    return pool === null ? this.#makeHere(indices, epoch) : this.#makeThere(indices, epoch, pool);
  }

  async #makeHere(indices: Uint32Array, epoch: number): Promise<Made> {
    const unread = new Map<number, Error>();
    const samples = await Promise.all(
      Array.from(indices, async (index, place) => {
        const held = await this.#hold(index).catch((error: Error) => void unread.set(place, error));
        return held && applyRest(held, this.transforms, augmentStream(this.#random, epoch, index));
      }),
    );
    return { samples: samples.filter((sample) => sample !== undefined), stack: null, unread };
  }

  async #makeThere(indices: Uint32Array, epoch: number, pool: LoaderPool): Promise<Made> {
    const unread = new Map<number, Error>();
    // Those that are no files are read here.
    const sources = await Promise.all(
      Array.from(indices, (index, place): Held | Entry | Promise<Held | void> => {
        const there = this.#kept.get(index) ?? this.#dataset.entry?.(index);
        return there ?? this.#hold(index).catch((error: Error) => void unread.set(place, error));
      }),
    );
    const places = [...indices.keys()].filter((place) => sources[place] !== undefined);
    const sent = Uint32Array.from(places, (place) => indices[place]!);
    const names = Array.from(sent, (index) => this.nameOf(index));
    const reply = await pool.run({ epoch, indices: sent, sources: places.map((place) => sources[place]!), names });
    const { revive } = await import("#loaderPool");
    for (const { place, error } of reply.unread) unread.set(places[place]!, revive(error));
    for (const { place, held } of reply.kept) this.#keep(sent[place]!, held);
    const samples = reply.samples.map(({ held, random }) =>
      applyRest(held, this.transforms, RandomStream.restore(random)),
    );
    return { samples, stack: reply.stack, unread };
  }

  /** A sample as read, or as far as it was kept. */
  async #hold(index: number): Promise<Held> {
    const there = this.#kept.get(index);
    if (there !== undefined) return there;
    const { cache } = this.#settings;
    if (cache === "none") return { sample: await this.#dataset.sample(index), done: 0 };
    if (cache === "memory") {
      const held = applyFixed(await this.#dataset.sample(index), this.transforms);
      this.#keep(index, held);
      return held;
    }
    this.#disk ??= import("#loaderPool").then((host) => host.openCache(this.#workerSettings(host).transforms));
    const disk = await this.#disk;
    const specs = disk.transforms.length;
    return disk.through(this.#dataset.entry!(index), async () =>
      applyFixed(await this.#dataset.sample(index), this.transforms.slice(0, specs)),
    );
  }

  #keep(index: number, held: Held): void {
    const bytes = sampleBytes(held.sample);
    if (bytes > this.#room || this.#kept.has(index)) return;
    this.#room -= bytes;
    this.#kept.set(index, held);
  }

  #workerSettings({ portableSpecs }: typeof import("#loaderPool")) {
    const { seed, mean, std, cache } = this.#settings;
    const transforms = portableSpecs(this.transforms);
    return { seed, mean, std, cache, transforms, stack: transforms.length === this.transforms.length };
  }
}
