import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { grad, tensor, type Tensor } from "../index.ts";
import { checkComposite, expectValues } from "../testing/composite.ts";
import { describeEngines } from "../testing/engines.ts";
import * as A from "./activations.ts";

interface Fixture {
  readonly x: number[];
  readonly cases: Record<string, { readonly y: number[]; readonly gradient: number[] }>;
}
// Made by activations.py beside it, with PyTorch 1.13 in float64.
const fixture = JSON.parse(
  readFileSync(new URL("../../test/fixtures/activations.json", import.meta.url), "utf8"),
) as Fixture;

const functions: Record<string, (x: Tensor) => Tensor> = {
  relu6: A.relu6,
  leakyRelu: (x) => A.leakyRelu(x, 0.1),
  elu: (x) => A.elu(x, 0.7),
  selu: A.selu,
  celu: (x) => A.celu(x, 1.5),
  gelu: (x) => A.gelu(x),
  geluTanh: (x) => A.gelu(x, "tanh"),
  silu: A.silu,
  mish: A.mish,
  hardSwish: A.hardSwish,
  hardSigmoid: (x) => A.hardSigmoid(x),
  hardTanh: (x) => A.hardTanh(x, -0.5, 2),
  softplus: (x) => A.softplus(x),
  softplusBeta: (x) => A.softplus(x, 0.5, 3),
  softsign: A.softsign,
  logSigmoid: A.logSigmoid,
  softShrink: (x) => A.softShrink(x, 0.8),
  hardShrink: (x) => A.hardShrink(x, 0.8),
  tanhShrink: A.tanhShrink,
  threshold: (x) => A.threshold(x, 0.4, -2),
  prelu: (x) => A.prelu(x, tensor([0.3])),
};

describeEngines("activations", () => {
  for (const [name, f] of Object.entries(functions)) {
    it(`${name} and its gradient have PyTorch's values`, () => {
      const want = fixture.cases[name]!;
      const x = tensor(fixture.x).requireGrad();
      const y = f(x);
      expectValues(y, want.y, 5);
      expectValues(grad(y.sum(), [x])[0]!, want.gradient, 5);
    });

    it(`${name} and its gradient are finite for huge inputs`, () => {
      const x = tensor([-3e38, -1e20, -1e5, -100, 100, 1e5, 1e20, 3e38]).requireGrad();
      const y = f(x);
      for (const v of y.storage.values()) expect(Number.isFinite(v)).toBe(true);
      for (const v of grad(y.sum(), [x])[0]!.storage.values()) expect(Number.isFinite(v)).toBe(true);
    });
  }

  it("slopes of the course's quiz: ReLU's is 0 or 1, and 0 at 0; the sigmoid's is at most ¼, four of them 0.0039", () => {
    // Inventory 2.8 and 4: quiz and vanishing gradient of the course.
    const x = tensor([-2, 0, 3]).requireGrad();
    expectValues(grad(x.relu().sum(), [x])[0]!, [0, 0, 1]);
    const z = tensor([-1, 0, 1]).requireGrad();
    const slopes = grad(z.sigmoid().sum(), [z])[0]!;
    expect(Math.max(...slopes.storage.values())).toBe(0.25);
    const start = tensor([0]).requireGrad();
    // A chain of four neurons with weight 1, each shifted back to 0: σ′(0)⁴.
    let y: Tensor = start;
    for (let i = 0; i < 4; i++) y = y.sigmoid().sub(0.5);
    expectValues(grad(y.sum(), [start])[0]!, [0.00390625], 8);
  });

  it("prelu has one slope per channel, which learn", () => {
    const x = tensor([-1, 2, -3, -4], { shape: [1, 2, 2] });
    const weight = tensor([0.5, 0.1]).requireGrad();
    const y = A.prelu(x, weight);
    expectValues(y, [-0.5, 2, -0.3, -0.4]);
    expectValues(grad(y.sum(), [weight])[0]!, [-1, -7]); // the sums of the negative inputs
    expect(() => A.prelu(x, tensor([1, 2, 3]))).toThrow(/one per channel \(axis 1\) of x \[1, 2, 2\], got 3/);
  });

  it("maxout takes the largest of neighbouring channels", () => {
    const x = tensor([1, 5, 2, 2, -1, -3], { shape: [1, 6] });
    expectValues(A.maxout(x, 2), [5, 2, -1]);
    expectValues(A.maxout(x, 3), [5, 2]);
    expect(() => A.maxout(x, 4)).toThrow(/4 pieces do not divide the 6 elements along axis 1/);
  });

  it("glu gates one half by the other", () => {
    expectValues(A.glu(tensor([[3, -2, 0, Math.log(3)]])), [1.5, -1.5]);
    expect(() => A.glu(tensor([1, 2, 3]))).toThrow(/must be even/);
  });

  it("options outside their domain are errors", () => {
    const x = tensor([1]);
    expect(() => A.softplus(x, 0)).toThrow(/beta must be above 0, got 0/);
    expect(() => A.softShrink(x, -1)).toThrow(/lambda must be ≥ 0/);
    expect(() => A.celu(x, 0)).toThrow(/alpha must not be 0/);
  });
});

describe("activations on every engine", () => {
  for (const [name, f] of Object.entries(functions)) checkComposite(name, f, [[3, 4, 5, 2]], { tolerance: 3e-6 });
  checkComposite("prelu with learned slopes", A.prelu, [[2, 3, 4], [3]]);
  checkComposite("maxout", (x) => A.maxout(x!, 2), [[2, 6, 3, 3]]);
  checkComposite("glu", (x) => A.glu(x!, 1), [[2, 6, 3, 3]]);
});
