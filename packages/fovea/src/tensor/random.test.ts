import { expect, it } from "vitest";
import { currentEngine } from "../backend/engines.ts";
import { manualSeed, rand, randn, RandomStream, setThreads, threads } from "../index.ts";
import { describeEngines } from "../testing/engines.ts";

it("rand is uniform in [0, 1), randn has mean 0 and variance 1", () => {
  manualSeed(11);
  const u = rand([100, 100]).storage.values() as Float32Array;
  expect(u.every((v) => v >= 0 && v < 1)).toBe(true);
  expect(u.reduce((a, b) => a + b) / 1e4).toBeCloseTo(0.5, 1);
  const n = randn([100, 100]).storage.values() as Float32Array;
  expect(Math.abs(n.reduce((a, b) => a + b) / 1e4)).toBeLessThan(0.05); // five standard deviations
  expect(n.reduce((a, b) => a + b * b, 0) / 1e4).toBeCloseTo(1, 1);
});

it("a seed gives the same numbers; a stream given leaves the global one alone", () => {
  manualSeed(3);
  const first = [rand([3]), randn([2, 2])].map((t) => t.storage.values());
  manualSeed(3);
  const stream = new RandomStream(3);
  const own = [rand([3], { stream }), randn([2, 2], { stream })].map((t) => t.storage.values());
  const again = [rand([3]), randn([2, 2])].map((t) => t.storage.values());
  expect(again).toEqual(first);
  expect(own).toEqual(first);
});

// Origin: base/random.ts, whose bits are pinned in its test.
describeEngines("numbers drawn in an engine's memory", () => {
  it.each([
    ["uniform", [-0.3, 0.7]],
    ["normal", [0.1, 2.5]],
  ] as const)("%s ones are the host's to the bit, on any number of threads", (distribution, [a, b]) => {
    const size = 50_001;
    const stream = new RandomStream(2 ** 40 + 5, 7);
    stream.uint32();
    const draw = distribution === "uniform" ? stream.laterUniform(size, a, b) : stream.laterNormal(size, a, b);
    expect(stream.state.position).toBe(4 + Math.ceil(size / 4) * 4);
    const host = draw.values();
    const engine = currentEngine();
    const before = threads();
    for (const count of [1, 3]) {
      setThreads(count);
      const buffer = engine.upload(draw, { shape: [size], dtype: "float32" });
      const drawn = engine.download(buffer);
      buffer.release();
      expect(host.findIndex((v, i) => !Object.is(v, drawn[i]))).toBe(-1);
    }
    setThreads(before);
  });
});
