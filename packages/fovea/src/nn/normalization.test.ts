import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import {
  batchNorm,
  channelMoments,
  compile,
  grad,
  groupNorm,
  instanceNorm,
  layerNorm,
  nn,
  ones,
  rand,
  tensor,
  type Tensor,
} from "../index.ts";
import { checkComposite, expectValues } from "../testing/composite.ts";
import { describeEngines } from "../testing/engines.ts";

interface Fixture {
  readonly tensors: Record<string, { readonly values: number[]; readonly shape: number[] }>;
  readonly cases: Record<string, { readonly y: number[]; readonly of: string; readonly gradient: number[] }>;
  readonly running: Record<string, { readonly mean: number[]; readonly variance: number[]; readonly y: number[] }>;
}
// Made by norms.py beside it, with PyTorch 1.13 in float64.
const fixture = JSON.parse(readFileSync(new URL("../../test/fixtures/norms.json", import.meta.url), "utf8")) as Fixture;
const g = (name: string): Tensor => tensor(fixture.tensors[name]!.values, { shape: fixture.tensors[name]!.shape });

/** Normalises by the moments of the batch. */
const byBatch = (x: Tensor, weight?: Tensor, bias?: Tensor, eps = 1e-5): Tensor => {
  const { mean, variance } = channelMoments(x);
  return batchNorm(x, mean, variance, weight, bias, { eps });
};

const functions: Record<string, (x: Tensor) => Tensor> = {
  layer: (x) => layerNorm(x, [3, 3], g("wl"), g("bl")),
  layerPlain: (x) => layerNorm(x, [4], undefined, undefined, { eps: 0.01 }),
  group1: (x) => groupNorm(x, 1, g("w"), g("b")),
  group2: (x) => groupNorm(x, 2, g("w"), g("b")),
  group4: (x) => groupNorm(x, 4),
  group5d: (x) => groupNorm(x, 2, g("w"), g("b"), { eps: 0.1 }),
  instance3: (x) => instanceNorm(x),
  instance4: (x) => instanceNorm(x, g("w"), g("b")),
  instance5: (x) => instanceNorm(x, g("w"), g("b"), { eps: 0.01 }),
  batch2: (x) => byBatch(x, g("w"), g("b")),
  batch3: (x) => byBatch(x, g("w"), g("b")),
  batch5: (x) => byBatch(x, g("w"), g("b")),
};

describeEngines("normalisation", () => {
  for (const [name, f] of Object.entries(functions)) {
    it(`${name} and its gradient have PyTorch's values`, () => {
      const want = fixture.cases[name]!;
      const x = g(want.of).requireGrad();
      const y = f(x);
      expectValues(y, want.y, 5);
      const weights = tensor(
        Float32Array.from({ length: y.size }, (_, i) => (i % 7) - 3),
        { shape: y.shape },
      );
      expectValues(grad(y, [x], { gradient: weights })[0]!, want.gradient, 4);
    });
  }

  it("layers move their running statistics as PyTorch's do, and use them in inference", () => {
    const runs: [string, nn.Module & { runningMean: nn.Buffer | null; runningVar: nn.Buffer | null }, string[]][] = [
      ["BatchNorm1d", new nn.BatchNorm1d(4), ["x2", "second"]],
      ["BatchNorm1dAverage", new nn.BatchNorm1d(4, { momentum: null }), ["x2", "second", "x2"]],
      ["BatchNorm3d", new nn.BatchNorm3d(4, { momentum: 0.3 }), ["x5"]],
      ["InstanceNorm2d", new nn.InstanceNorm2d(4, { affine: true, trackRunningStats: true }), ["x4", "x4"]],
    ];
    for (const [name, layer, inputs] of runs) {
      for (const input of inputs) layer.forward(g(input));
      const want = fixture.running[name]!;
      expectValues(layer.runningMean!, want.mean);
      expectValues(layer.runningVar!, want.variance);
      expectValues(layer.eval().forward(g(inputs[0]!)), want.y);
    }
  });

  it("the worked example of the inventory: [1, 2, 3, 4], ε = 1e-5", () => {
    const x = tensor([1, 2, 3, 4], { shape: [4, 1] });
    const torch = new nn.BatchNorm1d(1, { momentum: 1 });
    expectValues(torch.forward(x), [-1.3416354, -0.4472118, 0.4472118, 1.3416354], 6); // inventory section 4
    expectValues(torch.runningVar!, [5 / 3]); // unbiased
    // Keras' momentum is the share of the old statistics, and its variance is biased.
    const keras = new nn.BatchNorm1d(1, { convention: "keras", momentum: 0 });
    keras.forward(x);
    expectValues(keras.runningVar!, [1.25]);
    expectValues(keras.runningMean!, [2.5]);
    const both = new nn.BatchNorm1d(1, { momentum: 1, unbiased: false });
    both.forward(x);
    expectValues(both.runningVar!, [1.25]);
  });

  it("Keras' momentum 0.99 is PyTorch's 0.01", () => {
    const keras = new nn.BatchNorm2d(2, { convention: "keras", unbiased: true });
    const torch = new nn.BatchNorm2d(2, { momentum: 0.01, eps: 1e-3 });
    expect(keras.eps).toBe(1e-3);
    for (let i = 0; i < 3; i++) {
      const x = rand([4, 2, 3, 3]);
      expectValues(keras.forward(x), [...torch.forward(x).storage.values()], 6);
    }
    expectValues(keras.runningMean!, [...torch.runningMean!.storage.values()], 6);
    expectValues(keras.runningVar!, [...torch.runningVar!.storage.values()], 6);
  });

  it("a plain average over batches is counted inside compile() too", () => {
    const [eager, compiled] = [new nn.BatchNorm1d(2, { momentum: null }), new nn.BatchNorm1d(2, { momentum: null })];
    const run = compile((x: Tensor) => compiled.forward(x));
    for (let i = 0; i < 3; i++) {
      const x = rand([5, 2]);
      expect(run(x).storage.values()).toEqual(eager.forward(x).storage.values());
    }
    for (const [name, buffer] of compiled.namedBuffers()) {
      expect(buffer.storage.values(), name).toEqual(eager.namedBuffers().get(name)!.storage.values());
    }
  });

  it("layers know their shapes and say what they wanted", () => {
    expect(() => new nn.BatchNorm1d(3).forward(ones([2, 4]))).toThrow(
      "BatchNorm1d: wanted [N, 3] or [N, 3, L], got [2, 4]",
    );
    expect(() => new nn.BatchNorm3d(3).forward(ones([2, 3, 4, 4]))).toThrow("BatchNorm3d: wanted [N, 3, D, H, W]");
    expect(() => new nn.InstanceNorm1d(3).forward(ones([2, 3]))).toThrow(
      "InstanceNorm1d: wanted [N, 3, L], got [2, 3]",
    );
    expect(() => new nn.LayerNorm([4, 5]).forward(ones([2, 5, 4]))).toThrow(
      "the last axes must be [4, 5], got x [2, 5, 4]",
    );
    expect(() => new nn.GroupNorm(3, 8)).toThrow("3 groups must divide the 8 channels");
    expect(() => new nn.GroupNorm(2, 8).forward(ones([2, 4, 3]))).toThrow("wanted [N, 8, ...], got [2, 4, 3]");
    expect(new nn.LayerNorm([4, 5], { eps: 0.1 }).describe()).toBe("LayerNorm([4, 5], eps=0.1)");
    expect(new nn.GroupNorm(2, 8, { affine: false }).describe()).toBe("GroupNorm(2, 8, affine=false)");
    expect(new nn.BatchNorm1d(3, { convention: "keras" }).describe()).toBe("BatchNorm1d(3, convention=keras)");
    expect([...new nn.LayerNorm(4).stateDict().keys()]).toEqual(["weight", "bias"]);
    expect([...new nn.LayerNorm(4, { bias: false }).stateDict().keys()]).toEqual(["weight"]);
  });

  it("layers equal their functions", () => {
    const x = g("x4");
    expect(new nn.LayerNorm([3, 3]).forward(x).storage.values()).toEqual(
      layerNorm(x, [3, 3], ones([3, 3]), tensor(new Float32Array(9), { shape: [3, 3] })).storage.values(),
    );
    expect(new nn.GroupNorm(2, 4, { affine: false }).forward(x).storage.values()).toEqual(
      groupNorm(x, 2).storage.values(),
    );
    expect(new nn.InstanceNorm2d(4).forward(x).storage.values()).toEqual(instanceNorm(x).storage.values());
    expect(new nn.InstanceNorm1d(4).forward(g("x3")).storage.values()).toEqual(instanceNorm(g("x3")).storage.values());
    expect(new nn.InstanceNorm3d(4).forward(g("x5")).storage.values()).toEqual(instanceNorm(g("x5")).storage.values());
  });
});

describeEngines("recomputeBatchNorm", () => {
  it("gives one layer mean and variance of the whole data set, in closed form", async () => {
    const bn = new nn.BatchNorm2d(2);
    // Channel 0 holds 0 … 11, channel 1 three times that: mean (n − 1) / 2, unbiased variance n (n + 1) / 12.
    const batches = [2, 1, 3].map((size, k) => {
      const from = [0, 4, 6][k]!;
      return tensor(
        Float32Array.from({ length: size * 4 }, (_, i) => {
          const [image, channel, pixel] = [Math.floor(i / 4), Math.floor(i / 2) % 2, i % 2];
          return ((from + 2 * image + pixel) % 12) * (channel === 0 ? 1 : 3);
        }),
        { shape: [size, 2, 1, 2] },
      );
    });
    await nn.recomputeBatchNorm(bn, batches);
    expectValues(bn.runningMean!, [5.5, 16.5], 6);
    expectValues(bn.runningVar!, [13, 117], 6);
    expect(bn.training).toBe(true);
    const biased = new nn.BatchNorm2d(2, { unbiased: false });
    await nn.recomputeBatchNorm(biased, batches);
    expectValues(biased.runningVar!, [143 / 12, (143 / 12) * 9], 6);
  });

  it("makes inference on the whole set what training on it as one batch is, through several layers", async () => {
    const net = new nn.Sequential(
      new nn.Conv2d(1, 3, 3),
      new nn.BatchNorm2d(3, { unbiased: false }),
      new nn.ReLU(),
      new nn.Conv2d(3, 2, 2),
      new nn.BatchNorm2d(2, { unbiased: false }),
      new nn.Dropout(0.5),
    );
    const x = rand([6, 1, 6, 6]);
    const parts = [x.narrow(0, 0, 1), x.narrow(0, 1, 3), x.narrow(0, 4, 2)];
    await nn.recomputeBatchNorm(net, () => parts);
    expect(net.training).toBe(true);
    const inference = net.eval().forward(x).storage.values().slice();
    // The same with the batch's statistics, dropout off.
    for (const module of net.namedModules().values()) module.training = module instanceof nn.BatchNorm2d;
    expectValues(net.forward(x), [...inference], 4);
  });

  it("one pass is PyTorch's update_bn: the first layer exact, later ones by batches", async () => {
    const net = new nn.Sequential(new nn.BatchNorm1d(2), new nn.BatchNorm1d(2));
    const parts = [rand([4, 2]), rand([4, 2]).mul(3)];
    let calls = 0;
    const forward = (x: Tensor) => {
      calls++;
      return net.forward(x);
    };
    await nn.recomputeBatchNorm(net, parts, { exact: false, forward });
    expect(calls).toBe(2);
    // Every batch reaches the second layer with mean 0 and (biased) variance 1 / (1 + ε / σ²).
    const second = (net.namedModules().get("1") as nn.BatchNorm1d).runningMean!;
    expectValues(second, [0, 0], 5);
    await nn.recomputeBatchNorm(net, parts, { forward });
    expect(calls).toBe(6);
  });

  it("takes async batches, and refuses what can be read once only", async () => {
    const bn = new nn.BatchNorm1d(1);
    const make = async function* () {
      yield tensor([[1], [2]]);
      yield tensor([[3], [4]]);
    };
    await nn.recomputeBatchNorm(bn, make);
    expectValues(bn.runningVar!, [5 / 3]);
    await expect(nn.recomputeBatchNorm(bn, make())).rejects.toThrow(/iterator that can be used once/);
    await expect(nn.recomputeBatchNorm(bn, [])).rejects.toThrow(/none of the 1 batch norms ran/);
    await nn.recomputeBatchNorm(new nn.ReLU(), []); // nothing to do
  });
});

describe("normalisation on every engine", () => {
  for (const [name, f] of Object.entries(functions)) {
    checkComposite(name, f, [() => g(fixture.cases[name]!.of)], { tolerance: 2e-5 });
  }
  checkComposite("layerNorm, weights too", (x, w, b) => layerNorm(x!, [4], w, b), [[3, 2, 4], [4], [4]]);
  checkComposite("groupNorm, weights too", (x, w, b) => groupNorm(x!, 2, w, b), [[2, 4, 3, 3], [4], [4]]);
  checkComposite("instanceNorm, weights too", (x, w, b) => instanceNorm(x!, w, b), [[2, 3, 4, 4], [3], [3]]);
});
