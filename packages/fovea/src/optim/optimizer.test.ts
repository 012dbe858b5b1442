import { describe, expect, it } from "vitest";
import { compile, grad, nn, ones, optim, tensor, type Tensor } from "../index.ts";
import { describeEngines } from "../testing/engines.ts";

/** Σ c (p − t)²: its gradient 2c(p − t) is known by hand, and differs from element to element. */
const start = [1, -2, 3];
const scale = [0.5, 1, 2];
const target = [0.3, 0.1, -0.4];

function lossOf(p: Tensor): Tensor {
  return p.sub(tensor(target)).square().mul(tensor(scale)).sum();
}

const gradientAt = (p: readonly number[]) => p.map((v, i) => 2 * scale[i]! * (v - target[i]!));

/** Runs an update rule in float64: `rule` changes the parameters given the gradient and the step, from 1. */
function byHand(rule: (p: number[], g: number[], t: number) => void, steps = 20): number[] {
  const p = [...start];
  for (let t = 1; t <= steps; t++) rule(p, gradientAt(p), t);
  return p;
}

function train(make: (p: Tensor[]) => optim.Optimizer, steps = 20, compiled = false): ArrayLike<number> {
  const p = new nn.Parameter(tensor(start));
  const optimizer = make([p]);
  const step = () => {
    const loss = lossOf(p);
    optimizer.minimize(loss);
    return loss;
  };
  const run = compiled ? compile(step) : step;
  for (let i = 0; i < steps; i++) run();
  return p.storage.values();
}

const zeros = () => start.map(() => 0);

/** Each optimizer, with its update rule written from the paper or PyTorch's documentation. */
const rules: { name: string; make: (p: Tensor[]) => optim.Optimizer; hand: () => number[] }[] = [
  {
    name: "SGD",
    make: (p) => new optim.SGD(p, { lr: 0.05 }),
    hand: () => byHand((p, g) => g.forEach((gi, i) => (p[i]! -= 0.05 * gi))),
  },
  {
    name: "SGD with weight decay and momentum (Polyak 1964; torch: v ← μv + g, θ ← θ − lr·v)",
    make: (p) => new optim.SGD(p, { lr: 0.02, momentum: 0.9, weightDecay: 0.1 }),
    hand: () => {
      const v = zeros();
      return byHand((p, g) =>
        g.forEach((gi, i) => {
          v[i] = 0.9 * v[i]! + (gi + 0.1 * p[i]!);
          p[i]! -= 0.02 * v[i]!;
        }),
      );
    },
  },
  {
    name: "SGD with dampening (torch: the first gradient enters whole)",
    make: (p) => new optim.SGD(p, { lr: 0.05, momentum: 0.5, dampening: 0.3 }),
    hand: () => {
      const v = zeros();
      return byHand((p, g, t) =>
        g.forEach((gi, i) => {
          v[i] = t === 1 ? gi : 0.5 * v[i]! + 0.7 * gi;
          p[i]! -= 0.05 * v[i]!;
        }),
      );
    },
  },
  {
    name: "SGD with Nesterov's momentum (Sutskever et al. 2013; torch: θ ← θ − lr (g + μv))",
    make: (p) => new optim.SGD(p, { lr: 0.02, momentum: 0.9, nesterov: true }),
    hand: () => {
      const v = zeros();
      return byHand((p, g) =>
        g.forEach((gi, i) => {
          v[i] = 0.9 * v[i]! + gi;
          p[i]! -= 0.02 * (gi + 0.9 * v[i]!);
        }),
      );
    },
  },
  {
    name: "SGD under a cosine schedule with warm-up",
    make: (p) => new optim.SGD(p, { lr: optim.warmup(5, optim.cosine(0.1, { steps: 15 })) }),
    hand: () =>
      byHand((p, g, t) => {
        const lr = t <= 5 ? (0.1 * t) / 6 : 0.05 * (1 + Math.cos((Math.PI * (t - 6)) / 15));
        g.forEach((gi, i) => (p[i]! -= lr * gi));
      }),
  },
  {
    name: "Adam (Kingma and Ba 2015, algorithm 1) with an L2 penalty",
    make: (p) => new optim.Adam(p, { lr: 0.1, weightDecay: 0.05 }),
    hand: () => adam({ lr: 0.1, l2: 0.05, decay: 0 }),
  },
  {
    name: "Adam with other betas and epsilon",
    make: (p) => new optim.Adam(p, { lr: 0.1, betas: [0.5, 0.7], eps: 1e-3 }),
    hand: () => adam({ lr: 0.1, l2: 0, decay: 0, b1: 0.5, b2: 0.7, eps: 1e-3 }),
  },
  {
    name: "AdamW (Loshchilov and Hutter 2019, algorithm 2, the decay scaled by lr as in torch)",
    make: (p) => new optim.AdamW(p, { lr: 0.1, weightDecay: 0.2 }),
    hand: () => adam({ lr: 0.1, l2: 0, decay: 0.2 }),
  },
];

function adam(o: { lr: number; l2: number; decay: number; b1?: number; b2?: number; eps?: number }): number[] {
  const { lr, l2, decay, b1 = 0.9, b2 = 0.999, eps = 1e-8 } = o;
  const [m, v] = [zeros(), zeros()];
  return byHand((p, gradient, t) =>
    gradient.forEach((raw, i) => {
      p[i]! -= lr * decay * p[i]!;
      const g = raw + l2 * p[i]!;
      m[i] = b1 * m[i]! + (1 - b1) * g;
      v[i] = b2 * v[i]! + (1 - b2) * g * g;
      const mHat = m[i]! / (1 - b1 ** t);
      const vHat = v[i]! / (1 - b2 ** t);
      p[i]! -= (lr * mHat) / (Math.sqrt(vHat) + eps);
    }),
  );
}

describeEngines("optimizers", () => {
  for (const { name, make, hand } of rules) {
    it(`${name}: 20 steps follow the rule in float64`, () => {
      const got = Array.from(train(make));
      hand().forEach((want, i) => expect(Math.abs(got[i]! - want)).toBeLessThan(2e-6 * Math.max(1, Math.abs(want))));
    });

    it(`${name}: compiled equals eager, bit for bit`, () => {
      expect(train(make, 20, true)).toEqual(train(make));
    });

    it(`${name}: a run resumed from its state equals one never stopped, bit for bit`, () => {
      const first = new nn.Parameter(tensor(start));
      const before = make([first]);
      for (let i = 0; i < 7; i++) before.minimize(lossOf(first));
      const state = before.stateDict();
      const saved = JSON.parse(JSON.stringify(state.scalars)) as typeof state.scalars;
      const second = new nn.Parameter(first);
      const after = make([second]);
      after.minimize(lossOf(second)); // leaves traces that loading must wipe out
      after.loadStateDict({ tensors: state.tensors, scalars: saved });
      new nn.Sequential({ p: new Holder(second) }).loadStateDict(new Map([["p.value", first]]));
      for (let i = 7; i < 20; i++) after.minimize(lossOf(second));
      expect(second.storage.values()).toEqual(train(make));
    });
  }

  it("step() uses the gradients of backward(), and zeroGrad() forgets them", () => {
    const p = new nn.Parameter(tensor([2]));
    const optimizer = new optim.SGD([p], { lr: 0.5 });
    p.square().sum().backward();
    optimizer.step(); // 2 − 0.5 · 4
    expect(Array.from(p.storage.values())).toEqual([0]);
    optimizer.zeroGrad();
    expect(p.grad).toBe(null);
    optimizer.step();
    expect(Array.from(p.storage.values())).toEqual([0]);
    expect(optimizer.steps).toBe(2);
  });

  it("groups have their own settings, frozen parameters stay", () => {
    const [a, b, frozen] = [tensor([1]), tensor([1]), tensor([1])].map((t) => new nn.Parameter(t));
    frozen!.requireGrad(false);
    const optimizer = new optim.SGD([{ params: [a!], lr: 0.25 }, { params: [b!, frozen!] }], { lr: 0.5 });
    optimizer.minimize(a!.add(b!).add(frozen!).sum());
    expect([a, b, frozen].map((p) => p!.storage.values()[0])).toEqual([0.75, 0.5, 1]);
  });

  it("a rate that is set holds from the next step on, also in a compiled step", () => {
    const p = new nn.Parameter(tensor([0]));
    const optimizer = new optim.SGD([p], { lr: optim.step(1, { every: 1, factor: 0.5 }) });
    const step = compile(() => optimizer.minimize(p.sum()));
    step(); // −1
    step(); // −0.5
    expect(optimizer.lr).toBe(0.25);
    optimizer.lr = 2;
    step();
    expect(Array.from(p.storage.values())).toEqual([-3.5]);
    expect(optimizer.lr).toBe(2);
  });

  for (const compiled of [false, true]) {
    it(`a loss that is not finite changes nothing under skipNonFinite, ${compiled ? "compiled" : "eagerly"}`, () => {
      const p = new nn.Parameter(tensor([1, 2]));
      const optimizer = new optim.Adam([p], { lr: 0.1 });
      const plain = (x: Tensor) => {
        const loss = p.mul(x).sum();
        optimizer.minimize(loss, { skipNonFinite: true });
        return loss;
      };
      const step = compiled ? compile(plain) : plain;
      step(ones([2]));
      const kept = [p, ...optimizer.stateDict().tensors.values()].map((t) => t.storage.values().slice());
      for (const bad of [NaN, Infinity, -Infinity]) {
        const loss = step(tensor([1, bad]));
        expect(Number.isFinite(loss.storage.values()[0])).toBe(false);
      }
      expect([p, ...optimizer.stateDict().tensors.values()].map((t) => t.storage.values())).toEqual(kept);
      step(ones([2]));
      expect(p.storage.values()).not.toEqual(kept[0]);
    });
  }

  it("a recorded step counts when it is run, not when it is recorded", () => {
    const p = new nn.Parameter(tensor([1]));
    const optimizer = new optim.SGD([p], { lr: 0.1 });
    const step = compile((x: Tensor) => optimizer.minimize(p.mul(x).sum()));
    step(ones([1]));
    step(ones([2])); // another shape: recorded again
    step(ones([1]));
    expect(optimizer.steps).toBe(3);
  });
});

/** A module with one parameter, to load a state into it. */
class Holder extends nn.Module {
  readonly value: nn.Parameter;

  constructor(value: nn.Parameter) {
    super();
    this.value = value;
  }

  forward(x: Tensor): Tensor {
    return x;
  }
}

describe("an optimizer refuses", () => {
  const p = new nn.Parameter(tensor([1]));

  it("no parameters, the same one twice, and groups mixed with parameters", () => {
    expect(() => new optim.SGD([], { lr: 1 })).toThrow("SGD: there are no parameters to optimize");
    expect(() => new optim.SGD([p, p], { lr: 1 })).toThrow("SGD: a parameter was given twice");
    expect(() => new optim.SGD([p, { params: [] }] as unknown as Tensor[], { lr: 1 })).toThrow(/not both/);
  });

  it("settings that make no sense", () => {
    expect(() => new optim.SGD([p], { lr: -1 })).toThrow(/must be a number ≥ 0, got -1/);
    expect(() => new optim.SGD([p], { lr: 1, nesterov: true })).toThrow(/nesterov needs a momentum above 0/);
  });

  it("the state of another optimizer or of other parameters", () => {
    const sgd = new optim.SGD([p], { lr: 1, momentum: 0.9 });
    const adam = new optim.Adam([p]);
    expect(() => sgd.loadStateDict(adam.stateDict())).toThrow("SGD.loadStateDict: the state is of Adam, not of SGD");
    const two = new optim.SGD([p, new nn.Parameter([2])], { lr: 1, momentum: 0.9 });
    expect(() => sgd.loadStateDict(two.stateDict())).toThrow(/unexpected 1: 1.momentum_buffer/);
  });
});

it("gradients of the loss are those the test's formulas use", () => {
  const p = new nn.Parameter(tensor(start));
  const [g] = grad(lossOf(p), [p]);
  gradientAt(start).forEach((want, i) => expect(g!.storage.values()[i]).toBeCloseTo(want, 5));
});
