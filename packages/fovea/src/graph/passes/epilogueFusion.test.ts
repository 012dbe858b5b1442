import { expect, it } from "vitest";
import { conv2d, linear, matmul, nn, noGrad, randn, type Tensor } from "../../index.ts";
import { compiledAsEager, opsOf, type Fn } from "../../testing/compiled.ts";
import { describeEngines } from "../../testing/engines.ts";

const ops = (fn: Fn, ...args: Tensor[]) => opsOf(compiledAsEager(fn, args));
/** With a residual, which starts the sum in place of being added at its end: a rounding per term, 2⁻²⁴ each. */
const opsNearly = (fn: Fn, ...args: Tensor[]) => opsOf(compiledAsEager(fn, args, 5e-6));

describeEngines("epilogues", () => {
  const [x, w, b] = [randn([2, 5, 9, 8]), randn([7, 5, 3, 3]), randn([7])];
  const [a, m, c] = [randn([6, 20]), randn([11, 20]), randn([11])];

  it.each([
    ["relu", (t: Tensor) => t.relu()],
    ["relu6", (t: Tensor) => t.clamp(0, 6)],
    ["silu", (t: Tensor) => t.silu()],
  ])("convolution and matrix product take %s, with the bits they would have apart", (_, f) => {
    expect(ops((t) => [f(conv2d(t, w, b))], x)).toEqual(["fusedConv2d"]);
    expect(ops((t) => [f(conv2d(t, w))], x)).toEqual(["fusedConv2d"]);
    expect(ops((t) => [f(linear(t, m, c))], a)).toEqual(["fusedMatmul"]);
    expect(ops((t) => [f(matmul(t, m, { transposeB: true }))], a)).toEqual(["fusedMatmul"]);
  });

  it("take a residual before the activation, not after it", () => {
    const r = randn([2, 7, 7, 6]);
    expect(opsNearly((t, s) => [conv2d(t, w, b).add(s).relu()], x, r)).toEqual(["fusedConv2d"]);
    expect(opsNearly((t, s) => [s.add(conv2d(t, w, b))], x, r)).toEqual(["fusedConv2d"]);
    expect(ops((t, s) => [conv2d(t, w, b).relu().add(s)], x, r)).toEqual(["fusedConv2d", "add"]);
    expect(opsNearly((t, s) => [linear(t, m, c).add(s).relu()], a, randn([6, 11]))).toEqual(["fusedMatmul"]);
  });

  it("leave a sum to the loop that makes its other operand, as in an optimizer's momentum", () => {
    const fn: Fn = (t, v) => [matmul(t, m, { transposeB: true }).add(v.mul(0.9))];
    expect(ops(fn, a, randn([6, 11]))).toEqual(["matmul", "mul", "add"]);
    const read: Fn = (t, v) => {
      const scaled = v.mul(0.9);
      return [matmul(t, m, { transposeB: true }).add(scaled), scaled];
    };
    expect(opsNearly(read, a, randn([6, 11]))).toEqual(["mul", "fusedMatmul"]);
  });

  it("of two convolutions that are added, the later one takes the other", () => {
    const v = randn([7, 5, 3, 3]);
    expect(opsNearly((t) => [conv2d(t, w, b).add(conv2d(t, v)).relu()], x)).toEqual(["conv2d", "fusedConv2d"]);
    const y = ops((t) => [conv2d(t, w).add(conv2d(t, w)).relu()], x); // the same twice: computed once
    expect(y).toEqual(["conv2d", "add", "relu"]);
  });

  it("leave what others read", () => {
    const fn: Fn = (t) => {
      const y = conv2d(t, w, b);
      return [y.relu(), y];
    };
    expect(ops(fn, x)).toEqual(["conv2d", "relu"]);
    const small = randn([7, 1, 1]);
    expect(ops((t) => [conv2d(t, w, b).add(small).relu()], x)).toEqual(["conv2d", "add", "relu"]); // no residual: broadcast
  });

  it("batch norm takes the residual and the ReLU, and its backward passes the ReLU's mask", () => {
    const bn = new nn.BatchNorm2d(5);
    const fn: Fn = (t, s) => {
      const leaf = t.detach().requireGrad();
      bn.forward(leaf).relu().square().add(s).sum().backward();
      return [leaf.grad!];
    };
    const names = ops(fn, x, randn([2, 5, 9, 8]));
    expect(names).not.toContain("relu");
    expect(names).not.toContain("reluGrad");
    const inference = new nn.BatchNorm2d(5).eval();
    expect(ops((t, s) => noGrad(() => [inference.forward(t).add(s).relu()]), x, randn([2, 5, 9, 8])).at(-1)).toBe(
      "batchNorm",
    );
  });

  it("in training the gradient of ReLU reads its result, that of SiLU its argument", () => {
    const weight = w.detach().requireGrad();
    const step =
      (f: (t: Tensor) => Tensor): Fn =>
      (t) => {
        const loss = f(conv2d(t, weight, b))
          .square()
          .sum();
        loss.backward();
        const g = weight.grad!;
        weight.grad = null;
        return [loss, g];
      };
    expect(
      ops(
        step((t) => t.relu()),
        x,
      ),
    ).toContain("fusedConv2d");
    const names = ops(
      step((t) => t.silu()),
      x,
    );
    expect(names).toContain("conv2d");
    expect(names).toContain("silu");
  });
});
