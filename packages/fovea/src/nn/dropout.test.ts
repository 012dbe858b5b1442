import { expect, it } from "vitest";
import { compile, manualSeed, nn, ones, rand, tensor, type Tensor } from "../index.ts";
import { describeEngines } from "../testing/engines.ts";

const values = (t: Tensor) => Array.from(t.storage.values());

/** The one value each channel holds; fails if a channel holds several. */
const channels = (t: Tensor): number[] => {
  const [v, size] = [values(t), t.size / (t.shape[0]! * t.shape[1]!)];
  return Array.from({ length: v.length / size }, (_, c) => {
    const own = new Set(v.slice(c * size, (c + 1) * size));
    expect(own.size).toBe(1);
    return [...own][0]!;
  });
};

describeEngines("dropout's relatives", () => {
  it("Dropout1d, 2d and 3d drop whole channels with probability p and scale the others", () => {
    manualSeed(1);
    for (const [layer, x] of [
      [new nn.Dropout1d(0.25), ones([50, 40, 3])],
      [new nn.Dropout2d(0.25), ones([50, 40, 2, 2])],
      [new nn.Dropout3d(0.25), ones([50, 40, 2, 1, 2])],
    ] as const) {
      const found = channels(layer.forward(x));
      expect(new Set(found)).toEqual(
        new Set([0, Math.fround(4 / 3)].map((v) => found.find((f) => Math.abs(f - v) < 1e-6)!)),
      );
      const kept = found.filter((v) => v !== 0).length / 2000;
      expect(Math.abs(kept - 0.75)).toBeLessThan(0.04); // 4 standard deviations of 0.0097
      expect(layer.eval().forward(x)).toBe(x);
      expect(() => layer.forward(ones([2, 2]))).toThrow(/wanted \[N, C, .*got \[2, 2\]/);
    }
    expect(() => new nn.Dropout2d(1)).toThrow("Dropout2d: p must be in [0, 1), got 1");
  });

  it("AlphaDropout keeps mean 0 and variance 1", () => {
    manualSeed(2);
    const x = tensor(Float32Array.from({ length: 20_000 }, (_, i) => (i % 2 === 0 ? 1 : -1)));
    const y = values(new nn.AlphaDropout(0.3).forward(x));
    const mean = y.reduce((s, v) => s + v, 0) / y.length;
    const variance = y.reduce((s, v) => s + (v - mean) ** 2, 0) / y.length;
    expect(Math.abs(mean)).toBeLessThan(0.04);
    expect(Math.abs(variance - 1)).toBeLessThan(0.04);
    // Three values: the dropped ones at the same place. a = ((1 − p)(1 + p α′²))^−½ with α′ = −1.7580993.
    const a = 1 / Math.sqrt(0.7 * (1 + 0.3 * 1.7580993408473766 ** 2));
    const b = a * 1.7580993408473766 * 0.3;
    const want = [a + b, -a + b, -1.7580993408473766 * a + b].toSorted((p, q) => p - q);
    const found = [...new Set(y.map((v) => Math.round(v * 1e5) / 1e5))].toSorted((p, q) => p - q);
    expect(found.length).toBe(3);
    found.forEach((v, i) => expect(v).toBeCloseTo(want[i]!, 4));
  });

  it("StochasticDepth skips images, or the whole batch", () => {
    manualSeed(3);
    const x = ones([2000, 1, 2, 2]);
    const rows = channels(new nn.StochasticDepth(0.2, "row").forward(x));
    const kept = rows.filter((v) => Math.abs(v - 1.25) < 1e-6).length;
    expect(kept + rows.filter((v) => v === 0).length).toBe(2000);
    expect(Math.abs(kept / 2000 - 0.8)).toBeLessThan(0.036); // 4 standard deviations
    const batch = new nn.StochasticDepth(0.5, "batch");
    const seen = Array.from({ length: 20 }, () => new Set(values(batch.forward(ones([4, 3])))));
    expect(seen.every((s) => s.size === 1)).toBe(true);
    expect(new Set(seen.map((s) => [...s][0]))).toEqual(new Set([0, 2]));
    expect(values(new nn.StochasticDepth(1, "row").forward(ones([3])))).toEqual([0, 0, 0]);
    expect(batch.eval().forward(x)).toBe(x);
    expect(() => new nn.StochasticDepth(0.5, "column" as "row")).toThrow('mode must be "row" or "batch", got column');
    expect(batch.describe()).toBe("StochasticDepth(0.5, batch)");
  });

  it("DropBlock2d drops squares, about p of the pixels, and keeps the mean", () => {
    manualSeed(4);
    for (const size of [3, 2]) {
      const layer = new nn.DropBlock2d(0.1, size);
      const x = ones([20, 10, 12, 12]);
      const y = values(layer.forward(x));
      const dropped = y.filter((v) => v === 0).length / y.length;
      expect(dropped).toBeGreaterThan(0.08);
      expect(dropped).toBeLessThan(0.1); // blocks overlap, so a little less than p
      expect(y.reduce((s, v) => s + v, 0) / y.length).toBeCloseTo(1, 4);
      expect(new Set(y.filter((v) => v !== 0)).size).toBe(1);
      // Every dropped pixel is within a dropped square.
      const at = (plane: number, i: number, j: number) => y[(plane * 12 + i) * 12 + j];
      const square = (plane: number, i: number, j: number) =>
        i >= 0 &&
        j >= 0 &&
        i + size <= 12 &&
        j + size <= 12 &&
        Array.from({ length: size * size }, (_, k) => at(plane, i + Math.floor(k / size), j + (k % size))).every(
          (v) => v === 0,
        );
      for (let k = 0; k < 12 * 12 * 5; k++) {
        const [plane, i, j] = [Math.floor(k / 144), Math.floor(k / 12) % 12, k % 12];
        if (at(plane, i, j) !== 0) continue;
        const inside = Array.from({ length: size * size }, (_, o) =>
          square(plane, i - Math.floor(o / size), j - (o % size)),
        );
        expect(inside.some(Boolean)).toBe(true);
      }
    }
    expect(new nn.DropBlock2d(0.5, 7).forward(ones([1, 1, 3, 4])).shape).toEqual([1, 1, 3, 4]);
    const x = ones([1, 1, 3, 3]);
    expect(new nn.DropBlock2d(0.5, 7).eval().forward(x)).toBe(x);
    expect(() => new nn.DropBlock2d(0.5, 0)).toThrow(/blockSize must be a whole number ≥ 1, got 0/);
  });

  it("compiled, they draw new numbers at every call: those that eager would draw", () => {
    const net = new nn.Sequential(
      new nn.Dropout2d(0.3),
      new nn.StochasticDepth(0.3, "row"),
      new nn.DropBlock2d(0.2, 2),
      new nn.AlphaDropout(0.2),
    );
    const x = rand([8, 4, 5, 5]);
    const run = compile((t: Tensor) => net.forward(t));
    manualSeed(9);
    const compiled = [run(x), run(x), run(x)].map((t) => t.storage.values());
    manualSeed(9);
    const eager = [net.forward(x), net.forward(x), net.forward(x)].map((t) => t.storage.values());
    expect(compiled).toEqual(eager);
    expect(compiled[0]).not.toEqual(compiled[1]);
  });

  it("gradients pass through what is kept", () => {
    manualSeed(5);
    const x = ones([4, 6, 4, 4]).requireGrad();
    for (const layer of [new nn.Dropout2d(0.5), new nn.StochasticDepth(0.5, "row"), new nn.DropBlock2d(0.3, 2)]) {
      const y = layer.forward(x);
      x.grad = null;
      y.sum().backward();
      expect(values(x.grad!)).toEqual(values(y)); // linear in x, which is 1
    }
  });
});
