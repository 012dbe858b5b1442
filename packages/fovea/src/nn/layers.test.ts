import { expect, it } from "vitest";
import { compile, manualSeed, nn, noGrad, ones, optim, rand, tensor, type Tensor } from "../index.ts";
import { describeEngines } from "../testing/engines.ts";

const values = (t: Tensor) => Array.from(t.storage.values());
const close = (got: Tensor, want: number[], digits = 5) => {
  expect(got.size).toBe(want.length);
  values(got).forEach((v, i) => expect(v).toBeCloseTo(want[i]!, digits));
};

describeEngines("layers", () => {
  it("Linear is x · weightᵀ + bias, over leading axes", () => {
    const layer = new nn.Linear(2, 3);
    const [w, b] = [
      tensor([
        [1, 2],
        [3, 4],
        [5, 6],
      ]),
      tensor([10, 20, 30]),
    ];
    layer.loadStateDict(
      new Map([
        ["weight", w],
        ["bias", b],
      ]),
    );
    close(
      layer.forward(
        tensor([
          [1, 1],
          [0, 2],
        ]),
      ),
      [13, 27, 41, 14, 28, 42],
    );
    expect(layer.forward(ones([2, 5, 2])).shape).toEqual([2, 5, 3]);
    expect(new nn.Linear(2, 3, { bias: false }).bias).toBe(null);
  });

  it("Conv2d slides its kernel over padded input", () => {
    const layer = new nn.Conv2d(1, 1, 2, { padding: 1, bias: false });
    layer.loadStateDict(
      new Map([
        [
          "weight",
          tensor([
            [
              [
                [0, 1],
                [2, 3],
              ],
            ],
          ]),
        ],
      ]),
    );
    const x = tensor([0, 1, 2, 3, 4, 5, 6, 7, 8], { shape: [1, 1, 3, 3] });
    // Dive into Deep Learning, section 7.3: a 3×3 input padded by one, this kernel
    close(layer.forward(x), [0, 3, 8, 4, 9, 19, 25, 10, 21, 37, 43, 16, 6, 7, 8, 0]);
  });

  it("Conv2d takes stride, dilation, groups and rectangular kernels", () => {
    const layer = new nn.Conv2d(4, 6, [3, 1], { stride: 2, padding: [1, 0], dilation: 1, groups: 2 });
    expect(layer.weight.shape).toEqual([6, 2, 3, 1]);
    expect(layer.forward(ones([2, 4, 8, 6])).shape).toEqual([2, 6, 4, 3]);
    expect(layer.describe()).toBe("Conv2d(4, 6, kernelSize=[3, 1], stride=2, padding=[1, 0], groups=2)");
    expect(() => new nn.Conv2d(3, 4, 3, { groups: 2 })).toThrow(/2 groups must divide both 3 input and 4 output/);
  });

  it("pooling: the stride is the window unless given", () => {
    const x = tensor([1, 1, 2, 4, 5, 6, 7, 8, 3, 2, 1, 0, 1, 2, 3, 4], { shape: [1, 1, 4, 4] });
    close(new nn.MaxPool2d(2).forward(x), [6, 8, 3, 4]); // the figure of cs231n's notes on pooling
    close(new nn.AvgPool2d(2).forward(x), [3.25, 5.25, 2, 2]);
    expect(new nn.MaxPool2d(3, { stride: 1 }).forward(x).shape).toEqual([1, 1, 2, 2]);
  });

  it("activations", () => {
    const x = tensor([[-1, 0, 2]]);
    close(new nn.ReLU().forward(x), [0, 0, 2]);
    close(new nn.LeakyReLU(0.1).forward(x), [-0.1, 0, 2]);
    close(new nn.ELU(2).forward(x), [2 * (Math.exp(-1) - 1), 0, 2]);
    close(new nn.Sigmoid().forward(x), [1 / (1 + Math.E), 0.5, 1 / (1 + Math.exp(-2))]);
    close(new nn.Tanh().forward(x), [Math.tanh(-1), 0, Math.tanh(2)]);
    const total = Math.exp(-1) + 1 + Math.exp(2);
    close(new nn.Softmax().forward(x), [Math.exp(-1) / total, 1 / total, Math.exp(2) / total]);
    close(new nn.LogSoftmax(-1).forward(x), [-1 - Math.log(total), -Math.log(total), 2 - Math.log(total)]);
  });

  it("Flatten, Identity and Sequential", () => {
    const x = rand([2, 3, 4, 5]);
    expect(new nn.Flatten().forward(x).shape).toEqual([2, 60]);
    expect(new nn.Flatten(2, 3).forward(x).shape).toEqual([2, 3, 20]);
    expect(new nn.Identity().forward(x)).toBe(x);
    const net = new nn.Sequential(new nn.Flatten(), new nn.Linear(60, 2), new nn.ReLU());
    expect(net.forward(x).shape).toEqual([2, 2]);
  });

  it("losses", () => {
    const logits = tensor([
      [1, 2, 3],
      [1, 2, 3],
    ]);
    const labels = tensor(Int32Array.of(2, 0));
    const log = Math.log(Math.exp(1) + Math.exp(2) + Math.exp(3));
    close(new nn.CrossEntropyLoss().forward(logits, labels), [log - 2]);
    close(new nn.CrossEntropyLoss({ reduction: "none" }).forward(logits, labels), [log - 3, log - 1]);
    close(new nn.MSELoss().forward(tensor([1, 2]), tensor([3, 5])), [6.5]);
    expect(() => new nn.MSELoss().forward(tensor([1, 2]), tensor([[1, 2]]))).toThrow(/must have one shape/);
  });

  it("BatchNorm2d in training normalises by the batch and moves the running statistics as PyTorch does", () => {
    const bn = new nn.BatchNorm2d(1);
    const x = tensor([1, 2, 3, 6], { shape: [2, 1, 1, 2] });
    const y = bn.forward(x);
    // mean 3, biased variance (4 + 1 + 0 + 9) / 4 = 3.5, unbiased 14 / 3
    close(
      y,
      [1, 2, 3, 6].map((v) => (v - 3) / Math.sqrt(3.5 + 1e-5)),
    );
    close(bn.runningMean!, [0.3]); // 0.9 · 0 + 0.1 · 3
    close(bn.runningVar!, [0.9 + 0.1 * (14 / 3)]);
    expect(values(bn.numBatchesTracked!)).toEqual([1]);
    close(
      bn.eval().forward(x),
      [1, 2, 3, 6].map((v) => (v - 0.3) / Math.sqrt(0.9 + 0.1 * (14 / 3) + 1e-5)),
    );
    expect(values(bn.numBatchesTracked!)).toEqual([1]);
    expect(() => bn.train().forward(ones([1, 1, 1, 1]))).toThrow(/one value per channel has no variance/);
  });

  it("BatchNorm2d's gradient passes through the statistics: those of a shift and of a scaling of the input are zero", () => {
    const bn = new nn.BatchNorm2d(2);
    const x = rand([3, 2, 2, 2]).requireGrad();
    bn.forward(x)
      .mul(rand([3, 2, 2, 2]))
      .sum()
      .backward();
    close(x.grad!.sum([0, 2, 3]), [0, 0], 4);
    close(x.grad!.mul(x.sub(x.mean([0, 2, 3], true))).sum([0, 2, 3]), [0, 0], 3);
  });

  it("BatchNorm2d compiled moves the running statistics at every call, to the bits of eager", () => {
    const [eager, compiled] = [new nn.BatchNorm2d(2), new nn.BatchNorm2d(2)];
    const run = compile((x: Tensor) => compiled.forward(x));
    for (let i = 0; i < 3; i++) {
      const x = rand([4, 2, 3, 3]);
      expect(run(x).storage.values()).toEqual(eager.forward(x).storage.values());
    }
    for (const [name, buffer] of compiled.namedBuffers()) {
      expect(buffer.storage.values()).toEqual(eager.namedBuffers().get(name)!.storage.values());
    }
    expect(values(compiled.numBatchesTracked!)).toEqual([3]);
    expect(run.plans.size).toBe(1);
  });

  it("BatchNorm2d without running statistics always uses the batch's", () => {
    const bn = new nn.BatchNorm2d(1, { trackRunningStats: false, affine: false }).eval();
    close(bn.forward(tensor([1, 3], { shape: [2, 1, 1, 1] })), [-1, 1], 4);
    expect(bn.stateDict().size).toBe(0);
  });

  it("Dropout keeps about 1 − p of the elements, scaled, and nothing changes in inference", () => {
    manualSeed(5);
    const dropout = new nn.Dropout(0.25);
    const y = values(dropout.forward(ones([10_000])));
    const kept = y.filter((v) => v !== 0);
    expect(kept.every((v) => Math.abs(v - 4 / 3) < 1e-6)).toBe(true);
    expect(Math.abs(kept.length / 10_000 - 0.75)).toBeLessThan(0.02); // 4.6 standard deviations
    const x = rand([3]);
    expect(dropout.eval().forward(x)).toBe(x);
    expect(() => new nn.Dropout(1)).toThrow(/p must be in \[0, 1\), got 1/);
  });

  it("Dropout compiled draws new numbers at every call: those that eager would draw", () => {
    const net = new nn.Sequential(new nn.Dropout(0.5), new nn.Dropout(0.3));
    const x = ones([50]);
    const run = compile((t: Tensor) => net.forward(t));
    manualSeed(9);
    const compiled = [run(x), run(x), run(x)].map((t) => t.storage.values());
    manualSeed(9);
    const eager = [net.forward(x), net.forward(x), net.forward(x)].map((t) => t.storage.values());
    expect(compiled).toEqual(eager);
    expect(compiled[0]).not.toEqual(compiled[1]);
  });

  it("a network with all of them learns, and compiled training equals eager, bit for bit", () => {
    const x = rand([8, 1, 6, 6]);
    const y = tensor(Int32Array.from({ length: 8 }, (_, i) => i % 2));
    const train = (compiled: boolean) => {
      manualSeed(3);
      const net = new nn.Sequential(
        new nn.Conv2d(1, 4, 3, { padding: 1 }),
        new nn.BatchNorm2d(4),
        new nn.ReLU(),
        new nn.MaxPool2d(2),
        new nn.Dropout(0.2),
        new nn.Flatten(),
        new nn.Linear(36, 2),
      );
      const optimizer = new optim.AdamW(net.parameters(), { lr: 0.02 });
      const plain = () => {
        const loss = nn.crossEntropy(net.forward(x), y);
        optimizer.minimize(loss);
        return loss;
      };
      const step = compiled ? compile(plain) : plain;
      return Array.from({ length: 25 }, () => step().storage.values()[0]!);
    };
    const losses = train(false);
    expect(losses.at(-1)).toBeLessThan(losses[0]! / 2);
    expect(train(true)).toEqual(losses);
  });
});

it("a layer's forward under noGrad leaves no gradient graph", () => {
  expect(noGrad(() => new nn.Linear(2, 2).forward(ones([1, 2]))).requiresGrad).toBe(false);
});
