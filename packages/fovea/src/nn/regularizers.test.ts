import { describe, expect, it } from "vitest";
import { compile, manualSeed, nn, optim, rand, tensor, type Tensor } from "../index.ts";
import { checkComposite, expectValues } from "../testing/composite.ts";
import { describeEngines } from "../testing/engines.ts";

const values = (t: Tensor) => Array.from(t.storage.values());
const rowLengths = (t: Tensor) => {
  const v = values(t);
  const width = t.size / t.shape[0]!;
  return Array.from({ length: t.shape[0]! }, (_, r) => Math.hypot(...v.slice(r * width, (r + 1) * width)));
};

describeEngines("regularisers", () => {
  const w = () =>
    tensor([
      [1, -2],
      [3, 0],
    ]);

  it("l1, l2 and both are the sums of Keras' documentation", () => {
    expectValues(nn.l1(0.1)(w()), [0.6]);
    expectValues(nn.l2(0.1)(w()), [1.4]);
    expectValues(nn.l1l2({ l1: 0.1, l2: 0.01 })(w()), [0.74]);
    expectValues(nn.l2()(w()), [0.14]); // Keras' default factor 0.01
    expect(() => nn.l1(-1)).toThrow(/factor must be a number ≥ 0, got -1/);
  });

  it("orthogonalPenalty is 0 for right angles, and the mean |cosine| else", () => {
    expectValues(
      nn.orthogonalPenalty()(
        tensor([
          [3, 0],
          [0, 2],
        ]),
      ),
      [0],
    );
    // Rows (1, 0), (1, 1), (0, 1): cosines ½√2, 0, ½√2, three pairs.
    expectValues(
      nn.orthogonalPenalty({ factor: 3 })(
        tensor([
          [1, 0],
          [1, 1],
          [0, 1],
        ]),
      ),
      [Math.SQRT2],
    );
    expectValues(
      nn.orthogonalPenalty({ factor: 1, mode: "columns" })(
        tensor([
          [1, 1],
          [0, 1],
        ]),
      ),
      [Math.SQRT1_2],
    );
    expectValues(nn.orthogonalPenalty({ factor: 1 })(tensor([1, 0, 1, 0], { shape: [2, 2, 1] })), [1]);
    expectValues(
      nn.orthogonalPenalty()(
        tensor([
          [0, 0],
          [1, 2],
        ]),
      ),
      [0],
    ); // no direction, no NaN
  });

  it("penalties of parameters enter the loss, and their gradients the step", () => {
    const layer = new nn.Linear(2, 1);
    layer.loadStateDict(
      new Map([
        ["weight", tensor([[2, -4]])],
        ["bias", tensor([1])],
      ]),
    );
    expect(nn.regularization(layer)).toBe(null);
    const loss = tensor([1]).mean();
    expect(nn.penalized(loss, layer)).toBe(loss);
    layer.weight.regularizer = nn.l2(0.25);
    layer.bias!.regularizer = nn.l1(0.5);
    expectValues(nn.regularization(layer)!, [5.5]); // ¼ · 20 + ½ · 1
    const optimizer = new optim.SGD(layer.parameters(), { lr: 1 });
    optimizer.minimize(nn.penalized(layer.forward(tensor([[0, 0]])).sum(), layer));
    expectValues(layer.weight, [1, -2]); // w − 2 · ¼ · w
    expectValues(layer.bias!, [-0.5]); // b − 1 − ½
  });
});

describeEngines("constraints", () => {
  it("are Keras' functions, over the incoming weights of each unit", () => {
    const w = tensor([
      [3, 4],
      [0.3, -0.4],
      [0, 0],
    ]);
    expectValues(nn.maxNorm(1)(w), [0.6, 0.8, 0.3, -0.4, 0, 0]);
    expectValues(nn.nonNeg()(w), [3, 4, 0.3, 0, 0, 0]);
    expectValues(nn.unitNorm()(w), [0.6, 0.8, 0.6, -0.8, 0, 0]);
    expectValues(nn.minMaxNorm({ min: 1, max: 2 })(w), [1.2, 1.6, 0.6, -0.8, 0, 0]);
    // Half of the way: 5 → 3.5, ½ → ¾.
    expectValues(nn.minMaxNorm({ min: 1, max: 2, rate: 0.5 })(w), [2.1, 2.8, 0.45, -0.6, 0, 0]);
    expectValues(nn.maxNorm(1, { axes: [0] })(tensor([[3], [4]])), [0.6, 0.8]);
    expectValues(nn.unitNorm()(tensor([3, 4])), [0.6, 0.8]);
    expect(rowLengths(nn.unitNorm()(rand([3, 2, 3, 3]))).every((v) => Math.abs(v - 1) < 1e-5)).toBe(true);
    expect(() => nn.minMaxNorm({ min: 2, max: 1 })).toThrow(/0 ≤ min ≤ max, got 2 and 1/);
  });

  it("hold after every step of an optimizer, compiled and eager alike, bit for bit", () => {
    const train = (compiled: boolean) => {
      manualSeed(1);
      const layer = new nn.Linear(4, 3);
      layer.weight.constraint = nn.maxNorm(0.5);
      layer.bias!.constraint = nn.nonNeg();
      const optimizer = new optim.AdamW(layer.parameters(), { lr: 0.1 });
      const plain = (x: Tensor) => {
        optimizer.minimize(layer.forward(x).sum());
      };
      const step = compiled ? compile(plain) : plain;
      for (let i = 0; i < 5; i++) {
        step(rand([6, 4]));
        expect(Math.max(...rowLengths(layer.weight))).toBeLessThanOrEqual(0.5 + 1e-6);
        expect(Math.min(...values(layer.bias!))).toBeGreaterThanOrEqual(0);
      }
      return values(layer.weight);
    };
    expect(train(true)).toEqual(train(false));
  });

  it("can be applied without an optimizer", () => {
    const layer = new nn.Linear(2, 2);
    layer.loadStateDict(
      new Map([
        [
          "weight",
          tensor([
            [3, 4],
            [0, 1],
          ]),
        ],
        ["bias", tensor([-1, 1])],
      ]),
    );
    layer.weight.constraint = nn.unitNorm();
    nn.applyConstraints(layer.parameters());
    expectValues(layer.weight, [0.6, 0.8, 0, 1]);
    expectValues(layer.bias!, [-1, 1]);
  });
});

describe("regularisers and constraints on every engine", () => {
  checkComposite("l1l2", (x) => nn.l1l2()(x!), [[3, 4]]);
  checkComposite("orthogonalPenalty", (x) => nn.orthogonalPenalty()(x!), [[4, 3, 2, 2]]);
  checkComposite("orthogonalPenalty of columns", (x) => nn.orthogonalPenalty({ mode: "columns" })(x!), [[4, 3]]);
  checkComposite("maxNorm", (x) => nn.maxNorm(1)(x!), [[4, 3, 2, 2]]);
  checkComposite("minMaxNorm", (x) => nn.minMaxNorm({ min: 1, max: 2, rate: 0.3 })(x!), [[4, 3, 2, 2]]);
});
