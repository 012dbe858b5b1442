import { describe, expect, test } from "vitest";
import { Heap, showBytes } from "./heap.ts";

const GB = 2 ** 30;

/** A small generator, so that a failure repeats. */
function randomizer(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return ((state >>> 8) / 2 ** 24) * below;
  };
}

describe("heap", () => {
  test("addresses are aligned to 64 bytes and blocks never overlap", () => {
    const random = randomizer(1);
    const base = 64 * 1_000_003;
    const heap = new Heap({ base, limit: base + GB });
    const live = new Map<number, number>();
    for (let step = 0; step < 20_000; step++) {
      if (live.size > 0 && random(1) < 0.48) {
        const address = [...live.keys()][Math.floor(random(Math.min(live.size, 50)))]!;
        heap.free(address);
        live.delete(address);
      } else {
        const bytes = Math.floor(2 ** random(18));
        const address = heap.allocate(bytes);
        expect(address % 64).toBe(0);
        live.set(address, bytes);
      }
      if (step % 500 === 0) {
        let end = base;
        for (const [address, bytes] of [...live].toSorted(([a], [b]) => a - b)) {
          expect(address).toBeGreaterThanOrEqual(end);
          end = address + bytes;
        }
        expect(heap.stats().liveBlocks).toBe(live.size);
      }
    }
    for (const address of live.keys()) heap.free(address);
    expect(heap.stats()).toMatchObject({ liveBytes: 0, liveBlocks: 0 });
    // Everything merged: the whole region is one piece again, from the first address on.
    expect(heap.allocate(GB)).toBe(base);
  });

  test("200 sizes again and again reserve no more than the first round", () => {
    const heap = new Heap({ base: 64, limit: 64 + GB });
    const round = (order: (i: number) => number): void => {
      const addresses = Array.from({ length: 200 }, (_, i) => heap.allocate(1000 + i * 777));
      for (let i = 0; i < 200; i++) heap.free(addresses[order(i)]!);
    };
    round((i) => i);
    const { reservedBytes } = heap.stats();
    for (let k = 0; k < 20; k++) round((i) => (i * 7 + k) % 200); // 7 and 200 share no factor: a permutation
    expect(heap.stats()).toMatchObject({ liveBytes: 0, liveBlocks: 0, reservedBytes });
  });

  test("1,000 steps over 200 changing shapes keep the reserved memory below twice the most that was live", () => {
    const heap = new Heap({ base: 64, limit: 64 + 4 * GB });
    const random = randomizer(7);
    const weights = Array.from({ length: 20 }, () => heap.allocate(random(1e6)));
    for (let step = 0; step < 1000; step++) {
      const scale = 1 + (step % 200) * 37;
      const blocks = Array.from({ length: 30 }, (_, i) => heap.allocate(scale * (i + 1) * 40));
      for (const address of blocks.toReversed()) heap.free(address);
    }
    const { peakBytes, reservedBytes } = heap.stats();
    expect(reservedBytes).toBeLessThan(2 * peakBytes);
    for (const address of weights) heap.free(address);
    expect(heap.stats().liveBytes).toBe(0);
  });

  test("a freed piece is used again before memory beyond the last block is", () => {
    const heap = new Heap({ base: 0, limit: GB });
    const first = heap.allocate(4096);
    heap.allocate(64);
    heap.free(first);
    expect(heap.allocate(4096)).toBe(first);
    expect(heap.stats().reservedBytes).toBe(4096 + 64);
  });

  test("freeing twice, or an address that was never given out, is an error", () => {
    const heap = new Heap({ base: 0, limit: GB });
    const address = heap.allocate(10);
    heap.free(address);
    expect(() => heap.free(address)).toThrow(/freed before, or never allocated/);
    expect(() => heap.free(64)).toThrow(/never allocated/);
    expect(() => heap.allocate(Number.NaN)).toThrow(/NaN/);
    expect(() => heap.allocate(-1)).toThrow(/-1/);
  });

  test("running out says how much was asked for and how much is held", () => {
    const heap = new Heap({ base: 0, limit: 1024 * 1024, name: "the test" });
    heap.allocate(512 * 1024);
    expect(() => heap.allocate(768 * 1024)).toThrow(
      "the test is out of memory: 768 KB (786432 bytes) were asked for, 512 KB (524288 bytes) are held in 1 blocks " +
        "and 512 KB (524288 bytes) of 1 MB (1048576 bytes) are free; use a smaller batch or smaller images",
    );
    expect(heap.allocate(512 * 1024)).toBe(512 * 1024);
  });

  test("a refusal to grow is out of memory, and later smaller requests still work", () => {
    const heap = new Heap({ base: 0, limit: GB, grow: (end) => end <= 65536 });
    expect(() => heap.allocate(65537)).toThrow(/out of memory/);
    expect(heap.allocate(65536)).toBe(0);
  });

  test("addresses beyond 2^32 and blocks of many gigabytes work", () => {
    const base = 0x7f00_0000_0000;
    const heap = new Heap({ base, limit: base + 1024 * GB });
    const a = heap.allocate(200 * GB);
    const b = heap.allocate(64);
    heap.free(a);
    expect(b).toBe(base + 200 * GB);
    expect(heap.allocate(150 * GB)).toBe(base);
  });
});

test("byte counts are shown in units of 1,024", () => {
  expect([0, 1023, 1536, 1000 * 1024, 5.25 * GB].map(showBytes)).toEqual([
    "0 bytes",
    "1023 bytes",
    "1.5 KB (1536 bytes)",
    "1000 KB (1024000 bytes)",
    "5.3 GB (5637144576 bytes)",
  ]);
});
