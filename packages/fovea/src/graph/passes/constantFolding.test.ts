import { expect, it } from "vitest";
import { noGrad, randn, tensor, type Tensor } from "../../index.ts";
import { compiledAsEager, opsOf, type Fn } from "../../testing/compiled.ts";
import { describeEngines } from "../../testing/engines.ts";

const ops = (fn: Fn, ...args: Tensor[]) => opsOf(compiledAsEager(fn, args));

describeEngines("constant folding", () => {
  it("drops what computes nothing", () => {
    expect(ops((x) => [x.mul(1).div(1).sub(0).exp()], randn([4]))).toEqual(["exp"]);
    expect(ops((x) => [x.reshape([2, 6]).reshape([3, 4]).reshape([12]).exp()], randn([12]))).toEqual(["exp"]);
    expect(ops((x) => [x.exp().reshape([2, 6]).reshape([3, 4])], randn([12]))).toEqual(["exp", "reshape"]);
  });

  it("keeps what changes a shape, a sign or a copy", () => {
    expect(ops((x) => [x.mul(tensor([[1]]))], randn([4]))).toEqual(["mul"]);
    expect(ops((x) => [x.add(0)], tensor([-0, 1]))).toEqual(["add"]);
    const w = tensor([1, 2]);
    const fn: Fn = (x) =>
      noGrad(() => {
        w.assign(x.neg());
        const old = w.mul(1);
        w.assign(x);
        return [old.add(w)];
      });
    expect(ops(fn, tensor([3, 4]))).toContain("mul");
  });
});
