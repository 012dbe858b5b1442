import { describe, expect, it } from "vitest";
import {
  adaptiveAvgPool2d,
  adaptiveMaxPool2d,
  avgPool1d,
  avgPool2d,
  avgPool3d,
  globalAvgPool,
  globalLpPool,
  globalMaxPool,
  grad,
  gradCheck,
  interpolate,
  localResponseNorm,
  lpPool1d,
  lpPool2d,
  lpPool3d,
  maxPool1d,
  maxPool2d,
  maxPool2dIndices,
  maxPool2dWithIndices,
  maxPool3d,
  maxPool3dWithIndices,
  maxUnpool2d,
  tensor,
  type Tensor,
} from "../index.ts";
import { testNumbers } from "../testing/cases.ts";
import { describeEngines } from "../testing/engines.ts";

const values = (t: Tensor) => Array.from(t.storage.values());
const close = (got: Tensor, want: readonly number[], digits = 5) => {
  expect(got.size).toBe(want.length);
  values(got).forEach((v, i) => expect(v).toBeCloseTo(want[i]!, digits));
};
const picture = (rows: readonly (readonly number[])[]) => tensor([[rows]]);
const seeded = (shape: readonly number[], seed = 5) => {
  const size = shape.reduce((n, d) => n * d, 1);
  return tensor(Float32Array.from({ length: size }, testNumbers(seed)), { shape });
};

// The 3×3 picture of Dive into Deep Learning's figures: 0 … 8.
const nine = () =>
  picture([
    [0, 1, 2],
    [3, 4, 5],
    [6, 7, 8],
  ]);

// The input of Dumoulin and Visin's guide to convolution arithmetic, figures 1.5 and 1.6.
const guide = () =>
  picture([
    [3, 3, 2, 1, 0],
    [0, 0, 1, 3, 1],
    [3, 1, 2, 2, 3],
    [2, 0, 0, 2, 2],
    [2, 0, 0, 0, 1],
  ]);

describeEngines("pooling", () => {
  it("max, mean and L2 over 2×2 windows of 0 … 8", () => {
    // Inventory 1.1 #23 to #25
    close(maxPool2d(nine(), 2, { stride: 1 }), [4, 5, 7, 8]);
    close(avgPool2d(nine(), 2, { stride: 1 }), [2, 3, 5, 6]);
    close(lpPool2d(nine(), 2, 2, { stride: 1 }), [5.0990195, 6.78233, 10.4880885, 12.4096736]);
  });

  it("2×2 windows with stride 2 keep a quarter: the figure of CS231n", () => {
    // Inventory 1.1 #26
    const x = picture([
      [1, 1, 2, 4],
      [5, 6, 7, 8],
      [3, 2, 1, 0],
      [1, 2, 3, 4],
    ]);
    const y = maxPool2d(x, 2);
    close(y, [6, 8, 3, 4]);
    expect(y.size / x.size).toBe(0.25);
  });

  it("3×3 windows with stride 1: the figures of the convolution arithmetic guide", () => {
    // Inventory 1.5
    close(maxPool2d(guide(), 3, { stride: 1 }), [3, 3, 3, 3, 3, 3, 3, 2, 3]);
    const means = [1.6667, 1.6667, 1.6667, 1, 1.2222, 1.7778, 1.1111, 0.7778, 1.3333];
    close(avgPool2d(guide(), 3, { stride: 1 }), means, 4);
  });

  it("unpooling puts the maxima back where they were", () => {
    // Inventory 1.1 #29
    const x = picture([
      [1, 2, 5, 6],
      [3, 4, 7, 8],
      [9, 10, 13, 14],
      [11, 12, 15, 16],
    ]);
    const { values: pooled, indices } = maxPool2dWithIndices(x, 2);
    close(pooled, [4, 8, 12, 16]);
    expect(values(indices)).toEqual([5, 7, 13, 15]);
    expect(values(maxPool2dIndices(x, 2))).toEqual([5, 7, 13, 15]);
    close(maxUnpool2d(pooled, indices, 2), [0, 0, 0, 0, 0, 4, 0, 8, 0, 0, 0, 0, 0, 12, 0, 16]);
  });

  it("a place named by two overlapping windows gets their common value once", () => {
    const { values: pooled, indices } = maxPool2dWithIndices(guide(), 3, { stride: 1 });
    const back = maxUnpool2d(pooled, indices, 3, { stride: 1 });
    // The first 3 in scan order of each window, each once.
    close(back, [3, 3, 0, 0, 0, 0, 0, 0, 3, 0, 3, 0, 2, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
  });

  it("padding 'same' never wins a maximum and does not count in a mean (Keras)", () => {
    // Inventory 12 #6; sizes by 2.3: ⌊(n − 1)/s⌋ + 1
    const below = nine().sub(10);
    close(maxPool2d(below, 2, { padding: "same" }), [-6, -5, -3, -2]);
    close(avgPool2d(nine(), 2, { padding: "same" }), [2, 3.5, 6.5, 8]);
    close(avgPool2d(nine(), 2, { padding: "same", countIncludePad: true }), [2, 1.75, 3.25, 2]);
    for (const [n, s] of [
      [7, 2],
      [8, 3],
      [5, 1],
    ] as const) {
      expect(maxPool1d(seeded([1, 1, n]), 3, { stride: s, padding: "same" }).shape[2]).toBe(
        Math.floor((n - 1) / s) + 1,
      );
    }
  });

  it("global and adaptive pooling give one number per channel whatever the size", () => {
    // Inventory 1.1 #27
    for (const shape of [
      [2, 3, 7, 7],
      [1, 3, 10, 13],
    ] as const) {
      const x = seeded(shape);
      const [n, c, h, w] = shape;
      const maps = Array.from({ length: n * c }, (_, i) => values(x).slice(i * h * w, (i + 1) * h * w));
      const means = maps.map((m) => m.reduce((a, b) => a + b, 0) / m.length);
      close(globalAvgPool(x), means);
      close(adaptiveAvgPool2d(x, 1), means);
      expect(adaptiveAvgPool2d(x, 1).shape).toEqual([n, c, 1, 1]);
      close(
        globalMaxPool(x),
        maps.map((m) => Math.max(...m)),
      );
      close(
        adaptiveMaxPool2d(x, [1, 1]),
        maps.map((m) => Math.max(...m)),
      );
      close(
        globalLpPool(x, 3),
        maps.map((m) => Math.cbrt(m.reduce((a, b) => a + Math.abs(b) ** 3, 0))),
        4,
      );
    }
    expect(adaptiveAvgPool2d(seeded([1, 2, 5, 6]), [3, null]).shape).toEqual([1, 2, 3, 6]);
  });

  it("at least half of the maxima do not change when the picture moves by one pixel", () => {
    // Inventory 1.1 #28. Of independent numbers, the largest of two 4×4 windows one column apart lies in the 12 of 20 that
    // they share: 3/5 of the maxima stay.
    const x = seeded([1, 1, 64, 65]);
    const pool = (from: number) => values(maxPool2d(x.narrow(3, from, 64), 4, { stride: 2 }));
    const [here, there] = [pool(0), pool(1)];
    const same = here.filter((v, i) => v === there[i]).length;
    expect(same / here.length).toBeGreaterThanOrEqual(0.5);
    expect(Math.abs(same / here.length - 0.6)).toBeLessThan(0.05);
  });

  it("volumes are pooled over all three axes", () => {
    // By hand: 0 … 26 in 2×2×2 windows with stride 1; the corner sums are 0 + 1 + 3 + 4 + 9 + 10 + 12 + 13 = 52
    const x = tensor(
      Float32Array.from({ length: 27 }, (_, i) => i),
      { shape: [1, 1, 3, 3, 3] },
    );
    const first = [0, 1, 3, 4, 9, 10, 12, 13];
    close(
      avgPool3d(x, 2, { stride: 1 }),
      first.map((v) => v + 6.5),
    );
    close(
      maxPool3d(x, 2, { stride: 1 }),
      first.map((v) => v + 13),
    );
    expect(values(maxPool3dWithIndices(x, 2, { stride: 1 }).indices)).toEqual(first.map((v) => v + 13));
    close(
      lpPool3d(x, 1, 2, { stride: 1 }),
      first.map((v) => 8 * v + 52),
    );
  });

  it("among equals the first in scan order wins, in volumes too", () => {
    const x = tensor(new Float32Array(8), { shape: [1, 1, 2, 2, 2] });
    expect(values(maxPool3dWithIndices(x, 2).indices)).toEqual([0]);
    const leaf = x.requireGrad();
    close(grad(maxPool3d(leaf, 2).sum(), [leaf])[0]!, [1, 0, 0, 0, 0, 0, 0, 0]);
  });

  it("Lp pooling takes absolute values, and its gradient is 0 where a window is 0", () => {
    // (|−1|³ + 2³)^⅓ = 9^⅓; d/dx = x·|x| / y²
    const x = tensor([-1, 2, 0, 0], { shape: [1, 1, 4] }).requireGrad();
    const y = lpPool1d(x, 3, 2);
    close(y, [Math.cbrt(9), 0]);
    const slope = 1 / Math.cbrt(9) ** 2;
    close(grad(y.sum(), [x])[0]!, [-slope, 4 * slope, 0, 0]);
    const z = tensor([0, 0], { shape: [1, 1, 2] }).requireGrad();
    close(grad(lpPool1d(z, 2, 2).sum(), [z])[0]!, [0, 0]);
    close(lpPool1d(x, Infinity, 2), [2, 0]);
  });

  it("dilated means count padding or not", () => {
    // 1 … 5 padded by one on each side, elements 0 and 2 of each window of 3 apart: (0 + 2)/2, (1 + 3)/2, …
    const x = tensor([1, 2, 3, 4, 5], { shape: [1, 1, 5] });
    close(avgPool1d(x, 2, { stride: 1, padding: 1, dilation: 2 }), [1, 2, 3, 4, 2]);
    close(avgPool1d(x, 2, { stride: 1, padding: 1, dilation: 2, countIncludePad: false }), [2, 2, 3, 4, 4]);
    close(avgPool1d(x, 2, { stride: 1, padding: 1, dilation: 2, divisorOverride: 4 }), [0.5, 1, 1.5, 2, 1]);
  });

  it("local response normalisation, with α as the paper has it and as PyTorch has it", () => {
    // Inventory 1.1 #32
    const x = tensor([1, 2, 3, 4, 5], { shape: [1, 5, 1, 1] });
    const paper = localResponseNorm(x, 5, { alpha: 1e-4, beta: 0.75, k: 2, divideBySize: false });
    close(paper, [0.5942916, 1.187871, 1.7801404, 2.3736093, 2.9674555], 6);
    close(localResponseNorm(x, 5), [0.9997901, 1.9991005, 2.9975274, 3.9967631, 4.9962533], 6);
  });

  it("local response normalisation over an even number of channels, and over pixels", () => {
    // By hand with α = size, k = 0, β = 1: x / Σ x² over two channels, the extra one before or after
    const x = tensor([1, 2, 3], { shape: [1, 3, 1] });
    close(localResponseNorm(x, 2, { alpha: 2, k: 0, beta: 1 }), [1, 2 / 5, 3 / 13]);
    close(localResponseNorm(x, 2, { alpha: 2, k: 0, beta: 1, longSide: "after" }), [1 / 5, 2 / 13, 3 / 9]);
    // All of 0 … 8 but the row and column beyond a pixel's 3×3 square
    const y = localResponseNorm(nine(), 3, { alpha: 9, k: 0, beta: 1, neighbours: "pixels" });
    expect(values(y)[4]).toBeCloseTo(4 / 204, 6);
    expect(values(y)[0]).toBeCloseTo(0, 6);
    expect(values(y)[8]).toBeCloseTo(8 / (16 + 25 + 49 + 64), 6);
  });

  it("a NaN spoils its neighbours only", () => {
    const x = tensor([NaN, 1, 1, 1, 1], { shape: [1, 5, 1] });
    expect(values(localResponseNorm(x, 3)).map(Number.isNaN)).toEqual([true, true, false, false, false]);
    const row = x.reshape([1, 1, 5]);
    expect(values(interpolate(row, { size: 10, mode: "linear" })).filter(Number.isNaN).length).toBe(3);
    expect(values(adaptiveAvgPool2d(row.unsqueeze(2), [1, 4])).map(Number.isNaN)).toEqual([true, false, false, false]);
  });

  it("a second derivative goes through pooled squares", () => {
    // Σ max(x)²: 2 at each maximum
    const x = tensor([1, 5, 2, 3], { shape: [1, 1, 4] }).requireGrad();
    const [first] = grad(maxPool1d(x, 2).square().sum(), [x], { createGraph: true });
    close(grad(first!.sum(), [x])[0]!, [0, 2, 0, 2]);
  });
});

describe("pooling", () => {
  it("has the gradients that finite differences measure where PyTorch has no counterpart", () => {
    const volume = () => [seeded([1, 2, 4, 3, 5])];
    const signal = () => [seeded([2, 3, 9])];
    gradCheck((x) => lpPool3d(x, 3, 2, { stride: [2, 1, 2], padding: 1 }), volume());
    gradCheck((x) => lpPool1d(x, 0.5, 3, { padding: 1, ceilMode: true, stride: 2 }), signal());
    gradCheck((x) => avgPool1d(x, 3, { dilation: 2, stride: 2, padding: "same" }), signal());
    gradCheck((x) => avgPool3d(x, 2, { dilation: [2, 1, 3], padding: 1, divisorOverride: 5, stride: 1 }), volume());
    gradCheck((x) => globalMaxPool(x), volume());
    gradCheck((x) => globalLpPool(x, 4), volume());
    const map = () => [seeded([1, 3, 5, 4])];
    gradCheck((x) => localResponseNorm(x, 3, { neighbours: "pixels", alpha: 1, divideBySize: false }), map());
    gradCheck((x) => localResponseNorm(x, 2, { longSide: "after", alpha: 1 }), map());
  });

  it("says what does not fit", () => {
    const x = seeded([1, 2, 5]);
    expect(() => maxPool1d(x, 7)).toThrow(
      "maxPool1d: x [1, 2, 5] with window [7] leaves no output positions: (5 + 2·0 − 7)/7 + 1 = 0",
    );
    expect(() => maxPool3d(x, 2)).toThrow("maxPool3d: needs [N, C, D, H, W], got [1, 2, 5]");
    expect(() => avgPool1d(x, 2, { padding: 2 })).toThrow(
      "avgPool1d: padding [2, 2] is not smaller than the window, 1·(2 − 1) + 1 = 2, so some windows would hold no pixel",
    );
    expect(() => avgPool1d(x, 0)).toThrow("avgPool1d: kernelSize must be a whole number ≥ 1, got 0");
    expect(() => avgPool1d(x, 2, { divisorOverride: 0 })).toThrow("avgPool1d: divisorOverride must not be 0");
    expect(() => lpPool1d(x, 0, 2)).toThrow("lpPool1d: the power must be above 0, got 0");
    expect(() => adaptiveAvgPool2d(x, 2)).toThrow("adaptiveAvgPool2d: needs [N, C, H, W], got [1, 2, 5]");
    expect(() => adaptiveMaxPool2d(seeded([1, 1, 2, 2]), 0)).toThrow(
      "adaptiveMaxPool2d: output size must be a whole number ≥ 1 or two of them, got 0",
    );
    const { values: y, indices } = maxPool2dWithIndices(seeded([1, 1, 4, 4]), 2);
    expect(() => maxUnpool2d(y, indices.cast("float32"), 2)).toThrow(
      "maxUnpool2d: indices must be int32 [1, 1, 2, 2] like x, got float32 [1, 1, 2, 2]; use those of maxPool2dWithIndices",
    );
    expect(() => localResponseNorm(x, 0)).toThrow("localResponseNorm: size must be a whole number ≥ 1, got 0");
    expect(() => globalAvgPool(seeded([2, 3]))).toThrow("globalAvgPool: needs [N, C, …] with pixel axes, got [2, 3]");
  });
});
