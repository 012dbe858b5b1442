import { describe, expect, it } from "vitest";
import { compile, crossEntropy, nn, optim, Tensor, tensor, withEngine } from "../index.ts";
import { currentEngine, engineNames, engineState } from "../backend/engines.ts";
import { testNumbers } from "../testing/cases.ts";

/** A small convolutional net; the reference engine gets a smaller one, for it is slow by design. */
class Net extends nn.Module {
  conv = new nn.Conv2d(1, 2, 3, { padding: 1 });
  fc = new nn.Linear(2 * 4 * 4, 3);
  dropout = new nn.Dropout(0.25);

  override forward(x: Tensor): Tensor {
    return this.fc.forward(this.dropout.forward(this.conv.forward(x).relu().maxPool2d(2).flatten(1)));
  }
}

function batch(size: number, seed: number): { x: Tensor; y: Tensor } {
  const next = testNumbers(seed);
  return {
    x: tensor(Float32Array.from({ length: size * 64 }, next), { shape: [size, 1, 8, 8] }),
    y: tensor(Int32Array.from({ length: size }, (_, i) => i % 3)),
  };
}

for (const name of engineNames) {
  const state = engineState(name);
  describe.skipIf(!("engine" in state))(`memory on ${name}`, () => {
    const steps = 1000;
    const live = () => currentEngine().memory().liveBytes;

    it(`${steps} eager training steps in a loop that never awaits leave the live bytes constant`, () => {
      withEngine(name, () => {
        const model = new Net();
        const optimizer = new optim.SGD(model.parameters(), { lr: 0.01, momentum: 0.9 });
        const losses: Tensor[] = [];
        let after10 = 0;
        for (let i = 0; i < steps; i++) {
          const { x, y } = batch(2, i);
          const loss = crossEntropy(model.forward(x), y);
          optimizer.minimize(loss);
          losses.push(loss); // a user may keep these
          if (i === 10) after10 = live();
        }
        expect(live()).toBe(after10);
      });
    });

    it(`${steps} compiled training steps in a loop that never awaits leave the live bytes constant`, () => {
      withEngine(name, () => {
        const model = new Net();
        const optimizer = new optim.Adam(model.parameters(), { lr: 0.01 });
        const step = compile((x: Tensor, y: Tensor) => {
          const loss = crossEntropy(model.forward(x), y);
          optimizer.minimize(loss);
          return loss;
        });
        let after10 = 0;
        for (let i = 0; i < steps; i++) {
          const { x, y } = batch(2, i);
          step(x, y);
          if (i === 10) after10 = live();
        }
        expect(live()).toBe(after10);
        step.dispose();
      });
    });

    it("200 different input shapes, eager and compiled, end where they started", () => {
      withEngine(name, () => {
        const scale = tensor([2]).requireGrad();
        const step = compile((x: Tensor) => x.mul(scale).relu().mean());
        const pass = () => {
          for (let n = 1; n <= 200; n++) {
            const x = tensor(new Float32Array(n).fill(1));
            x.mul(scale).relu().mean().backward();
            scale.grad = null;
            step(x);
          }
          for (let i = 0; i < 3; i++) scale.mul(1).sum().backward();
        };
        pass();
        const once = live();
        pass();
        expect(live()).toBe(once);
        step.dispose();
      });
    });
  });
}

describe("values across steps", () => {
  it("a loss, logits and an input made by an op stay readable after later steps", async () => {
    const w = tensor([
      [1, 2],
      [3, 4],
    ]).requireGrad();
    const input = tensor([[1, 1]]).add(1); // made by an op, outside any gradient graph
    const step = () => {
      const logits = input.matmul(w);
      const loss = logits.mean();
      loss.backward();
      return { logits, loss };
    };
    const first = step();
    for (let i = 0; i < 5; i++) step();
    expect(await first.loss.item()).toBe(10); // (2·(1+3) + 2·(2+4)) / 2
    expect(await first.logits.toArray()).toEqual([[8, 12]]);
    expect(await input.toArray()).toEqual([[2, 2]]);
  });

  it("a large activation of an earlier step says what happened when it is read", async () => {
    const w = tensor([2]).requireGrad();
    const x = tensor(new Float32Array(10_000).fill(1));
    const activation = x.mul(w);
    activation.sum().backward();
    for (let i = 0; i < 2; i++) x.mul(w).sum().backward();
    await expect(activation.data()).rejects.toThrow(/activation of an earlier training step.*detach/s);
  });

  it("a detached activation outlives its step", async () => {
    const w = tensor([2]).requireGrad();
    const x = tensor(new Float32Array(10_000).fill(1));
    const y = x.mul(w);
    const kept = y.detach();
    y.sum().backward();
    for (let i = 0; i < 3; i++) x.mul(w).sum().backward();
    expect((await kept.data())[0]).toBe(2);
  });
});

it("a typed array is copied, or taken over where it is of the right kind", () => {
  const array = Float32Array.of(1, 2);
  expect(tensor(array).storage.values()).not.toBe(array);
  expect(tensor(array, { copy: false }).storage.values()).toBe(array);
  expect(tensor(Int32Array.of(1, 2), { dtype: "float32", copy: false }).storage.values()).toEqual(array);
});

it("values that a function makes are made when they are wanted, also for a network that is loaded with them", async () => {
  let calls = 0;
  const weight = tensor(() => Float32Array.of(++calls && 2, 3), { shape: [1, 2] });
  const layer = new nn.Linear(2, 1, { bias: false });
  layer.loadStateDict(new Map([["weight", weight]]));
  expect(calls).toBe(0);
  expect(await layer.forward(tensor([[1, 10]])).data()).toEqual(Float32Array.of(32));
  expect(calls).toBe(1);
  expect(() => tensor(() => new Float32Array(2))).toThrow("need { shape }");
  const wrong = tensor(() => new Int32Array(2), { shape: [3] });
  expect(() => wrong.storage.values()).toThrow("Int32Array of 2 elements for float32 of shape [3]");
});
