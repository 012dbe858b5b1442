import { UsageError } from "./errors.ts";
import { cos, log, sin } from "./math.ts";

/**
 * Philox4x32-10 (Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as 1, 2, 3", SC 2011).
 *
 * Four 32-bit words from a 128-bit counter and a 64-bit key, with no state: word j of block i can be computed
 * anywhere, in any order. The C kernels compute the same words as `philox(counter + i, key)`.
 */
export function philox(counter: ArrayLike<number>, key: ArrayLike<number>, out: Uint32Array, at = 0): void {
  let c0 = counter[0]!;
  let c1 = counter[1]!;
  let c2 = counter[2]!;
  let c3 = counter[3]!;
  let k0 = key[0]!;
  let k1 = key[1]!;
  for (let round = 0; round < 10; round++) {
    const high0 = multiplyHigh(0xd251, 0x1f53, c0);
    const high1 = multiplyHigh(0xcd9e, 0x8d57, c2);
    const low0 = Math.imul(0xd2511f53, c0);
    const low1 = Math.imul(0xcd9e8d57, c2);
    c0 = high1 ^ c1 ^ k0;
    c1 = low1;
    c2 = high0 ^ c3 ^ k1;
    c3 = low0;
    k0 = (k0 + 0x9e3779b9) | 0;
    k1 = (k1 + 0xbb67ae85) | 0;
  }
  out[at] = c0;
  out[at + 1] = c1;
  out[at + 2] = c2;
  out[at + 3] = c3;
}

/** The high 32 bits of (aHigh·2^16 + aLow) · b, in steps that fit 32 bits. */
function multiplyHigh(aHigh: number, aLow: number, b: number): number {
  const bLow = b & 0xffff;
  const bHigh = b >>> 16;
  const low = Math.imul(aLow, bLow);
  const middle = (Math.imul(aHigh, bLow) + (low >>> 16)) | 0;
  const cross = (Math.imul(aLow, bHigh) + (middle & 0xffff)) | 0;
  return (Math.imul(aHigh, bHigh) + (middle >>> 16) + (cross >>> 16)) | 0;
}

/** Where a stream stands; survives `JSON.stringify`. */
export interface RandomState {
  /** The key: low and high word of the seed. */
  readonly seed: readonly [number, number];
  /** The upper half of the counter, which tells streams of one seed apart. */
  readonly stream: readonly [number, number];
  /** 32-bit words drawn so far. */
  readonly position: number;
}

/** What a kernel needs to draw the words that `RandomStream.reserve` set aside. */
export interface RandomBlocks {
  readonly key: readonly [number, number];
  /** Counter of the first block; block i has counter + i. */
  readonly counter: readonly [number, number, number, number];
}

/**
 * Random numbers that are drawn when they are wanted: here, or by an engine right into its memory. They are the same bits
 * each time, whoever draws them.
 */
export class Draw {
  readonly distribution: "uniform" | "normal";
  readonly size: number;
  readonly blocks: RandomBlocks;
  /** Low and high, or mean and standard deviation. */
  readonly parameters: readonly [number, number];

  constructor(
    distribution: Draw["distribution"],
    parameters: readonly [number, number],
    size: number,
    blocks: RandomBlocks,
  ) {
    this.distribution = distribution;
    this.parameters = parameters;
    this.size = size;
    this.blocks = blocks;
  }

  values(): Float32Array {
    const { key, counter } = this.blocks;
    const position = 4 * (counter[0] + counter[1] * 2 ** 32);
    const stream = RandomStream.restore({ seed: key, stream: [counter[2], counter[3]], position });
    const out = new Float32Array(this.size);
    return this.distribution === "uniform"
      ? stream.fillUniform(out, ...this.parameters)
      : stream.fillNormal(out, ...this.parameters);
  }
}

const TO_UNIT = 2 ** -24;
const TWO_PI = 6.283185307179586;

/**
 * A seeded sequence of random numbers: the same bits on every host, engine and thread count.
 *
 * The sequence is the words of Philox blocks 0, 1, 2, …, so its state is a position; a stream can be saved, moved and
 * forked at no cost.
 */
export class RandomStream {
  readonly #key: [number, number];
  readonly #stream: [number, number];
  #position = 0;
  readonly #block = new Uint32Array(4);
  /** Index of the block held in `#block`, −1 when none is. */
  #held = -1;
  readonly #counter: [number, number, number, number];

  /**
   * @param seed Any whole number; its lowest 64 bits count.
   * @param stream Number of the sequence among those of one seed; default 0. Named ones come from `fork`.
   */
  constructor(seed: number | bigint, stream: number | bigint = 0) {
    this.#key = twoWords(seed, "seed");
    this.#stream = twoWords(stream, "stream");
    this.#counter = [0, 0, this.#stream[0], this.#stream[1]];
  }

  /** The next word, 0 … 2^32 − 1. */
  uint32(): number {
    const block = Math.floor(this.#position / 4);
    if (block !== this.#held) this.#draw(block);
    return this.#block[this.#position++ & 3]!;
  }

  /** A float32 number in [0, 1), on the grid of 2^-24. */
  uniform(): number {
    return (this.uint32() >>> 8) * TO_UNIT;
  }

  /** A float64 number in [0, 1), on the grid of 2^-53. */
  uniformDouble(): number {
    const high = this.uint32() >>> 6;
    return (high * 2 ** 27 + (this.uint32() >>> 5)) * 2 ** -53;
  }

  /** A normal number of mean 0 and variance 1, from two words (Box and Muller, 1958). */
  normal(): number {
    const radius = normalRadius(this.uint32());
    return radius * cos(this.uint32() * (TWO_PI * 2 ** -32));
  }

  /** A whole number in 0 … n − 1, each equally likely. */
  int(n: number): number {
    if (!Number.isInteger(n) || n < 1 || n > 2 ** 32) {
      throw new UsageError(`RandomStream.int: n must be a whole number in 1 … 2^32, got ${n}`);
    }
    // Words from the incomplete last multiple of n are drawn again: they would favour small results.
    const limit = 2 ** 32 - (2 ** 32 % n);
    let word = this.uint32();
    while (word >= limit) word = this.uint32();
    return word % n;
  }

  /** The numbers 0 … n − 1 in random order (Fisher and Yates, Durstenfeld's form). */
  permutation(n: number): Uint32Array {
    const order = new Uint32Array(n);
    for (let i = 0; i < n; i++) order[i] = i;
    for (let i = n - 1; i > 0; i--) {
      const j = this.int(i + 1);
      const kept = order[i]!;
      order[i] = order[j]!;
      order[j] = kept;
    }
    return order;
  }

  /** Fills with float32 numbers in [low, high), or [low, high] where rounding reaches it. Starts at a whole block. */
  fillUniform(out: Float32Array, low = 0, high = 1): Float32Array {
    const range = high - low;
    this.#eachBlock(out.length, (words, at, count) => {
      for (let j = 0; j < count; j++) out[at + j] = low + range * ((words[j]! >>> 8) * TO_UNIT);
    });
    return out;
  }

  /** Fills with normal numbers; each pair of words gives a pair of numbers. Starts at a whole block. */
  fillNormal(out: Float32Array, mean = 0, std = 1): Float32Array {
    this.#eachBlock(out.length, (words, at, count) => {
      for (let j = 0; j < count; j += 2) {
        const radius = std * normalRadius(words[j]!);
        const angle = words[j + 1]! * (TWO_PI * 2 ** -32);
        out[at + j] = mean + radius * cos(angle);
        if (j + 1 < count) out[at + j + 1] = mean + radius * sin(angle);
      }
    });
    return out;
  }

  /** What `fillUniform` would fill `size` numbers with, to be drawn later. */
  laterUniform(size: number, low = 0, high = 1): Draw {
    return new Draw("uniform", [low, high], size, this.reserve(size));
  }

  /** What `fillNormal` would fill `size` numbers with, to be drawn later. */
  laterNormal(size: number, mean = 0, std = 1): Draw {
    return new Draw("normal", [mean, std], size, this.reserve(size));
  }

  /** Sets whole blocks aside for `words` words that a kernel will draw itself. */
  reserve(words: number): RandomBlocks {
    const first = Math.ceil(this.#position / 4);
    this.#position = (first + Math.ceil(words / 4)) * 4;
    return {
      key: [this.#key[0], this.#key[1]],
      counter: [first >>> 0, Math.floor(first / 2 ** 32), this.#stream[0], this.#stream[1]],
    };
  }

  /**
   * An independent stream under a name or number, the same whatever was drawn here before.
   *
   * Give every use its own name ("init", "shuffle", epoch number): then adding one does not disturb the others.
   */
  fork(name: string | number): RandomStream {
    const label = typeof name === "number" ? `#${name}` : name;
    const hash = new Uint32Array([this.#stream[0], this.#stream[1], label.length, 0x666f726b]);
    // Philox as a compression function: each code unit enters the counter, and the output is the next chain value.
    for (let i = 0; i < label.length; i++) {
      hash[3] = hash[3]! ^ label.charCodeAt(i);
      philox(hash, FORK_KEY, hash);
    }
    philox(hash, FORK_KEY, hash);
    return RandomStream.#from(this.#key, [hash[0]!, hash[1]!], 0);
  }

  /** A snapshot of the position, for `restore`. */
  get state(): RandomState {
    return { seed: [...this.#key], stream: [...this.#stream], position: this.#position };
  }

  /** The stream at the place that `state` noted. */
  static restore(state: RandomState): RandomStream {
    const words = [...(state?.seed ?? []), ...(state?.stream ?? [])];
    const sound =
      words.length === 4 &&
      words.every((w) => Number.isInteger(w) && w >= 0 && w < 2 ** 32) &&
      Number.isSafeInteger(state.position) &&
      state.position >= 0;
    if (!sound) {
      throw new UsageError(
        `RandomStream.restore: wanted { seed: [word, word], stream: [word, word], position }, got ${JSON.stringify(state)}`,
      );
    }
    return RandomStream.#from(state.seed, state.stream, state.position);
  }

  static #from(key: readonly [number, number], stream: readonly [number, number], position: number): RandomStream {
    const made = new RandomStream(joinWords(key), joinWords(stream));
    made.#position = position;
    return made;
  }

  #draw(block: number): void {
    this.#counter[0] = block >>> 0;
    this.#counter[1] = Math.floor(block / 2 ** 32);
    philox(this.#counter, this.#key, this.#block);
    this.#held = block;
  }

  #eachBlock(count: number, use: (words: Uint32Array, at: number, count: number) => void): void {
    const first = Math.ceil(this.#position / 4);
    for (let at = 0; at < count; at += 4) {
      this.#draw(first + at / 4);
      use(this.#block, at, Math.min(4, count - at));
    }
    this.#position = (first + Math.ceil(count / 4)) * 4;
  }
}

const FORK_KEY = [0x666f7665, 0x61000001] as const;

/** √(−2 log u) with u in (0, 1] on the grid of 2^-32: at most 6.7. */
function normalRadius(word: number): number {
  return Math.sqrt(-2 * log((word + 1) * 2 ** -32));
}

function twoWords(value: number | bigint, what: string): [number, number] {
  if (typeof value === "number" && !Number.isSafeInteger(value)) {
    throw new UsageError(`RandomStream: ${what} must be a whole number below 2^53 (or a bigint), got ${value}`);
  }
  const bits = BigInt.asUintN(64, BigInt(value));
  return [Number(bits & 0xffffffffn), Number(bits >> 32n)];
}

function joinWords([low, high]: readonly [number, number]): bigint {
  return (BigInt(high) << 32n) | BigInt(low);
}

// The one global stream: what draws without being given a stream draws from here.
let globalStream = new RandomStream(0);

/** Restarts the global stream from a seed. It starts from seed 0. */
export function manualSeed(seed: number | bigint): RandomStream {
  globalStream = new RandomStream(seed);
  return globalStream;
}

/** The global stream. */
export function defaultStream(): RandomStream {
  return globalStream;
}

/** Puts the global stream back to where `state` noted it: the numbers go on as they did then. */
export function restoreDefaultStream(state: RandomState): void {
  globalStream = RandomStream.restore(state);
}
