import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { grad, nn, tensor, type Tensor } from "../index.ts";
import { checkComposite, expectValues } from "../testing/composite.ts";
import { describeEngines } from "../testing/engines.ts";
import * as B from "./binaryLosses.ts";
import * as L from "./losses.ts";
import * as M from "./marginLosses.ts";
import * as R from "./regressionLosses.ts";

interface Fixture {
  readonly tensors: Record<string, { readonly values: number[]; readonly shape: number[] }>;
  readonly cases: Record<string, { readonly loss: number[]; readonly of: string; readonly gradient: number[] }>;
}
// Made by losses.py beside it, with PyTorch 1.13 in float64.
const fixture = JSON.parse(
  readFileSync(new URL("../../test/fixtures/losses.json", import.meta.url), "utf8"),
) as Fixture;

const given = (name: string): Tensor => {
  const { values, shape } = fixture.tensors[name]!;
  return tensor(values, { shape, dtype: name === "labels" || name === "pixels" ? "int32" : "float32" });
};
const g = given;

const functions: Record<string, (x: Tensor) => Tensor> = {
  ce: (x) => L.crossEntropy(x, g("labels")),
  ceSum: (x) => L.crossEntropy(x, g("labels"), { reduction: "sum" }),
  ceNone: (x) => L.crossEntropy(x, g("labels"), { reduction: "none" }),
  ceWeight: (x) => L.crossEntropy(x, g("labels"), { weight: g("weight") }),
  ceSmooth: (x) => L.crossEntropy(x, g("labels"), { labelSmoothing: 0.2 }),
  ceWeightSmooth: (x) => L.crossEntropy(x, g("labels"), { weight: g("weight"), labelSmoothing: 0.2 }),
  ceIgnore: (x) => L.crossEntropy(x, g("pixels"), { ignoreIndex: 9 }),
  ceIgnoreAll: (x) => L.crossEntropy(x, g("pixels"), { weight: g("weight"), ignoreIndex: 9, labelSmoothing: 0.1 }),
  ceIgnoreNone: (x) => L.crossEntropy(x, g("pixels"), { weight: g("weight"), ignoreIndex: 9, reduction: "none" }),
  ceIgnoreSum: (x) =>
    L.crossEntropy(x, g("pixels"), { weight: g("weight"), ignoreIndex: 9, reduction: "sum", labelSmoothing: 0.1 }),
  ceSoft: (x) => L.crossEntropy(x, g("soft")),
  ceSoftAll: (x) => L.crossEntropy(x, g("soft"), { weight: g("weight"), labelSmoothing: 0.3 }),
  nll: (x) => L.nllLoss(x, g("labels"), { weight: g("weight") }),
  bce: (x) => B.bceLoss(x, g("target")),
  bceWeight: (x) => B.bceLoss(x, g("yes"), { weight: g("pos"), reduction: "sum" }),
  bceLogits: (x) => B.bceWithLogitsLoss(x, g("target")),
  bceLogitsPos: (x) => B.bceWithLogitsLoss(x, g("yes"), { posWeight: g("pos") }),
  bceLogitsBoth: (x) => B.bceWithLogitsLoss(x, g("target"), { weight: g("prob"), posWeight: g("pos") }),
  sigmoidFocal: (x) => B.sigmoidFocalLoss(x, g("yes")),
  sigmoidFocalNoAlpha: (x) => B.sigmoidFocalLoss(x, g("yes"), { alpha: -1, gamma: 1.5, reduction: "mean" }),
  mse: (x) => R.mseLoss(x, g("y")),
  l1: (x) => R.l1Loss(x, g("y")),
  huber: (x) => R.huberLoss(x, g("y"), { delta: 0.7 }),
  smoothL1: (x) => R.smoothL1Loss(x, g("y"), { beta: 0.7 }),
  smoothL1Zero: (x) => R.smoothL1Loss(x, g("y"), { beta: 0 }),
  kl: (x) => L.klDiv(x, g("soft")),
  klBatch: (x) => L.klDiv(x, g("soft"), { reduction: "batchMean" }),
  klLog: (x) => L.klDiv(x, g("softLog"), { logTarget: true, reduction: "sum" }),
  multiMargin: (x) => M.multiMarginLoss(x, g("labels")),
  multiMargin2: (x) => M.multiMarginLoss(x, g("labels"), { p: 2, margin: 0.5, weight: g("weight") }),
  triplet: (x) => M.tripletMarginLoss(x, g("p"), g("n"), { margin: 2 }),
  tripletSwap: (x) => M.tripletMarginLoss(x, g("p"), g("n"), { margin: 2, p: 1, swap: true, reduction: "sum" }),
  triplet3: (x) => M.tripletMarginLoss(x, g("p"), g("n"), { margin: 2, p: 3 }),
  cosine: (x) => M.cosineEmbeddingLoss(x, g("p"), g("sign"), { margin: -0.5 }),
};

describeEngines("losses", () => {
  it("the fixture and the list agree", () => {
    expect(Object.keys(functions).toSorted()).toEqual(Object.keys(fixture.cases).toSorted());
  });

  for (const [name, f] of Object.entries(functions)) {
    it(`${name} and its gradient have PyTorch's values`, () => {
      const want = fixture.cases[name]!;
      const x = given(want.of).requireGrad();
      const loss = f(x);
      expectValues(loss, want.loss, 5);
      expectValues(grad(loss.sum(), [x])[0]!, want.gradient, 5);
    });
  }

  it("losses over scores stay finite for huge ones", () => {
    const x = tensor([-1e20, -200, 200, 1e20], { shape: [2, 2] });
    const yes = tensor([0, 1, 0, 1], { shape: [2, 2] });
    const labels = tensor([0, 1], { dtype: "int32" });
    const losses: ((v: Tensor) => Tensor)[] = [
      (v) => B.bceWithLogitsLoss(v, yes),
      (v) => B.sigmoidFocalLoss(v, yes, { reduction: "sum" }),
      (v) => B.sigmoidFocalLoss(v, yes, { reduction: "sum", gamma: 0.5 }),
      (v) => B.sigmoidFocalLoss(v, yes, { reduction: "sum", gamma: 0 }),
      (v) => L.focalLoss(v, labels, { gamma: 0.5 }),
      (v) => L.focalLoss(v, labels, { gamma: 3 }),
      (v) => L.crossEntropy(v, labels, { labelSmoothing: 0.1 }),
      (v) => R.huberLoss(v, yes),
      (v) => R.smoothL1Loss(v, yes),
    ];
    losses.forEach((f, i) => {
      const v = tensor(x.storage.values(), { shape: [2, 2], dtype: "float32" }).requireGrad();
      const loss = f(v);
      const slopes = grad(loss, [v])[0]!.storage.values();
      for (const n of [...loss.storage.values(), ...slopes]) expect(Number.isFinite(n), `loss ${i}: ${n}`).toBe(true);
    });
  });

  it("bceLoss of certain predictions is 0 or 100, as in PyTorch, without NaN in the gradient", () => {
    const p = tensor([0, 0, 1, 1]).requireGrad();
    const loss = B.bceLoss(p, tensor([0, 1, 0, 1]), { reduction: "none" });
    expectValues(loss, [0, 100, 100, 0]);
    for (const v of grad(loss.sum(), [p])[0]!.storage.values()) expect(Number.isFinite(v)).toBe(true);
  });

  it("klDiv counts a target of 0 as 0", () => {
    const target = tensor([0, 1]).requireGrad();
    const loss = L.klDiv(tensor([-5, -2]), target, { reduction: "none" });
    expectValues(loss, [0, 2]); // 1 · (ln 1 + 2)
    for (const v of grad(loss.sum(), [target])[0]!.storage.values()) expect(Number.isFinite(v)).toBe(true);
  });

  it("focalLoss with γ = 0 is the cross-entropy, with γ = 2 each term is (1 − p)² of it", () => {
    const [x, y] = [given("logits"), given("labels")];
    const plain = L.crossEntropy(x, y, { reduction: "none" });
    expectValues(L.focalLoss(x, y, { gamma: 0, reduction: "none" }), [...plain.storage.values()]);
    const want = Array.from(plain.storage.values(), (v) => (1 - Math.exp(-v)) ** 2 * v);
    expectValues(L.focalLoss(x, y, { reduction: "none" }), want);
  });

  it("hingeLoss is 0 beyond the margin", () => {
    expectValues(B.hingeLoss(tensor([2, 0.25, -3]), tensor([1, 1, 1]), { reduction: "none" }), [0, 0.75, 4]);
    expectValues(B.hingeLoss(tensor([2, -2]), tensor([-1, -1])), [1.5]);
  });

  it("diceLoss and jaccardLoss of masks are 1 minus the usual counts", () => {
    // A has 3 pixels, B 2, common 2: Dice 4/5, Jaccard 2/3; an empty class is no error.
    const a = tensor([1, 1, 1, 0, 0, 0, 0, 0], { shape: [1, 2, 2, 2] });
    const b = tensor([1, 1, 0, 0, 0, 0, 0, 0], { shape: [1, 2, 2, 2] });
    expectValues(B.diceLoss(a, b, { reduction: "none" }), [0.2, 0], 4);
    expectValues(B.jaccardLoss(a, b, { reduction: "none" }), [1 / 3, 0], 4);
    expectValues(B.diceLoss(a, b, { axes: [0, 1, 2, 3], smooth: 0 }), [0.2]);
    expectValues(B.diceLoss(a, b, { smooth: 1 }), [(1 - 5 / 6 + 0) / 2]);
    expect(() => B.diceLoss(tensor([1]), tensor([1]))).toThrow(/say which axes to sum over/);
  });

  it("contrastiveLoss: ½ d² for the same, ½ (margin − d)² for others, 0 beyond the margin", () => {
    const a = tensor([
      [0, 0],
      [0, 0],
      [0, 0],
      [1, 1],
    ]).requireGrad();
    const b = tensor([
      [3, 4],
      [0.3, 0.4],
      [3, 4],
      [1, 1],
    ]);
    const loss = M.contrastiveLoss(a, b, tensor([1, 0, 0, 0]), { reduction: "none" });
    expectValues(loss, [12.5, 0.125, 0, 0.5]); // distances 5, ½, 5, 0
    // Equal vectors that should differ have no direction to go: 0, not NaN.
    expectValues(grad(loss.sum(), [a])[0]!, [-3, -4, 0.3, 0.4, 0, 0, 0, 0]);
  });

  it("all elements ignored is NaN, as in PyTorch: there is nothing to average", () => {
    const labels = tensor([7, 7], { dtype: "int32" });
    expectValues(
      L.crossEntropy(
        tensor([
          [1, 2],
          [3, 4],
        ]),
        labels,
        { ignoreIndex: 7, reduction: "sum" },
      ),
      [0],
    );
    expect(
      L.crossEntropy(
        tensor([
          [1, 2],
          [3, 4],
        ]),
        labels,
        { ignoreIndex: 7 },
      ).storage.values()[0],
    ).toBeNaN();
  });

  it("mistakes are named", () => {
    const x = tensor([[1, 2, 3]]);
    expect(() => L.crossEntropy(x, tensor([1]))).toThrow(/labels must be int32 class numbers, got float32/);
    expect(() => L.crossEntropy(x, tensor([1], { dtype: "int32" }), { weight: tensor([1, 2]) })).toThrow(
      /weight must be \[3\], one per class, got \[2\]/,
    );
    expect(() => L.crossEntropy(x, x, { ignoreIndex: 1 })).toThrow(/ignoreIndex needs class numbers/);
    expect(() => L.crossEntropy(x, x, { labelSmoothing: 2 })).toThrow(/labelSmoothing must be in \[0, 1\], got 2/);
    expect(() => R.huberLoss(x, x, { delta: 0 })).toThrow(/delta must be above 0/);
    expect(() => M.tripletMarginLoss(x, x, tensor([[1, 2]]))).toThrow(/anchor \[1, 3\] and negative \[1, 2\]/);
  });

  it("every class is its function with options kept", () => {
    const [x, y, labels] = [given("x"), given("y"), given("labels")];
    const [a, p, n] = [given("a"), given("p"), given("n")];
    const pairs: [Tensor, Tensor][] = [
      [
        new nn.CrossEntropyLoss({ labelSmoothing: 0.2 }).forward(given("logits"), labels),
        functions.ceSmooth!(given("logits")),
      ],
      [new nn.NLLLoss({ weight: given("weight") }).forward(given("logProb"), labels), functions.nll!(given("logProb"))],
      [
        new nn.FocalLoss({ gamma: 1 }).forward(given("logits"), labels),
        L.focalLoss(given("logits"), labels, { gamma: 1 }),
      ],
      [
        new nn.KLDivLoss({ reduction: "batchMean" }).forward(given("logProb"), given("soft")),
        functions.klBatch!(given("logProb")),
      ],
      [new nn.BCELoss().forward(given("prob"), given("target")), functions.bce!(given("prob"))],
      [new nn.BCEWithLogitsLoss({ posWeight: given("pos") }).forward(x, given("yes")), functions.bceLogitsPos!(x)],
      [new nn.SigmoidFocalLoss().forward(x, given("yes")), functions.sigmoidFocal!(x)],
      [new nn.HingeLoss().forward(x, y), B.hingeLoss(x, y)],
      [
        new nn.DiceLoss({ axes: [1] }).forward(given("prob"), given("yes")),
        B.diceLoss(given("prob"), given("yes"), { axes: [1] }),
      ],
      [
        new nn.JaccardLoss({ axes: [1] }).forward(given("prob"), given("yes")),
        B.jaccardLoss(given("prob"), given("yes"), { axes: [1] }),
      ],
      [new nn.MSELoss().forward(x, y), functions.mse!(x)],
      [new nn.L1Loss().forward(x, y), functions.l1!(x)],
      [new nn.HuberLoss({ delta: 0.7 }).forward(x, y), functions.huber!(x)],
      [new nn.SmoothL1Loss({ beta: 0.7 }).forward(x, y), functions.smoothL1!(x)],
      [new nn.MultiMarginLoss().forward(given("logits"), labels), functions.multiMargin!(given("logits"))],
      [new nn.TripletMarginLoss({ margin: 2 }).forward(a, p, n), functions.triplet!(a)],
      [
        new nn.ContrastiveLoss({ margin: 3 }).forward(a, p, tensor([1, 0, 1, 0])),
        M.contrastiveLoss(a, p, tensor([1, 0, 1, 0]), { margin: 3 }),
      ],
      [new nn.CosineEmbeddingLoss({ margin: -0.5 }).forward(a, p, given("sign")), functions.cosine!(a)],
    ];
    for (const [got, want] of pairs) expect(got.storage.values()).toEqual(want.storage.values());
    expect(new nn.HuberLoss({ delta: 2, reduction: "sum" }).describe()).toBe("HuberLoss(delta=2, reduction=sum)");
  });
});

describe("losses on every engine", () => {
  for (const [name, f] of Object.entries(functions)) checkComposite(name, f, [() => given(fixture.cases[name]!.of)]);
  const labels = () => given("labels");
  checkComposite("focalLoss", (x, y) => L.focalLoss(x!, y!, { gamma: 1.5 }), [[4, 3], labels]);
  checkComposite("diceLoss", (x, y) => B.diceLoss(x!.sigmoid(), y!), [
    [2, 3, 4, 2],
    [2, 3, 4, 2],
  ]);
  checkComposite("jaccardLoss", (x, y) => B.jaccardLoss(x!.sigmoid(), y!), [
    [2, 3, 4, 2],
    [2, 3, 4, 2],
  ]);
  checkComposite("contrastiveLoss", (a, b) => M.contrastiveLoss(a!, b!, tensor([1, 0, 1]), { margin: 3 }), [
    [3, 4],
    [3, 4],
  ]);
  checkComposite("triplet, all three inputs", (a, b, c) => M.tripletMarginLoss(a!, b!, c!, { margin: 2 }), [
    [3, 4],
    [3, 4],
    [3, 4],
  ]);
});
