import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { compile, nn, noGrad, optim, tensor, type Tensor } from "../index.ts";
import { describeEngines } from "../testing/engines.ts";

type Numbers = Readonly<Record<string, readonly number[]>>;

/** Written by test/fixtures/optimizers.py: PyTorch in float64, and the papers' formulas where PyTorch has no such optimizer. */
const fixture = JSON.parse(
  readFileSync(new URL("../../test/fixtures/optimizers.json", import.meta.url), "utf8"),
) as Record<"shapes" | "start" | "target" | "scale", Numbers> & { readonly after20: Readonly<Record<string, Numbers>> };

const names = Object.keys(fixture.shapes);

/** A problem with a known gradient: Σ c (p − t)² of a matrix, a convolution's weights and a bias. */
function problem() {
  const of = (what: Numbers, name: string) =>
    tensor(Float32Array.from(what[name]!), { shape: [...fixture.shapes[name]!] });
  const parameters = names.map((name) => new nn.Parameter(of(fixture.start, name)));
  const rest = names.map((name) => ({ target: of(fixture.target, name), scale: of(fixture.scale, name) }));
  const loss = () =>
    parameters
      .map((p, i) => p.sub(rest[i]!.target).square().mul(rest[i]!.scale).sum())
      .reduce((sum, term) => sum.add(term));
  return { parameters, loss };
}

const values = (parameters: readonly Tensor[]) => parameters.map((p) => Array.from(p.storage.values()));

/** By the fixture's names, with the settings of the script. */
const makers: Readonly<Record<string, (p: Tensor[]) => optim.Optimizer>> = {
  SGD: (p) => new optim.SGD(p, { lr: 0.05, momentum: 0.9, weightDecay: 0.01, nesterov: true }),
  Adam: (p) => new optim.Adam(p, { lr: 0.05, weightDecay: 0.1 }),
  AdamW: (p) => new optim.AdamW(p, { lr: 0.05, weightDecay: 0.1 }),
  RMSprop: (p) => new optim.RMSprop(p),
  "RMSprop centered": (p) =>
    new optim.RMSprop(p, { lr: 0.02, alpha: 0.9, eps: 1e-3, weightDecay: 0.1, momentum: 0.5, centered: true }),
  Adagrad: (p) => new optim.Adagrad(p),
  "Adagrad with decay": (p) =>
    new optim.Adagrad(p, { lr: 0.1, lrDecay: 0.05, weightDecay: 0.1, initialAccumulatorValue: 0.5, eps: 1e-6 }),
  Adadelta: (p) => new optim.Adadelta(p),
  "Adadelta with decay": (p) => new optim.Adadelta(p, { lr: 0.5, rho: 0.7, eps: 1e-3, weightDecay: 0.1 }),
  Adamax: (p) => new optim.Adamax(p),
  "Adamax with decay": (p) => new optim.Adamax(p, { lr: 0.05, betas: [0.7, 0.9], eps: 1e-4, weightDecay: 0.1 }),
  NAdam: (p) => new optim.NAdam(p),
  "NAdam with decay": (p) =>
    new optim.NAdam(p, { lr: 0.05, betas: [0.8, 0.99], eps: 1e-4, weightDecay: 0.1, momentumDecay: 0.1 }),
  "SGD under one-cycle": (p) =>
    new optim.SGD(p, { lr: optim.oneCycle(0.1, { steps: 20 }), momentum: optim.oneCycleMomentum({ steps: 20 }) }),
  "AdamW under one-cycle": (p) =>
    new optim.AdamW(p, {
      lr: optim.oneCycle(0.1, { steps: 20 }),
      betas: [optim.oneCycleMomentum({ steps: 20 }), 0.999],
    }),
  Lion: (p) => new optim.Lion(p, { lr: 1e-2 }),
  "Lion with decay": (p) => new optim.Lion(p, { lr: 1e-2, betas: [0.8, 0.95], weightDecay: 0.3 }),
  LAMB: (p) => new optim.LAMB(p, { lr: 1e-2 }),
  "LAMB without decay": (p) => new optim.LAMB(p, { lr: 2e-2, betas: [0.8, 0.99], eps: 1e-4, weightDecay: 0 }),
  LARS: (p) => new optim.LARS(p, { lr: 0.1 }),
  "LARS with decay": (p) => new optim.LARS(p, { lr: 0.2, momentum: 0.5, weightDecay: 0.05, trustCoefficient: 0.02 }),
  Muon: (p) => new optim.Muon(p),
  "Muon matched": (p) =>
    new optim.Muon(p, {
      lr: 0.05,
      momentum: 0.8,
      nesterov: false,
      weightDecay: 0.2,
      adjustLr: "matchRmsAdamw",
      adamw: { lrScale: 0.5, weightDecay: 0.05 },
    }),
};

function run(make: (p: Tensor[]) => optim.Optimizer, steps: number, compiled = false) {
  const { parameters, loss } = problem();
  const optimizer = make(parameters);
  const plain = () => optimizer.minimize(loss());
  const step = compiled ? compile(plain) : plain;
  for (let i = 0; i < steps; i++) step();
  return { parameters, optimizer, loss };
}

it("every trajectory of the fixture is compared", () => {
  expect(Object.keys(makers).toSorted()).toEqual(Object.keys(fixture.after20).toSorted());
});

describeEngines("trajectories", () => {
  for (const [name, make] of Object.entries(makers)) {
    it(`${name}: 20 steps agree with float64 to 1e-6`, () => {
      const { parameters } = run(make, 20);
      for (const [i, got] of values(parameters).entries()) {
        const wanted = fixture.after20[name]![names[i]!]!;
        for (const [j, want] of wanted.entries()) {
          expect(Math.abs(got[j]! - want), `${names[i]}[${j}]`).toBeLessThan(1e-6 * Math.max(1, Math.abs(want)));
        }
      }
    });

    it(`${name}: compiled equals eager, and a resumed run one never stopped, bit for bit`, () => {
      const wanted = values(run(make, 10).parameters);
      expect(values(run(make, 10, true).parameters)).toEqual(wanted);

      const before = run(make, 4);
      const after = run(make, 2); // leaves traces that loading must wipe out
      const { tensors, scalars } = before.optimizer.stateDict();
      after.optimizer.loadStateDict({ tensors, scalars: JSON.parse(JSON.stringify(scalars)) as typeof scalars });
      noGrad(() => after.parameters.forEach((p, i) => p.assign(before.parameters[i]!)));
      for (let i = 4; i < 10; i++) after.optimizer.minimize(after.loss());
      expect(values(after.parameters)).toEqual(wanted);
    });
  }
});

describe("groups", () => {
  it("take their share of one rate, whatever sets it", () => {
    const [a, b] = [new nn.Parameter(tensor([0])), new nn.Parameter(tensor([0]))];
    const groups = [{ params: [a!] }, { params: [b!], lrScale: 0.25 }];
    const optimizer = new optim.SGD(groups, { lr: optim.step(1, { every: 1, factor: 0.5 }) });
    const step = () => optimizer.minimize(a!.add(b!).sum());
    step(); // −1 and −0.25
    step(); // −0.5 and −0.125
    optimizer.lr = 4;
    step();
    expect([a, b].map((p) => p!.storage.values()[0])).toEqual([-5.5, -1.375]);
    expect(optimizer.lr).toBe(4);
    expect(() => new optim.SGD([{ params: [a!], lrScale: -1 }], { lr: 1 })).toThrow(/lrScale must be a number ≥ 0/);
  });

  it("of Muon go to AdamW where they say so", () => {
    const { parameters } = problem();
    const [matrix, kernel, bias] = parameters;
    const optimizer = new optim.Muon([{ params: [matrix!], useAdamW: true }, { params: [kernel!, bias!] }]);
    expect([...optimizer.stateDict().tensors.keys()]).toEqual([
      "0.exp_avg",
      "0.exp_avg_sq",
      "1.momentum_buffer",
      "2.exp_avg",
      "2.exp_avg_sq",
    ]);
    expect(() => new optim.Muon([matrix!], { adjustLr: "none" as "original" })).toThrow(/original or matchRmsAdamw/);
  });
});
