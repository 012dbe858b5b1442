import { describe, expect, it } from "vitest";
import { RandomStream } from "../../base/random.ts";
import { cutMix, mixUp } from "./index.ts";

/** Image n is n + 1 everywhere and of class n % 3. */
function batch(n: number) {
  const shape = [n, 2, 6, 5] as const;
  const x = Float32Array.from({ length: n * 60 }, (_, i) => Math.floor(i / 60) + 1);
  return { x, y: Int32Array.from({ length: n }, (_, i) => i % 3), shape };
}

describe.each([mixUp, cutMix])("%o", (mix) => {
  it("labels are mixed by the share that images are", () => {
    const { x, y, shape } = batch(3);
    let changed = 0;
    for (let seed = 0; seed < 40; seed++) {
      const mixed = mix({ classes: 3, alpha: 1 }).apply({ x, y, shape }, new RandomStream(seed));
      expect(mixed.shape).toEqual(shape);
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
    expect(x).toEqual(batch(3).x);
  });

  it("is the same for the same seed, and leaves the batch alone with p = 0", () => {
    const one = batch(4);
    const apply = () => mix({ classes: 3 }).apply(one, new RandomStream(5));
    expect(apply()).toEqual(apply());
    const still = mix({ classes: 3, p: 0 }).apply(one, new RandomStream(5));
    expect(still.x).toBe(one.x);
    expect([...still.y.subarray(0, 6)]).toEqual([1, 0, 0, 0, 1, 0]);
    // What comes out can be mixed again.
    expect(mixUp({ classes: 3 }).apply(apply(), new RandomStream(1)).y.length).toBe(12);
  });

  it("refuses what does not fit", () => {
    const { name } = mix({ classes: 2 });
    expect(() => mix({ classes: 0 })).toThrow(`${name}: classes must be a whole number in 1 … 1000000, got 0`);
    expect(() => mix({ classes: 2, alpha: 0 })).toThrow(`${name}: alpha must be`);
    expect(() => mix({ classes: 2, p: 2 })).toThrow(`${name}: p must be`);
    expect(() => mix({ classes: 2 }).apply(batch(3), new RandomStream(0))).toThrow(
      `${name}: label 2 of image 2 is not one of the 2 classes`,
    );
    const wrong = { ...batch(3), y: new Float32Array(7) };
    expect(() => mix({ classes: 3 }).apply(wrong, new RandomStream(0))).toThrow("7 probabilities; wanted 3 × 3");
  });
});

it("mixUp draws its shares from Beta(α, α)", () => {
  // Mean 1/2 and variance 1 / (4 (2α + 1)); the share of image 0 where its partner is image 1.
  for (const alpha of [0.2, 1, 4]) {
    const random = new RandomStream(3);
    const mix = mixUp({ classes: 3, alpha });
    let [count, sum, squares] = [0, 0, 0];
    for (let i = 0; i < 6000; i++) {
      const { x } = mix.apply({ ...batch(2), x: Float32Array.of(0, 1), shape: [2, 1, 1, 1] }, random);
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
