import { expect, it } from "vitest";
import { compile, nn, noGrad, rand, randn, type Tensor } from "../../index.ts";
import { BATCH_NORM_FOLDED, compiledAsEager, graphOf, nearlyEqual, opsOf, type Fn } from "../../testing/compiled.ts";
import { describeEngines } from "../../testing/engines.ts";

/** Statistics and an affine part as after training. */
function trained<T extends nn.BatchNorm2d | nn.BatchNorm1d>(bn: T): T {
  const give = (to: Tensor | null, value: Tensor) => noGrad(() => to!.assign(value));
  const shape = bn.runningMean!.shape;
  give(bn.runningMean, randn(shape));
  give(bn.runningVar, rand(shape).add(0.1));
  if (bn.weight) give(bn.weight, randn(shape));
  if (bn.bias) give(bn.bias, randn(shape));
  return bn;
}
const inference =
  (...layers: nn.Module[]): Fn =>
  (x) =>
    noGrad(() => [new nn.Sequential(...layers).eval().forward(x)]);

/** Two roundings more per product, and sums in another order: a few times 2⁻²⁴ per term. */
const within = BATCH_NORM_FOLDED;

describeEngines("batch norm in inference", () => {
  it.each([
    ["a convolution", () => new nn.Conv2d(4, 6, 3)],
    ["one without a bias", () => new nn.Conv2d(4, 6, 3, { bias: false, padding: 1, stride: 2 })],
    ["a grouped one", () => new nn.Conv2d(4, 6, 3, { groups: 2 })],
    ["a depthwise one", () => new nn.Conv2d(4, 8, 3, { groups: 4 })],
  ])("goes into the weights of %s", (_, make) => {
    const conv = make();
    const channels = conv.weight.shape[0]!;
    const bn = trained(new nn.BatchNorm2d(channels));
    const graph = compiledAsEager(inference(conv, bn, new nn.ReLU()), [randn([2, 4, 9, 9])], within);
    expect(opsOf(graph)).not.toContain("batchNorm");
    expect(opsOf(graph).at(-1)).toBe("fusedConv2d");
    const plain = trained(new nn.BatchNorm2d(channels, { affine: false }));
    expect(opsOf(compiledAsEager(inference(conv, plain), [randn([2, 4, 9, 9])], within)).at(-1)).toBe("conv2d");
  });

  it("goes into the weights of a fully connected layer", () => {
    const layers = [new nn.Linear(9, 7), trained(new nn.BatchNorm1d(7))];
    expect(opsOf(compiledAsEager(inference(...layers), [randn([5, 9])], within)).at(-1)).toBe("matmul");
  });

  it("follows weights that change between calls", () => {
    const [conv, bn] = [new nn.Conv2d(3, 4, 3), trained(new nn.BatchNorm2d(4))];
    const fn = inference(conv, bn);
    const f = compile(fn);
    const x = randn([1, 3, 6, 6]);
    nearlyEqual(f(x), fn(x), within);
    noGrad(() => conv.weight.assign(randn(conv.weight.shape)));
    nearlyEqual(f(x), fn(x), within);
    trained(bn);
    nearlyEqual(f(x), fn(x), within);
  });

  it("stays where others read the convolution, and where statistics or weights are no constants", () => {
    const [conv, bn] = [new nn.Conv2d(3, 4, 3), trained(new nn.BatchNorm2d(4)).eval()];
    const shared: Fn = (x) =>
      noGrad(() => {
        const y = conv.forward(x);
        return [bn.forward(y), y];
      });
    const x = randn([1, 3, 6, 6]);
    expect(opsOf(compiledAsEager(shared, [x]))).toContain("batchNorm");
    const training: Fn = (t) => noGrad(() => [bn.train().forward(conv.forward(t))]);
    const f = compile(training);
    f(x);
    expect(opsOf(graphOf(f))).toContain("batchNormOfBatch");
    bn.eval();
    const changed: Fn = (t) =>
      noGrad(() => {
        conv.weight.assign(conv.weight.mul(1));
        return [bn.forward(conv.forward(t))];
      });
    expect(opsOf(compiledAsEager(changed, [x]))).toContain("batchNorm");
  });
});
