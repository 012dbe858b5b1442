import { expect, it } from "vitest";
import { nn, tensor, type Tensor } from "../index.ts";
import * as f from "../ops/activations.ts";

const x = tensor([-4, -1, -0.3, 0, 0.2, 1, 5, 30], { shape: [2, 4] });

it("every layer is its function, with PyTorch's defaults and order of arguments", () => {
  const pairs: [nn.Module, Tensor][] = [
    [new nn.PReLU(), f.leakyRelu(x, 0.25)],
    [new nn.ReLU6(), f.relu6(x)],
    [new nn.SELU(), f.selu(x)],
    [new nn.CELU(2), f.celu(x, 2)],
    [new nn.GELU("tanh"), f.gelu(x, "tanh")],
    [new nn.SiLU(), f.silu(x)],
    [new nn.Mish(), f.mish(x)],
    [new nn.Hardswish(), f.hardSwish(x)],
    [new nn.Hardsigmoid(), f.hardSigmoid(x)],
    [new nn.Hardtanh(-2, 3), f.hardTanh(x, -2, 3)],
    [new nn.Softplus(2, 10), f.softplus(x, 2, 10)],
    [new nn.Softsign(), f.softsign(x)],
    [new nn.LogSigmoid(), f.logSigmoid(x)],
    [new nn.Softshrink(0.25), f.softShrink(x, 0.25)],
    [new nn.Hardshrink(0.25), f.hardShrink(x, 0.25)],
    [new nn.Tanhshrink(), f.tanhShrink(x)],
    [new nn.Threshold(0.1, 9), f.threshold(x, 0.1, 9)],
    [new nn.GLU(), f.glu(x)],
    [new nn.Maxout(2), f.maxout(x, 2)],
  ];
  for (const [layer, want] of pairs) {
    expect(layer.forward(x).storage.values(), layer.describe()).toEqual(want.storage.values());
  }
  expect(pairs.map(([layer]) => layer.describe()).join(" ")).toBe(
    "PReLU(1) ReLU6() SELU() CELU(alpha=2) GELU(approximate=tanh) SiLU() Mish() Hardswish() Hardsigmoid() " +
      "Hardtanh(minVal=-2, maxVal=3) Softplus(beta=2, threshold=10) Softsign() LogSigmoid() Softshrink(lambda=0.25) " +
      "Hardshrink(lambda=0.25) Tanhshrink() Threshold(0.1, 9) GLU() Maxout(2)",
  );
});

it("PReLU's slopes are parameters, one per channel if wanted", () => {
  const layer = new nn.PReLU(4, 0.5);
  expect([...layer.namedParameters().keys()]).toEqual(["weight"]);
  layer.forward(x).sum().backward();
  expect([...layer.weight.grad!.storage.values()].map((v) => Math.fround(v))).toEqual(
    [-4, -1, -0.3, 0].map(Math.fround),
  );
});
