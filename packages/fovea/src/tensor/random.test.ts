import { expect, it } from "vitest";
import { manualSeed, rand, randn, RandomStream } from "../index.ts";

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
