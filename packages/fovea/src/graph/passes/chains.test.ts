import { expect, it } from "vitest";
import { compile, conv2d, noGrad, nn, optim, rand, randn, tensor, where, type Tensor } from "../../index.ts";
import { binaryOps } from "../../ops/binary.ts";
import { compareOps } from "../../ops/compare.ts";
import { unaryOps } from "../../ops/unary.ts";
import { applyOp } from "../../tensor/apply.ts";
import { chainsOf, compiledAsEager, equalBits, graphOf, type Fn } from "../../testing/compiled.ts";
import { describeEngines } from "../../testing/engines.ts";

/** Runs `fn` compiled and directly, compares all bits, and returns the chains. */
const check = (fn: Fn, ...args: Tensor[]) => chainsOf(compiledAsEager(fn, args));

describeEngines("chains", () => {
  it("take neighbours in one shape, and what several of them read", () => {
    expect(check((x) => [x.mul(2).add(1).relu()], randn([3, 5]))).toEqual([["mul", "add", "relu"]]);
    expect(check((x) => [x.exp().mul(x.neg())], randn([3, 5]))).toEqual([["exp", "neg", "mul"]]);
    expect(check((x) => [x.exp().sum(0).mul(2).add(1)], randn([3, 5]))).toEqual([["mul", "add"]]);
    expect(check((x) => [x.exp().sum()], randn([3, 5]))).toEqual([]);
  });

  it("have several results", () => {
    const fn: Fn = (x) => {
      const y = x.mul(3);
      const z = y.add(1);
      return [y, z, z.sum(), z.relu()];
    };
    expect(check(fn, randn([40, 50]))).toEqual([["mul", "add", "relu"]]);
  });

  it("never hold a node that needs something outside which needs the chain", () => {
    // y → sum → z, and y again: the loop over y must end before the sum
    expect(check((x) => [x.mul(2).add(x.mul(3).add(1).sum()).exp()], randn([6, 7]))).toEqual([
      ["mul", "add"],
      ["mul", "add", "exp"],
    ]);
    const fn: Fn = (x) => {
      const y = x.mul(2).add(1);
      return [y.sub(y.sum()).exp().mul(y)];
    };
    expect(check(fn, randn([6, 7]))).toEqual([
      ["mul", "add"],
      ["sub", "exp", "mul"],
    ]);
    // two chains that would each have to wait for the other
    const crossed: Fn = (x) => {
      const [a, b] = [x.neg(), x.reshape([12]).exp()];
      return [a.mul(b.sum()).exp(), b.mul(a.sum()).neg()];
    };
    check(crossed, randn([3, 4]));
  });

  it("leave to the backward pass what only it needs", () => {
    const x = randn([20, 30]);
    const f: Fn = (t) => {
      const leaf = t.detach().requireGrad();
      const loss = leaf.mul(2).sigmoid().square().sum();
      loss.exp().backward();
      return [loss, leaf.grad!];
    };
    const chains = check(f, x);
    expect(chains[0]).toEqual(["mul", "sigmoid", "square"]);
    expect(chains.at(-1)).toEqual(expect.arrayContaining(["neg", "mul"])); // σ(1 − σ)
  });

  it.each([1, 7, 511, 512, 513, 1024, 1025, 3000, 40000])("equal eager for %i elements", (n) => {
    check((x, y) => [x.mul(0.3).add(y).tanh().sub(x), x.div(y.square().add(1))], randn([n]), randn([n]));
  });

  it.each([
    ["a scalar", [40, 33], []],
    ["a row", [40, 33], [33]],
    ["a long row", [5, 1300], [1300]],
    ["a column", [40, 33], [40, 1]],
    ["one element", [1, 1], [1]],
    ["a channel", [2, 5, 6, 7], [5, 1, 1]],
    ["many channels", [2, 700, 3, 2], [1, 700, 1, 1]],
    ["a mean per picture and channel", [3, 5, 40, 30], [3, 5, 1, 1]],
    ["axes taking turns", [3, 4, 5, 2], [3, 1, 5, 1]],
  ])("broadcast %s", (_, shape, small) => {
    const [x, s] = [randn(shape), randn(small)];
    const fn: Fn = (a, b) => [a.mul(b).add(b).relu().sub(b.exp())];
    check(fn, x, s);
    check((a, b) => [b.sub(a).mul(2).exp(), b.div(a.mul(3))], x, s);
    const mask: Fn = (a, b) => [where(b.greater(0), a.mul(2), b).add(a.greater(b).cast("float32"))];
    check(mask, x, s);
  });

  it("walk channels-last memory as it is, and bring operands together that lie differently", () => {
    const [x, w, c] = [randn([2, 3, 8, 9]), randn([16, 3, 3, 3]), randn([16, 1, 1])];
    const fn: Fn = (a, b, s) => {
      const y = conv2d(a, b, undefined, { padding: 1 });
      return [y.mul(s).add(c).relu(), y.permute([0, 1, 3, 2]).permute([0, 1, 3, 2]).mul(y).add(rows)];
    };
    const rows = randn([2, 16, 8, 9]);
    check(fn, x, w, c);
  });

  it("give every op the bits of its kernel", () => {
    const [x, y] = [rand([1100]).mul(3).add(0.1), randn([1100])];
    const fn: Fn = (a, b) => {
      const unary = Object.values(unaryOps).map((op) => applyOp(op, [a.mul(1.5)], {}));
      const binary = Object.values(binaryOps).map((op) => applyOp(op, [a.mul(1.5), b.neg()], {}));
      const compare = Object.values(compareOps).map((op) => {
        const logical = op.name.startsWith("logical");
        return applyOp(op, logical ? [a.greater(1), b.greater(0)] : [a.mul(1.5).floor(), a.floor()], {});
      });
      const floats = [...unary, ...binary].map((t) => (t.dtype === "bool" ? where(t, a, b) : t.clamp(-2, 2)));
      return [...floats, ...compare.map((t) => where(t, a, b))];
    };
    expect(new Set(check(fn, x, y).flat()).size).toBe(
      Object.keys({ ...unaryOps, ...binaryOps, ...compareOps }).length + 2,
    );
  });

  it("assign in their loop", () => {
    const make = () => [tensor([1, 2, 3]), tensor([10, 20, 30])] as const;
    const step =
      ([v, p]: readonly [Tensor, Tensor]): Fn =>
      (g) =>
        noGrad(() => {
          const old = p.mul(1);
          v.assign(v.mul(0.9).add(g));
          p.assign(p.sub(v.mul(0.1)));
          v.assign(v.mul(2)); // and again
          return [old, p.mul(2), v.add(p)];
        });
    const [one, two] = [make(), make()];
    const f = compile(step(one));
    for (let i = 0; i < 3; i++) {
      const g = randn([3]);
      equalBits(f(g), step(two)(g));
      equalBits(one, two);
    }
    expect(chainsOf(graphOf(f)).some((ops) => ops.filter((name) => name === "assign").length === 3)).toBe(true);
  });

  it.each([
    ["momentum", { momentum: 0.9 }],
    ["Nesterov's, with decay", { momentum: 0.9, nesterov: true, weightDecay: 1e-2 }],
  ])("make one pass of an update with %s", (_, options) => {
    const build = (p: Tensor) => new optim.SGD([p], { lr: 0.1, ...options });
    expect(trained(build)).toHaveLength(1);
  });

  it("make one pass of Adam's update", () => {
    expect(trained((p) => new optim.AdamW([p], { lr: 0.1 }))).toHaveLength(1);
  });

  it("keep a network's training as it is", () => {
    const make = () => {
      const model = new nn.Sequential(
        new nn.Conv2d(2, 8, 3, { padding: 1 }),
        new nn.BatchNorm2d(8),
        new nn.SiLU(),
        new nn.MaxPool2d(2),
        new nn.Flatten(),
        new nn.Linear(8 * 16, 5),
      );
      return { model, optimizer: new optim.AdamW(model.parameters(), { lr: 1e-2 }) };
    };
    const [one, two] = [make(), make()];
    two.model.loadStateDict(one.model.stateDict());
    const step =
      ({ model, optimizer }: ReturnType<typeof make>): Fn =>
      (x) => {
        const loss = model.forward(x).square().mean();
        optimizer.minimize(loss);
        return [loss];
      };
    const f = compile(step(one));
    for (let i = 0; i < 3; i++) {
      const x = randn([4, 2, 8, 8]);
      equalBits(f(x), step(two)(x));
    }
    equalBits([...one.model.stateDict().values()], [...two.model.stateDict().values()]);
  });
});

/** Trains one parameter compiled and directly, compares all bits, and returns the chains that assign. */
function trained(build: (p: Tensor) => optim.Optimizer): string[][] {
  const start = randn([37, 29]);
  const parameter = () => start.mul(1).detach().requireGrad();
  const [p, q] = [parameter(), parameter()];
  const [left, right] = [build(p), build(q)];
  const step =
    (w: Tensor, o: optim.Optimizer): Fn =>
    (x) => {
      o.minimize(w.mul(x).square().sum());
      return [];
    };
  const f = compile(step(p, left));
  for (let i = 0; i < 3; i++) {
    const x = randn([37, 29]);
    f(x);
    step(q, right)(x);
    equalBits([p], [q]);
  }
  return chainsOf(graphOf(f)).filter((names) => names.includes("assign"));
}
