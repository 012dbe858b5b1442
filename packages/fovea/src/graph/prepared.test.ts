import { expect, it } from "vitest";
import { compile, currentEngine, nn, noGrad, rand, tensor, type Tensor } from "../index.ts";
import { SGD } from "../optim/index.ts";
import type { CompiledPlan } from "./compile.ts";
import { describeEngines } from "../testing/engines.ts";

const live = () => currentEngine().memory().liveBytes;
const prepared = (f: { plans: ReadonlyMap<string, CompiledPlan> }) => f.plans.values().next().value!.preparedBytes;
const values = (t: Tensor) => Array.from(t.storage.values());

/** A network with packed weights of both kinds and arithmetic on captured tensors alone. */
function network() {
  const conv = new nn.Conv2d(8, 32, 3, { padding: 1 });
  const linear = new nn.Linear(32, 24);
  const scale = rand([32, 1, 1, 1]);
  const forward = (x: Tensor) => {
    const y = x.conv2d(conv.weight.mul(scale.exp()), conv.bias, { padding: 1 }).relu();
    return linear.forward(y.mean([2, 3]));
  };
  return { conv, linear, scale, forward };
}

describeEngines("work on captured tensors alone", () => {
  it("is done anew when one of them was changed in place", () => {
    const { conv, linear, scale, forward } = network();
    const f = compile(forward);
    const x = rand([9, 8, 6, 6]);
    expect(values(f(x))).toEqual(values(forward(x)));
    for (const weight of [conv.weight, linear.weight, scale]) {
      noGrad(() => weight.assign(rand(weight.shape)));
      expect(values(f(x))).toEqual(values(forward(x)));
    }
  });

  it("follows training in another compiled function", () => {
    const { conv, linear, forward } = network();
    const x = rand([9, 8, 6, 6]);
    const evaluate = compile(forward);
    const optimizer = new SGD([...conv.parameters(), ...linear.parameters()], { lr: 0.1 });
    const step = compile((batch: Tensor) => {
      optimizer.zeroGrad();
      const loss = forward(batch).square().mean();
      loss.backward();
      optimizer.step();
      return loss;
    });
    const before = values(evaluate(x));
    for (let i = 0; i < 3; i++) {
      step(x);
      expect(values(evaluate(x))).toEqual(values(forward(x)));
    }
    expect(values(evaluate(x))).not.toEqual(before);
  });

  it("follows values that are replaced, also by another engine", () => {
    const w = tensor([[1, 2]]);
    const f = compile((x: Tensor) => x.mul(w.exp().neg()));
    const x = tensor([[1, 1]]);
    f(x);
    w.storage.evict(false);
    w.storage.replaceHost(Float32Array.of(0, 0));
    expect(values(f(x))).toEqual([-1, -1]);
  });
});

describeEngines(
  "what is computed from captured tensors",
  () => {
    it("reads weights from the host, which the engine then does not keep", () => {
      const { conv, linear, forward } = network();
      const x = rand([9, 8, 6, 6]);
      const before = live();
      const f = compile(forward);
      f(x);
      const weights = conv.weight.storage.bytes + linear.weight.storage.bytes;
      const others = x.storage.bytes + prepared(f) + f.plans.values().next().value!.arenaBytes;
      expect(live() - before).toBeLessThan(others + weights);
      // An op that needs them has them, and changes are seen.
      expect(values(f(x))).toEqual(values(forward(x)));
      noGrad(() => conv.weight.assign(conv.weight.mul(2)));
      expect(values(f(x))).toEqual(values(forward(x)));
    });

    it("is kept once for several shapes and functions, and freed with the last", () => {
      const weight = rand([64, 64, 3, 3]);
      const forward = (x: Tensor) => x.conv2d(weight, undefined, { padding: 1 }).sum();
      const [f, g] = [compile(forward), compile(forward)];
      const [small, large] = [rand([1, 64, 4, 4]), rand([3, 64, 4, 4])];
      f(large);
      expect(prepared(f)).toBeGreaterThanOrEqual(weight.storage.bytes);
      const one = live();
      void [f(small), g(large)];
      expect(prepared(g)).toBe(prepared(f));
      expect(live() - one).toBeLessThan(weight.storage.bytes / 4);
      const kept = prepared(f);
      f.dispose();
      expect(values(g(small))).toEqual(values(forward(small)));
      const before = live();
      g.dispose();
      expect(before - live()).toBeGreaterThanOrEqual(kept);
    });

    it("is not kept where it would be much larger than what it comes from", () => {
      const scale = tensor([[2], [3]]);
      const forward = (x: Tensor) => x.mul(scale.exp().expand([2, 1 << 16]));
      const f = compile(forward);
      const x = rand([2, 1 << 16]);
      expect(values(f(x))).toEqual(values(forward(x)));
      expect(prepared(f)).toBe(8);
    });
  },
  ["native", "wasm"],
);

describeEngines("a tensor that a compiled function changed", () => {
  it("is seen changed in every layout", () => {
    const state = rand([2, 3, 4, 4]);
    const look = () => state.maxPool2d(2);
    look(); // leaves a channels-last copy
    compile((x: Tensor) => void noGrad(() => state.assign(x)))(rand([2, 3, 4, 4]));
    const fresh = tensor(Float32Array.from(state.storage.values() as Float32Array), { shape: [2, 3, 4, 4] });
    expect(values(look())).toEqual(values(fresh.maxPool2d(2)));
  });
});
