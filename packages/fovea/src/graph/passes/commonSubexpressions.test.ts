import { expect, it } from "vitest";
import { apply, compile, defineOp, nn, noGrad, randn, tensor, type Tensor } from "../../index.ts";
import { compiledAsEager, graphOf, opsOf, type Fn } from "../../testing/compiled.ts";
import { describeEngines } from "../../testing/engines.ts";

const ops = (fn: Fn, ...args: Tensor[]) => opsOf(compiledAsEager(fn, args));

describeEngines("common subexpressions", () => {
  it("are computed once, equal numbers and further steps included", () => {
    const names = ops((x) => [x.mul(3).exp().add(x.mul(3).exp().neg())], randn([4, 5]));
    expect(names.toSorted()).toEqual(["add", "exp", "mul", "neg"]);
    expect(ops((x) => [x.sum(0), x.sum(0)], randn([4, 5]))).toEqual(["sum"]);
  });

  it("tell attributes and numbers apart", () => {
    expect(ops((x) => [x.sum(0), x.sum(1)], randn([4, 4]))).toHaveLength(2);
    expect(ops((x) => [x.clamp(-Infinity, 1), x.clamp(-1, Infinity), x.clamp(-1, 1)], randn([4]))).toHaveLength(3);
    expect(ops((x) => [x.div(0), x.div(-0)], randn([4]))).toHaveLength(2);
  });

  it("are not the same when a tensor changed in between", () => {
    const w = tensor([1, 2, 3]);
    const fn: Fn = (x) =>
      noGrad(() => {
        w.assign(tensor([1, 2, 3]));
        const before = w.mul(x);
        w.assign(x);
        return [before, w.mul(x)];
      });
    expect(ops(fn, tensor([4, 5, 6])).filter((name) => name === "mul")).toHaveLength(2);
  });

  it("leave randomness and a user's own ops alone", () => {
    const drop = new nn.Dropout(0.5);
    const f: Fn = (x) => [drop.forward(x).sub(drop.forward(x)).abs().sum()];
    const compiled = compile(f);
    compiled(randn([100]));
    expect(opsOf(graphOf(compiled)).filter((name) => name === "dropout")).toHaveLength(2);
    const own = defineOp("counted", {
      inputs: ["x"],
      shape: ({ x }) => x,
      vjp: null,
      reference: ({ x }, _attrs, y) => y.data.set(x.data),
    });
    expect(ops((x) => [apply(own, { x }, {}), apply(own, { x }, {})], randn([3]))).toHaveLength(2);
  });
});
