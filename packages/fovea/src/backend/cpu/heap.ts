import { FoveaError } from "../../base/errors.ts";

export interface HeapStats {
  /** Bytes in blocks now, rounded up to whole cache lines. */
  readonly liveBytes: number;
  /** The most `liveBytes` has been. */
  readonly peakBytes: number;
  readonly liveBlocks: number;
  /** Bytes of the region that were ever in use: what the system may have had to provide. */
  readonly reservedBytes: number;
}

export interface HeapOptions {
  /** First address, a multiple of 64. */
  readonly base: number;
  /** First address that can never be used. */
  readonly limit: number;
  /** Makes memory up to `end` usable; false when the system refuses. Without it all of the region is. */
  readonly grow?: (end: number) => boolean;
  /** Named in errors. */
  readonly name?: string;
}

/** A piece of the region; pieces form a list in address order, and free ones also hang in a bin. */
interface Block {
  address: number;
  size: number;
  free: boolean;
  before: Block | null;
  after: Block | null;
  binBefore: Block | null;
  binAfter: Block | null;
}

const LINE = 64;
/** Bins per power of two: the width of a bin is an eighth of its size. */
const STEPS = 8;
const BINS = 48 * STEPS;
/** How many blocks of a bin are looked at before a larger bin is taken. */
const TRIES = 16;

/**
 * Hands out 64-byte aligned pieces of a linear region of addresses: segregated fit with coalescing.
 * Free blocks hang in bins by size; a request takes a block of its own bin that is large enough, else any of the next
 * bin that has one, else memory beyond the last block. Neighbours that are free always merge.
 */
export class Heap {
  readonly base: number;
  readonly limit: number;
  readonly #grow: (end: number) => boolean;
  readonly #name: string;
  readonly #bins: (Block | null)[] = Array.from({ length: BINS }, () => null);
  /** One bit per bin that is not empty, 32 bins a word. */
  readonly #filled = new Int32Array(BINS / 32);
  readonly #live = new Map<number, Block>();
  #last: Block | null = null;
  /** End of the last block; beyond it the region is untouched, or was given back. */
  #top: number;
  #highest: number;
  #liveBytes = 0;
  #peakBytes = 0;

  constructor({ base, limit, grow = () => true, name = "memory" }: HeapOptions) {
    this.base = base;
    this.limit = limit;
    this.#grow = grow;
    this.#name = name;
    this.#top = base;
    this.#highest = base;
  }

  /** The address of at least `bytes` bytes, whose contents are whatever was there. */
  allocate(bytes: number): number {
    if (!(bytes >= 0 && bytes <= Number.MAX_SAFE_INTEGER)) {
      throw new FoveaError(`${this.#name}: cannot allocate ${bytes} bytes; a size is a number from 0 up`);
    }
    const size = Math.max(LINE, Math.ceil(bytes / LINE) * LINE);
    const block = this.#takeFree(size) ?? this.#takeTop(size);
    if (block === null) throw this.#exhausted(bytes);
    block.free = false;
    this.#live.set(block.address, block);
    this.#liveBytes += block.size;
    if (this.#liveBytes > this.#peakBytes) this.#peakBytes = this.#liveBytes;
    return block.address;
  }

  free(address: number): void {
    const block = this.#live.get(address);
    if (block === undefined) {
      throw new FoveaError(
        `${this.#name}: address ${address} is not that of a live block; it was freed before, or never allocated`,
      );
    }
    this.#live.delete(address);
    this.#liveBytes -= block.size;
    block.free = true;
    this.#settle(this.#merge(block));
  }

  stats(): HeapStats {
    return {
      liveBytes: this.#liveBytes,
      peakBytes: this.#peakBytes,
      liveBlocks: this.#live.size,
      reservedBytes: this.#highest - this.base,
    };
  }

  #takeFree(size: number): Block | null {
    const own = binOf(size);
    let block = this.#bins[own] ?? null;
    for (let tries = 0; block !== null && tries < TRIES; tries++, block = block.binAfter) {
      if (block.size >= size) return this.#cut(block, size);
    }
    const larger = this.#nextFilled(own + 1);
    return larger === -1 ? null : this.#cut(this.#bins[larger]!, size);
  }

  /** Takes `block` out of its bin and puts back what is left beyond `size`. */
  #cut(block: Block, size: number): Block {
    this.#unbin(block);
    if (block.size > size) {
      const rest = newBlock(block.address + size, block.size - size, block, block.after);
      if (block.after !== null) block.after.before = rest;
      else this.#last = rest;
      block.after = rest;
      block.size = size;
      this.#bin(rest);
    }
    return block;
  }

  #takeTop(size: number): Block | null {
    const end = this.#top + size;
    if (end > this.limit || !this.#grow(end)) return null;
    const block = newBlock(this.#top, size, this.#last, null);
    if (this.#last !== null) this.#last.after = block;
    this.#last = block;
    this.#top = end;
    if (end > this.#highest) this.#highest = end;
    return block;
  }

  /** Joins a freed block with its free neighbours. */
  #merge(block: Block): Block {
    const { before, after } = block;
    if (after !== null && after.free) {
      this.#unbin(after);
      this.#absorb(block, after);
    }
    if (before !== null && before.free) {
      this.#unbin(before);
      this.#absorb(before, block);
      return before;
    }
    return block;
  }

  #absorb(block: Block, next: Block): void {
    block.size += next.size;
    block.after = next.after;
    if (next.after !== null) next.after.before = block;
    else this.#last = block;
  }

  /** Puts a free block into its bin, or back beyond the top when it is the last. */
  #settle(block: Block): void {
    if (block.after !== null) {
      this.#bin(block);
      return;
    }
    this.#top = block.address;
    this.#last = block.before;
    if (block.before !== null) block.before.after = null;
  }

  #bin(block: Block): void {
    const i = binOf(block.size);
    const head = this.#bins[i] ?? null;
    block.binBefore = null;
    block.binAfter = head;
    if (head !== null) head.binBefore = block;
    this.#bins[i] = block;
    this.#filled[i >> 5]! |= 1 << (i & 31);
  }

  #unbin(block: Block): void {
    if (block.binAfter !== null) block.binAfter.binBefore = block.binBefore;
    if (block.binBefore !== null) {
      block.binBefore.binAfter = block.binAfter;
      return;
    }
    const i = binOf(block.size);
    this.#bins[i] = block.binAfter;
    if (block.binAfter === null) this.#filled[i >> 5]! &= ~(1 << (i & 31));
  }

  /** The first bin from `from` on that holds a block, or −1. */
  #nextFilled(from: number): number {
    let word = from >> 5;
    if (word >= this.#filled.length) return -1;
    let bits = this.#filled[word]! & (-1 << (from & 31));
    while (bits === 0) {
      if (++word === this.#filled.length) return -1;
      bits = this.#filled[word]!;
    }
    return word * 32 + 31 - Math.clz32(bits & -bits);
  }

  #exhausted(bytes: number): FoveaError {
    const free = this.limit - this.base - this.#liveBytes;
    return new FoveaError(
      `${this.#name} is out of memory: ${showBytes(bytes)} were asked for, ${showBytes(this.#liveBytes)} are held in ` +
        `${this.#live.size} blocks and ${showBytes(free)} of ${showBytes(this.limit - this.base)} are free` +
        `${free >= bytes ? " but not in one piece" : ""}; use a smaller batch or smaller images`,
    );
  }
}

function newBlock(address: number, size: number, before: Block | null, after: Block | null): Block {
  return { address, size, free: true, before, after, binBefore: null, binAfter: null };
}

/** The bin of a size: by power of two, then by eighths of it. All of a bin are smaller than all of the next. */
function binOf(size: number): number {
  const lines = size / LINE;
  if (lines < STEPS) return lines;
  let power = 31 - Math.clz32(lines >= 2 ** 31 ? lines / 2 ** 16 : lines);
  if (lines >= 2 ** 31) power += 16;
  return Math.min(BINS - 1, (power - 2) * STEPS + Math.floor(lines / 2 ** (power - 3)) - STEPS);
}

/** Bytes for people: 1536 → "1.5 KB (1536 bytes)". */
export function showBytes(bytes: number): string {
  const units = ["KB", "MB", "GB", "TB"];
  if (bytes < 1024) return `${bytes} bytes`;
  const power = Math.min(units.length, Math.floor(Math.log2(bytes) / 10));
  const value = bytes / 1024 ** power;
  return `${Number(value.toFixed(value < 100 ? 1 : 0))} ${units[power - 1]} (${bytes} bytes)`;
}
