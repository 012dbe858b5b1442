import { describe, expect, it } from "vitest";
import { manualSeed, nn, zeros } from "../index.ts";

const largest = (x: { storage: { values(): ArrayLike<number> } }) =>
  Math.max(...Array.from(x.storage.values(), Math.abs));
const deviation = (x: { storage: { values(): ArrayLike<number> } }) => {
  const v = Array.from(x.storage.values());
  return Math.sqrt(v.reduce((s, a) => s + a * a, 0) / v.length);
};

// Bounds for a 3×3 convolution from 3 to 64 channels, by the published formulas: fanIn 27, fanOut 576.
const weight = () => zeros([64, 3, 3, 3]);

const drawSome = () => {
  manualSeed(7);
  return [new nn.Conv2d(1, 2, 3).weight, nn.init.normal(zeros([5]))].map((t) => t.storage.values());
};

describe("initialisers", () => {
  it("PyTorch's default is uniform within 1/√fanIn, for weight and bias", () => {
    manualSeed(1);
    const conv = new nn.Conv2d(3, 64, 3);
    const bound = 0.1924501; // 1/√27
    expect(largest(conv.weight)).toBeGreaterThan(bound * 0.99);
    expect(largest(conv.weight)).toBeLessThanOrEqual(bound + 1e-7);
    expect(largest(conv.bias!)).toBeGreaterThan(bound * 0.9);
    expect(largest(conv.bias!)).toBeLessThanOrEqual(bound + 1e-7);
  });

  it("Keras' default is Glorot uniform, with a bias of zeros", () => {
    manualSeed(1);
    const conv = new nn.Conv2d(3, 64, 3, { init: "keras" });
    const bound = 0.0997509; // √(6 / (27 + 576))
    expect(largest(conv.weight)).toBeGreaterThan(bound * 0.99);
    expect(largest(conv.weight)).toBeLessThanOrEqual(bound + 1e-7);
    expect(largest(conv.bias!)).toBe(0);
    const linear = new nn.Linear(100, 50, { init: "keras" });
    expect(largest(linear.weight)).toBeLessThanOrEqual(0.2 + 1e-7); // √(6 / 150)
    expect(largest(linear.weight)).toBeGreaterThan(0.198);
  });

  it("He's normal has standard deviation √(2 / fanIn)", () => {
    manualSeed(2);
    const x = nn.init.kaimingNormal(weight());
    expect(deviation(x)).toBeGreaterThan(0.2721655 * 0.96); // √(2/27); 1,728 draws give it to about 2 %
    expect(deviation(x)).toBeLessThan(0.2721655 * 1.04);
    expect(deviation(nn.init.kaimingNormal(weight(), { mode: "fanOut" }))).toBeCloseTo(Math.sqrt(2 / 576), 2);
  });

  it("kaimingUniform with a = √5 is PyTorch's default", () => {
    manualSeed(3);
    const a = nn.init.kaimingUniform(weight(), { a: Math.sqrt(5) }).storage.values();
    manualSeed(3);
    const b = new nn.Conv2d(3, 64, 3).weight.storage.values();
    for (let i = 0; i < a.length; i++) expect(a[i]).toBeCloseTo(b[i]!, 7);
  });

  it("a seed gives the same bits, whatever the host's Math does", () => {
    const { exp, log, cos, sin, pow } = Math;
    const want = drawSome();
    try {
      Object.assign(Math, { exp: () => 0, log: () => 0, cos: () => 0, sin: () => 0, pow: () => 0 });
      expect(drawSome()).toEqual(want);
    } finally {
      Object.assign(Math, { exp, log, cos, sin, pow });
    }
  });

  it("skipInit leaves zeros and draws nothing", () => {
    manualSeed(4);
    const skipped = nn.init.skipInit(() => new nn.Linear(3, 3));
    expect(largest(skipped.weight)).toBe(0);
    const first = new nn.Linear(3, 3).weight.storage.values();
    manualSeed(4);
    expect(new nn.Linear(3, 3).weight.storage.values()).toEqual(first);
  });

  it("fans of a vector are an error", () => {
    expect(() => nn.init.glorotUniform(zeros([3]))).toThrow(/fans need a weight of rank ≥ 2.*got \[3\]/);
  });
});
