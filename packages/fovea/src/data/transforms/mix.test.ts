import { describe, expect, it } from "vitest";
import { RandomStream } from "../../base/random.ts";
import type { Batch } from "../loader.ts";
import { cutMix, mixUp } from "./index.ts";

/** Image n is n + 1 everywhere and of class n % 3. */
function batch(size: number): Batch {
  const x = Float32Array.from({ length: size * 60 }, (_, i) => Math.floor(i / 60) + 1);
  const y = Int32Array.from({ length: size }, (_, i) => i % 3);
  return { x, y, shape: [size, 2, 6, 5], yShape: [size], size, index: 0, indices: Uint32Array.from(y) };
}

describe.each([mixUp, cutMix])("%o", (mix) => {
  it("labels are mixed by the share that images are", () => {
    const one = batch(3);
    let changed = 0;
    for (let seed = 0; seed < 40; seed++) {
      const mixed = mix({ alpha: 1 }).applyBatch(one, new RandomStream(seed), 3);
      expect(mixed.yShape).toEqual([3, 3]);
      for (let n = 0; n < 3; n++) {
        // Image k is k + 1 everywhere, so the mean of an image is Σ probability of class k · (k + 1).
        const mean = mixed.x.subarray(60 * n, 60 * n + 60).reduce((sum, v) => sum + v, 0) / 60;
        const [a, b, c] = mixed.y.subarray(3 * n, 3 * n + 3);
        expect(a! + b! + c!).toBeCloseTo(1, 6);
        expect(mean).toBeCloseTo(a! + 2 * b! + 3 * c!, 5);
        if (Math.max(a!, b!, c!) < 1) changed++;
      }
    }
    expect(changed).toBeGreaterThan(30);
    expect(one).toEqual(batch(3));
  });

  it("is the same for the same seed, and leaves images alone with p = 0", () => {
    const one = batch(4);
    const apply = () => mix().applyBatch(one, new RandomStream(5), 3);
    expect(apply()).toEqual(apply());
    const still = mix({ p: 0 }).applyBatch(one, new RandomStream(5), 3);
    expect(still.x).toBe(one.x);
    expect([...still.y.subarray(0, 6)]).toEqual([1, 0, 0, 0, 1, 0]);
    // What comes out can be mixed again.
    expect(mixUp().applyBatch(apply(), new RandomStream(1), 3).y.length).toBe(12);
  });

  it("refuses what does not fit", () => {
    const { name } = mix();
    expect(() => mix({ alpha: 0 })).toThrow(`${name}: alpha must be`);
    expect(() => mix({ p: 2 })).toThrow(`${name}: p must be`);
    const apply = (changed: Partial<Batch>, classes: number) =>
      mix().applyBatch({ ...batch(3), ...changed }, new RandomStream(0), classes);
    expect(() => apply({}, 2)).toThrow(`${name}: label 2 of sample 2 is not one of the 2 classes`);
    expect(() => apply({ y: new Float32Array(6), yShape: [3, 2] }, 3)).toThrow("wanted one of 3 classes");
    expect(() => apply({ y: new Int32Array(12), yShape: [3, 2, 2] }, 3)).toThrow("wanted one of 3 classes");
  });
});

it("mixUp draws its shares from Beta(α, α)", () => {
  // Mean 1/2 and variance 1 / (4 (2α + 1)); the share of image 0 where its partner is image 1.
  for (const alpha of [0.2, 1, 4]) {
    const random = new RandomStream(3);
    const mix = mixUp({ alpha });
    let [count, sum, squares] = [0, 0, 0];
    for (let i = 0; i < 6000; i++) {
      const { x } = mix.applyBatch({ ...batch(2), x: Float32Array.of(0, 1), shape: [2, 1, 1, 1] }, random, 3);
      const [a, b] = x;
      if (a === 0 && b === 1) continue; // paired with itself, or a share of 1
      count++;
      sum += a!;
      squares += a! * a!;
    }
    const mean = sum / count;
    expect(Math.abs(mean - 0.5)).toBeLessThan(0.035);
    expect(Math.abs(squares / count - mean * mean - 1 / (4 * (2 * alpha + 1)))).toBeLessThan(0.02);
  }
});
