import { describe, expect, it } from "vitest";
import {
  apply,
  availableEngines,
  compile,
  crossEntropy,
  currentEngine,
  defineOp,
  nn,
  noGrad,
  optim,
  rand,
  tensor,
  Tensor,
  withEngine,
} from "../index.ts";

for (const engine of availableEngines()) {
  describe(`compile on ${engine}`, () => {
    const on = <T>(fn: () => T): T => withEngine(engine, fn);

    it("replays with new inputs, and records once per shape", async () => {
      const { values, plans } = on(() => {
        let runs = 0;
        const f = compile((x: Tensor, y: Tensor) => {
          runs++;
          return { sum: x.add(y), product: x.mul(y).sum() };
        });
        const a = f(tensor([1, 2]), tensor([3, 4]));
        const b = f(tensor([5, 6]), tensor([7, 8]));
        const c = f(tensor([1]), tensor([9]));
        return { values: [a.sum, a.product, b.sum, b.product, c.product], plans: [f.plans.size, runs] };
      });
      expect(plans).toEqual([2, 2]);
      const arrays = await Promise.all(values.map((t) => t.toArray()));
      expect(arrays).toEqual([[4, 6], 11, [12, 14], 83, 9]);
    });

    it("an output may be an input, a weight, or the same value twice", async () => {
      const w = tensor([10]);
      const outputs = on(() => {
        const f = compile((x: Tensor) => {
          const y = x.mul(w);
          return [x, w, y, y, y.reshape([1, 1])];
        });
        f(tensor([1]));
        return f(tensor([2]));
      });
      expect(await Promise.all(outputs.map((t) => t.toArray()))).toEqual([[2], [10], [20], [20], [[20]]]);
    });

    it("drops work that nobody reads", () => {
      on(() => {
        const f = compile((x: Tensor) => {
          x.exp().sum();
          return x.neg();
        });
        f(tensor([1]));
        expect([...f.plans.values()][0]!.graph.nodes.map((n) => n.op.name)).toEqual(["neg"]);
      });
    });

    it("runs an op of the user's own, eagerly and between compiled stretches", async () => {
      /** x · 3 + 1, with no kernel anywhere: the reference serves. */
      const affineOp = defineOp("affine3", {
        inputs: ["x"],
        shape: ({ x }) => x,
        vjp: (_inputs, _attrs, _y, g) => ({ x: () => g.mul(3) }),
        reference: ({ x }, _attrs, y) => y.data.set(Array.from(x.data, (v) => v * 3 + 1)),
      });
      const affine = (x: Tensor) => apply(affineOp, { x }, {});
      const { eager, compiled, gradient } = on(() => {
        const x = tensor([1, 2]);
        const f = compile((t: Tensor) => affine(t.add(1)).mul(2));
        const leaf = tensor([4]).requireGrad();
        affine(leaf.square()).sum().backward();
        f(x);
        return { eager: affine(x.add(1)).mul(2), compiled: f(x), gradient: leaf.grad! };
      });
      expect(await eager.toArray()).toEqual([14, 20]);
      expect(await compiled.toArray()).toEqual([14, 20]);
      expect(await gradient.toArray()).toEqual([24]);
    });

    it("uses weights as they are at each call", async () => {
      const w = tensor([1]);
      const results = on(() => {
        const f = compile((x: Tensor) => x.mul(w));
        const before = f(tensor([3]));
        noGrad(() => w.assign(tensor([5])));
        return [before, f(tensor([3]))];
      });
      expect(await Promise.all(results.map((t) => t.toArray()))).toEqual([[3], [15]]);
    });

    it("a training step takes no memory beyond its result, which goes with the step after", () => {
      on(() => {
        const model = new nn.Sequential(
          new nn.Conv2d(3, 8, 3, { padding: 1 }),
          new nn.BatchNorm2d(8),
          new nn.ReLU(),
          new nn.Flatten(),
          new nn.Linear(8 * 64, 5),
        );
        const optimizer = new optim.AdamW(model.parameters(), { lr: 1e-3 });
        const step = compile((x: Tensor, y: Tensor) => {
          const loss = crossEntropy(model.forward(x), y);
          optimizer.minimize(loss);
          return loss;
        });
        const [x, y] = [rand([6, 3, 8, 8]), tensor(Int32Array.of(0, 1, 2, 3, 4, 0))];
        for (let i = 0; i < 3; i++) step(x, y);
        const after3 = currentEngine().memory();
        for (let i = 0; i < 50; i++) {
          step(x, y);
          expect(currentEngine().memory()).toEqual(after3);
        }
      });
    });
  });
}

describe("compile", () => {
  it("says so when a value is read while recording", () => {
    const f = compile((x: Tensor) => {
      void x.storage;
      return x;
    });
    expect(() => f(tensor([1]))).toThrow(/used as a value while compile\(\) records/);
  });

  it("says so when a tensor of one recording is used in another", () => {
    let leaked: Tensor | null = null;
    compile((x: Tensor) => (leaked = x.neg()))(tensor([1]));
    const second = compile((x: Tensor) => x.add(leaked!));
    expect(() => second(tensor([1]))).toThrow(/earlier recording/);
  });

  it("follows a weight that another engine used meanwhile", async () => {
    const w = tensor([2]);
    const f = compile((x: Tensor) => x.mul(w));
    f(tensor([1]));
    withEngine("reference", () => noGrad(() => w.assign(tensor([7]))));
    expect(await f(tensor([1])).toArray()).toEqual([7]);
  });
});
