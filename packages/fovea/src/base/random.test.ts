import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { UsageError } from "./errors.ts";
import { RandomStream, defaultStream, manualSeed, philox } from "./random.ts";

const hex = (words: Iterable<number>) => [...words].map((w) => w.toString(16).padStart(8, "0")).join(" ");

// Origin: kat_vectors of Random123 (Salmon et al.), "philox4x32 10".
describe("philox gives the published known answers", () => {
  it.each<[string, number[], number[], string]>([
    ["zeros", [0, 0, 0, 0], [0, 0], "6627e8d5 e169c58d bc57ac4c 9b00dbd8"],
    [
      "ones",
      [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff],
      [0xffffffff, 0xffffffff],
      "408f276d 41c83b0e a20bc7c6 6d5451fd",
    ],
    [
      "digits of pi",
      [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
      [0xa4093822, 0x299f31d0],
      "d16cfe09 94fdcceb 5001e420 24126ea1",
    ],
  ])("%s", (_, counter, key, wanted) => {
    const out = new Uint32Array(4);
    philox(counter, key, out);
    expect(hex(out)).toBe(wanted);
  });
});

describe("RandomStream", () => {
  it("gives the words of the Philox blocks of its key in order", () => {
    const stream = new RandomStream(0);
    expect(hex([stream.uint32(), stream.uint32(), stream.uint32(), stream.uint32()])).toBe(
      "6627e8d5 e169c58d bc57ac4c 9b00dbd8",
    );
    const block = new Uint32Array(4);
    philox([1, 0, 0, 0], [0, 0], block);
    expect(stream.uint32()).toBe(block[0]);
  });

  it("differs by seed, also in the high word and the sign", () => {
    const first = [0, 1, -1, 2 ** 32, 2n ** 63n].map((seed) => new RandomStream(seed).uint32());
    expect(new Set(first).size).toBe(5);
  });

  it("goes on from a saved state that went through JSON", () => {
    const stream = new RandomStream(123, 4);
    for (let i = 0; i < 7; i++) stream.uint32();
    const copy = RandomStream.restore(JSON.parse(JSON.stringify(stream.state)));
    expect([copy.uint32(), copy.normal(), copy.uniform()]).toEqual([
      stream.uint32(),
      stream.normal(),
      stream.uniform(),
    ]);
  });

  it("refuses a state or seed that is none", () => {
    expect(() => RandomStream.restore({ seed: [1, 2], stream: [0, 0], position: -1 })).toThrow(UsageError);
    expect(() => new RandomStream(1.5)).toThrow("seed must be a whole number");
    expect(() => new RandomStream(1).int(0)).toThrow("int: n must be");
  });

  it("forks streams that depend on seed and name alone", () => {
    const stream = new RandomStream(5);
    const before = stream.fork("init").uint32();
    stream.uint32();
    expect(stream.fork("init").uint32()).toBe(before);
    const others = [
      stream.fork("shuffle"),
      stream.fork(0),
      stream.fork(1),
      stream.fork("init").fork("init"),
      stream.fork(""),
      new RandomStream(6).fork("init"),
    ].map((s) => s.uint32());
    expect(new Set([before, ...others]).size).toBe(7);
  });

  it("reserves the blocks that a bulk fill would have used", () => {
    const stream = new RandomStream(9, 2);
    stream.uint32();
    const filled = RandomStream.restore(stream.state).fillUniform(new Float32Array(6));
    const { key, counter } = stream.reserve(6);
    const words = new Uint32Array(8);
    philox(counter, key, words, 0);
    philox([counter[0] + 1, counter[1], counter[2], counter[3]], key, words, 4);
    expect([...filled]).toEqual([...words.subarray(0, 6)].map((w) => (w >>> 8) * 2 ** -24));
    expect(stream.state.position).toBe(12);
  });

  it("fills uniform and normal numbers with the right moments", () => {
    const n = 100_000;
    const moments = (x: Float32Array) => {
      const mean = x.reduce((a, b) => a + b, 0) / n;
      const at = (k: number) => x.reduce((a, b) => a + (b - mean) ** k, 0) / n;
      return { mean, variance: at(2), skew: at(3), fourth: at(4) };
    };
    const uniform = moments(new RandomStream(1).fillUniform(new Float32Array(n), -1, 3));
    expect(uniform.mean).toBeCloseTo(1, 1);
    expect(uniform.variance).toBeCloseTo(16 / 12, 1);
    const normal = moments(new RandomStream(1).fillNormal(new Float32Array(n), 0, 1));
    // Five standard errors: 5/√n = 0.016, 5·√(2/n) = 0.022, 5·√(6/n) = 0.039, 5·√(96/n) = 0.155
    expect(Math.abs(normal.mean)).toBeLessThan(0.016);
    expect(Math.abs(normal.variance - 1)).toBeLessThan(0.022);
    expect(Math.abs(normal.skew)).toBeLessThan(0.039);
    expect(Math.abs(normal.fourth - 3)).toBeLessThan(0.155);
  });

  it("draws whole numbers without bias and permutations without repeats", () => {
    const stream = new RandomStream(3);
    const counts = new Float64Array(7);
    for (let i = 0; i < 70_000; i++) {
      const drawn = stream.int(7);
      counts[drawn] = counts[drawn]! + 1;
    }
    // χ² with 6 degrees of freedom stays below 22.5 with probability 0.999
    expect(counts.reduce((sum, c) => sum + (c - 10_000) ** 2 / 10_000, 0)).toBeLessThan(22.5);
    const order = stream.permutation(1000);
    expect(new Set(order).size).toBe(1000);
    expect([...order]).not.toEqual([...order].toSorted((a, b) => a - b));
    expect(stream.int(2 ** 32)).toBeLessThan(2 ** 32);
  });

  // Origin: this implementation; no host function takes part, so no host may differ.
  it("every host draws the same bits", () => {
    const stream = new RandomStream(2024);
    const values = new Float32Array(4096);
    stream.fillNormal(values.subarray(0, 2047), 0.5, 2);
    stream.fillUniform(values.subarray(2048), -1, 1);
    values[2047] = stream.normal();
    expect(createHash("sha256").update(new Uint8Array(values.buffer)).digest("hex").slice(0, 16)).toBe(
      "e945bddd66689212",
    );
  });
});

it("manualSeed restarts the global stream", () => {
  manualSeed(7);
  const first = defaultStream().uint32();
  manualSeed(7);
  expect(defaultStream().uint32()).toBe(first);
  expect(first).toBe(new RandomStream(7).uint32());
  manualSeed(0);
});
