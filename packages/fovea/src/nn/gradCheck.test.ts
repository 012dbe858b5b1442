import { describe, expect, it } from "vitest";
import { apply, defineOp, gradCheck, manualSeed, nn, randn, rand, tensor, withEngine, type Tensor } from "../index.ts";
import { currentEngine } from "../backend/engines.ts";

const values = (x: Tensor): number[] => Array.from(x.storage.values());

/** x³ with a gradient that is wrong in one element. */
const wrongOp = defineOp("wrongCube", {
  inputs: ["x"],
  shape: ({ x }) => x,
  vjp: ({ x }, _attrs, _y, g) => {
    const slip = tensor(Float32Array.from({ length: x.size }, (_, i) => (i === 5 ? 1.01 : 1))).reshape(x.shape);
    return { x: () => g.mul(x.square().mul(3)).mul(slip) };
  },
  reference: ({ x }, _attrs, y) => y.data.set(Float64Array.from(x.data, (v) => v ** 3)),
});
const wrong = (x: Tensor): Tensor => apply(wrongOp, { x }, {});

describe("gradCheck", () => {
  it("passes functions whose gradients are right, and reports every input", () => {
    const report = gradCheck((x, y) => x!.mul(y!).tanh(), [randn([2, 3]), randn([3])]);
    expect(report.passed).toBe(true);
    expect(report.entries.map(({ name, shape, checked }) => [name, shape, checked])).toEqual([
      ["input 0", [2, 3], 6],
      ["input 1", [3], 3],
    ]);
    expect(Math.max(...report.entries.map((entry) => entry.worst.error))).toBeLessThan(1e-8);
  });

  it("finds the one element that is wrong, and says what both gradients are", () => {
    const x = tensor([
      [1, 2, 3, 4],
      [5, 6, 7, 8],
    ]);
    expect(() => gradCheck((v) => wrong(v!), [x])).toThrow(
      /^gradCheck: the gradient of input 0 \[2, 4\] at \[1, 1\] is .*, finite differences give .* \(relative error .*, allowed 0.000001\)$/,
    );
    const report = gradCheck((v) => wrong(v!), [x], { throws: false });
    expect(report.passed).toBe(false);
    expect(report.entries[0]!.worst.index).toEqual([1, 1]);
    expect(gradCheck((v) => wrong(v!), [x], { tolerance: 0.02 }).passed).toBe(true);
  });

  it("looks at chosen elements of large tensors, and along a direction at all of them", () => {
    const x = tensor(Float32Array.from({ length: 40 }, (_, i) => i / 10));
    const { entries } = gradCheck((v) => wrong(v!), [x], { samples: 0, throws: false });
    expect(entries[0]!).toMatchObject({ passed: false, checked: 1, worst: { index: null } });
    expect(gradCheck((v) => v!.square(), [x], { samples: 10 }).entries[0]!.checked).toBeLessThanOrEqual(11);
  });

  it("finds a gradient that is missing", () => {
    expect(() => gradCheck((x, y) => x!.mul(y!.detach()), [randn([2]), randn([2])])).toThrow(
      "the gradient of input 1 [2]",
    );
    expect(() => gradCheck((x) => x!.detach(), [randn([2])])).toThrow("the gradient of input 0 [2]");
  });

  it("checks the parameters of a layer by name, and leaves state, engine and layer as they were", () => {
    manualSeed(3);
    const net = new nn.Sequential(new nn.Conv2d(2, 4, 3), new nn.BatchNorm2d(4), new nn.Tanh());
    const before = [...net.stateDict()].map(([name, t]) => [name, values(t)]);
    const engine = currentEngine();
    const x = randn([3, 2, 4, 4]);
    const held = values(net.forward(x)).length; // puts the weights on the engine in use
    const state = [...net.stateDict()].map(([name, t]) => [name, values(t)]);
    const report = gradCheck(net, [x]);
    expect(report.entries.map((entry) => entry.name)).toEqual(["input 0", "0.weight", "0.bias", "1.weight", "1.bias"]);
    expect([...net.stateDict()].map(([name, t]) => [name, values(t)])).toEqual(state);
    expect(state.slice(0, 4)).toEqual(before.slice(0, 4)); // the forward changed running statistics only
    expect(currentEngine()).toBe(engine);
    expect([...net.stateDict().values()].every((t) => t.grad === null)).toBe(true);
    expect(values(net.forward(x)).length).toBe(held);
  });

  it("skips frozen parameters and integer inputs", () => {
    const layer = new nn.Linear(3, 2);
    layer.weight.requireGrad(false);
    expect(gradCheck(layer, [randn([2, 3])]).entries.map((entry) => entry.name)).toEqual(["input 0", "bias"]);
    const labels = tensor(Int32Array.of(1, 0));
    const report = gradCheck((x, y) => nn.crossEntropy(x!, y!), [randn([2, 3]), labels]);
    expect(report.entries.length).toBe(1);
  });

  it("takes several outputs, also of one node", () => {
    const cut = gradCheck((x) => [x!.sin(), x!.exp(), x!.detach()], [randn([4])], { throws: false });
    expect(cut.passed).toBe(false); // the third depends on x without a gradient
    expect(gradCheck((x) => [x!.sin(), x!.exp().sum()], [randn([4])]).passed).toBe(true);
  });

  it("refuses what it cannot check", () => {
    expect(() => gradCheck(new nn.Dropout(0.5), [rand([20])])).toThrow("gives another result each time");
    expect(gradCheck(new nn.Dropout(0.5).eval(), [rand([20])]).passed).toBe(true);
    expect(() => gradCheck(() => tensor([1]), [])).toThrow("there is no float32 input and no parameter");
    expect(() => gradCheck((x) => x!, [rand([2])], { step: 0 })).toThrow("step and tolerance must be above 0");
  });

  it("works from any engine", () => {
    for (const name of ["wasm", "reference"] as const) {
      withEngine(name, () => expect(gradCheck(new nn.Linear(3, 2), [randn([4, 3])]).passed).toBe(true));
    }
  });
});
