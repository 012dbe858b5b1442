import { describe, expect, it } from "vitest";
import { manualSeed, nn, rand, zeros } from "../index.ts";

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
  return [
    new nn.Conv2d(1, 2, 3).weight,
    nn.init.normal(zeros([5])),
    nn.init.heNormal(zeros([4, 4])),
    nn.init.orthogonal(zeros([4, 6])),
    nn.init.truncatedNormal(zeros([9]), 0, 1, { low: 3, high: 4 }),
    nn.init.stft(zeros([3, 1, 4]), "real"),
  ].map((t) => t.storage.values());
};

describe("initialisers", () => {
  it("values are made when they are read, and are the same whenever that is", () => {
    const make = () => {
      manualSeed(3);
      return [new nn.Conv2d(2, 3, 3).weight, nn.init.normal(zeros([5]), 1, 2), rand([3]), nn.init.uniform(zeros([7]))];
    };
    const atOnce = make().map((x) => x.storage.values());
    const tensors = make();
    manualSeed(99);
    rand([10]);
    const late = tensors.toReversed().map((x) => x.storage.values());
    expect(late.toReversed()).toEqual(atOnce);
    // 8 GB, if it were there
    const huge = new nn.Linear(2 ** 16, 30_000);
    expect(huge.weight.storage.hostValues).toBeNull();
  });

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

  /** 100,224 draws for a weight whose fan in is 27. */
  const many = () => zeros([3712, 3, 3, 3]);
  const moments = (x: { storage: { values(): ArrayLike<number> } }) => {
    const v = Array.from(x.storage.values());
    const mean = v.reduce((s, a) => s + a, 0) / v.length;
    const power = (k: number) => v.reduce((s, a) => s + (a - mean) ** k, 0) / v.length;
    return { mean, std: Math.sqrt(power(2)), kurtosis: power(4) / power(2) ** 2, largest: largest(x) };
  };
  // Bounds and deviations of the inventory, section 2.5, for a 3×3 convolution from 3 channels (fan in 27).
  const [he, torch, lecun] = [0.2721655, 0.1924501, Math.sqrt(1 / 27)] as const;
  const truncated = 2 / 0.8796256610342398; // bound over deviation of a normal distribution cut at ±2σ
  const rows: [string, (x: ReturnType<typeof zeros>) => unknown, std: number, bound: number, kurtosis: number][] = [
    ["uniform", (x) => nn.init.uniform(x, -torch, torch), torch / Math.sqrt(3), torch, 1.8],
    ["normal", (x) => nn.init.normal(x, 0, 0.05), 0.05, Infinity, 3],
    ["truncatedNormal", (x) => nn.init.truncatedNormal(x, 0, 0.05), 0.05 * 0.8796256610342398, 0.1, 2.3605],
    ["heNormal", (x) => nn.init.heNormal(x), he, he * truncated, 2.3605],
    ["heUniform", (x) => nn.init.heUniform(x), he, he * Math.sqrt(3), 1.8],
    ["lecunNormal", (x) => nn.init.lecunNormal(x), lecun, lecun * truncated, 2.3605],
    ["lecunUniform", (x) => nn.init.lecunUniform(x), lecun, 1 / 3, 1.8],
    ["kaimingNormal", (x) => nn.init.kaimingNormal(x), he, Infinity, 3],
    ["kaimingUniform", (x) => nn.init.kaimingUniform(x, { a: Math.sqrt(5) }), torch / Math.sqrt(3), torch, 1.8],
  ];
  for (const [name, fill, std, bound, kurtosis] of rows) {
    it(`${name}: 100,224 draws have the mean, deviation, shape and bound of the formula`, () => {
      manualSeed(11);
      const x = many();
      fill(x);
      const found = moments(x);
      expect(Math.abs(found.mean)).toBeLessThan((4 * std) / Math.sqrt(100_224)); // 4 standard errors
      expect(Math.abs(found.std / std - 1)).toBeLessThan(0.01);
      expect(Math.abs(found.kurtosis - kurtosis)).toBeLessThan(0.07);
      expect(found.largest).toBeLessThanOrEqual(bound * (1 + 1e-6));
      if (bound < Infinity) expect(found.largest).toBeGreaterThan(bound * 0.99);
    });
  }

  it("Glorot's have variance 2 / (fanIn + fanOut): uniform within 0.0997509 for 3 → 64 channels", () => {
    manualSeed(12);
    const uniform = Array.from({ length: 58 }, () => nn.init.glorotUniform(weight()));
    expect(Math.max(...uniform.map(largest))).toBeGreaterThan(0.0997509 * 0.999);
    expect(Math.max(...uniform.map(largest))).toBeLessThanOrEqual(0.0997509 + 1e-7);
    const std = Math.sqrt(2 / (27 + 576));
    for (const fill of [nn.init.glorotNormal, nn.init.xavierNormal, nn.init.xavierUniform]) {
      const found = Array.from({ length: 58 }, () => moments(fill(weight())).std ** 2);
      expect(Math.sqrt(found.reduce((s, v) => s + v, 0) / 58) / std).toBeCloseTo(1, 2);
    }
    expect(moments(nn.init.xavierNormal(weight(), { gain: 3 })).std / std).toBeCloseTo(3, 0);
  });

  it("varianceScaling takes scale, fan and distribution", () => {
    manualSeed(13);
    for (const [mode, fan] of [
      ["fanIn", 27],
      ["fanOut", 576],
      ["fanAvg", 301.5],
    ] as const) {
      for (const distribution of ["truncatedNormal", "untruncatedNormal", "uniform"] as const) {
        const x = nn.init.varianceScaling(zeros([64, 3, 3, 3]), { scale: 3, mode, distribution });
        expect(Math.abs(deviation(x) / Math.sqrt(3 / fan) - 1)).toBeLessThan(0.08); // 1,728 draws
      }
    }
    expect(() => nn.init.varianceScaling(weight(), { scale: 0 })).toThrow(/scale must be above 0/);
  });

  it("truncatedNormal keeps any bounds, also far from the mean", () => {
    manualSeed(14);
    for (const [low, high] of [
      [-1, 3],
      [2, 2.5],
      [5, 1e9],
      [-7, -4],
      [0, Infinity],
    ] as const) {
      const v = Array.from(nn.init.truncatedNormal(zeros([5000]), 0, 1, { low, high }).storage.values());
      expect(Math.min(...v)).toBeGreaterThanOrEqual(low);
      expect(Math.max(...v)).toBeLessThanOrEqual(high);
    }
    // Mills' ratio: the mean of a normal number above 5 is φ(5) / Q(5) = 5.1865.
    const tail = nn.init.truncatedNormal(zeros([100_000]), 0, 1, { low: 5, high: Infinity }).storage.values();
    expect(Array.from(tail).reduce((s, a) => s + a, 0) / 100_000).toBeCloseTo(5.1865, 2);
    expect(() => nn.init.truncatedNormal(zeros([1]), 0, 1, { low: 1, high: 1 })).toThrow(/low < high/);
  });

  it("orthogonal rows or columns have length `gain` and right angles", () => {
    manualSeed(15);
    for (const shape of [
      [8, 3, 3, 3],
      [30, 7],
      [16, 16],
    ]) {
      const x = nn.init.orthogonal(zeros(shape), { gain: 2 });
      const matrix = x.reshape([shape[0]!, -1]);
      const [rows, columns] = matrix.shape as [number, number];
      const product =
        rows <= columns ? matrix.matmul(matrix, { transposeB: true }) : matrix.matmul(matrix, { transposeA: true });
      const n = Math.min(rows, columns);
      Array.from(product.storage.values()).forEach((v, i) => {
        expect(v).toBeCloseTo(i % (n + 1) === 0 ? 4 : 0, 5);
      });
    }
    expect(() => nn.init.orthogonal(zeros([3]))).toThrow(/needs rank ≥ 2/);
  });

  it("identity, dirac and sparse", () => {
    expect([...nn.init.identity(zeros([2, 3]), 5).storage.values()]).toEqual([5, 0, 0, 0, 5, 0]);
    const image = rand([1, 4, 5, 5]);
    const conv = nn.init.dirac(zeros([4, 4, 3, 3]));
    expect(image.conv2d(conv, null, { padding: 1 }).storage.values()).toEqual(image.storage.values());
    const grouped = nn.init.dirac(zeros([4, 2, 3, 3]), 2);
    expect(image.conv2d(grouped, null, { padding: 1, groups: 2 }).storage.values()).toEqual(image.storage.values());
    manualSeed(16);
    const v = nn.init.sparse(zeros([10, 20]), 0.25).storage.values();
    for (let c = 0; c < 20; c++) {
      expect(Array.from({ length: 10 }, (_, r) => v[r * 20 + c]).filter((a) => a === 0).length).toBe(3); // ⌈2.5⌉
    }
    expect(() => nn.init.identity(zeros([2, 2, 2]))).toThrow(/needs a matrix, got \[2, 2, 2\]; see dirac/);
  });

  it("stft: kernels of the Fourier transform", () => {
    // Without a window, frequency f against a cosine of that frequency: length / 2; the DFT of 8 points.
    const [real, imag] = (["real", "imag"] as const).map((side) =>
      nn.init.stft(zeros([5, 1, 8]), side, { window: null }).storage.values(),
    );
    for (let f = 0; f < 5; f++) {
      for (let t = 0; t < 8; t++) {
        expect(real![f * 8 + t]).toBeCloseTo(Math.cos((2 * Math.PI * f * t) / 8), 6);
        expect(imag![f * 8 + t]).toBeCloseTo(-Math.sin((2 * Math.PI * f * t) / 8), 6);
      }
    }
    // Frequency 0 is the window: Hann of 5 points is 0, ½, 1, ½, 0 with L1 norm 2 and L2 norm √1.5.
    const hann = (scaling: "density" | "spectrum") =>
      [...nn.init.stft(zeros([3, 1, 5]), "real", { scaling }).storage.values()].slice(0, 5);
    hann("spectrum").forEach((v, i) => expect(v).toBeCloseTo([0, 0.25, 0.5, 0.25, 0][i]!, 6));
    hann("density").forEach((v, i) => expect(v).toBeCloseTo([0, 0.5, 1, 0.5, 0][i]! / Math.sqrt(1.5), 6));
    const periodic = nn.init.stft(zeros([3, 1, 4]), "real", { window: "hann", scaling: null, periodic: true });
    [...periodic.storage.values()].slice(0, 4).forEach((v, i) => expect(v).toBeCloseTo([0, 0.5, 1, 0.5][i]!, 6));
    expect(() => nn.init.stft(zeros([3, 2, 5]), "real")).toThrow(/needs \[frequencies ≥ 2, 1, length\]/);
  });

  it("gains are PyTorch's", () => {
    // torch.nn.init.calculate_gain
    expect(nn.init.calculateGain("relu")).toBeCloseTo(Math.SQRT2, 6);
    expect(nn.init.calculateGain("tanh")).toBeCloseTo(1.6666667, 6);
    expect(nn.init.calculateGain("leakyRelu", 0.2)).toBeCloseTo(1.3867505, 6);
    expect(nn.init.calculateGain("selu")).toBe(0.75);
    expect(() => nn.init.calculateGain("gelu" as "relu")).toThrow(/no gain for gelu; there are linear/);
  });

  it("initialisers are found by Keras' names", () => {
    manualSeed(17);
    const byName = nn.init.byName("he_normal")(weight()).storage.values();
    manualSeed(17);
    expect(nn.init.heNormal(weight()).storage.values()).toEqual(byName);
    for (const name of [
      "zeros",
      "ones",
      "randomNormal",
      "RandomUniform",
      "truncated_normal",
      "varianceScaling",
      "orthogonal",
    ]) {
      expect(nn.init.byName(name)(zeros([4, 4])).shape).toEqual([4, 4]);
    }
    expect(
      nn.init
        .byName("Identity")(zeros([2, 2]))
        .storage.values()[3],
    ).toBe(1);
    expect(() => nn.init.byName("glorot_unifrom")).toThrow(
      /there is no initialiser "glorot_unifrom"; did you mean "glorotUniform"\?/,
    );
  });

  it("fans of a vector are an error", () => {
    expect(() => nn.init.glorotUniform(zeros([3]))).toThrow(/fans need a weight of rank ≥ 2.*got \[3\]/);
  });
});
