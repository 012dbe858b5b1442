import { expect, it } from "vitest";
import { describeEngines } from "../testing/engines.ts";
import { grad } from "../tensor/autograd.ts";
import { tensor, type Tensor } from "../index.ts";
import { elu, leakyRelu, relu6 } from "./activations.ts";
import { takeAlongAxis } from "./gather.ts";
import { crossEntropy } from "./losses.ts";
import { batchNorm, channelMoments } from "./batchNorm.ts";
import { variance } from "./reduce.ts";
import { mseLoss } from "./regressionLosses.ts";

const close = async (x: Tensor, want: readonly number[]) => {
  const got = await x.data();
  expect(got.length).toBe(want.length);
  want.forEach((w, i) => expect(got[i]).toBeCloseTo(w, 5));
};

/** Reads beyond the row: on the reference an error, on the kernels, which cannot throw, NaN. */
const readOutside = () => takeAlongAxis(tensor([[1, 2, 3]]), tensor([[1, 3]], { dtype: "int32" }), 1).data();

// Functions made of ops; the ops themselves are checked by their cases.
describeEngines("composites", () => {
  it("elu grows like x above 0, unlike the formula printed in the course", async () => {
    // Inventory 2.8: max(α(eᶻ − 1), z) gives 14.74 for α = 0.1, z = 5; the definition gives 5.
    await close(elu(tensor([5, 0, -1]), 0.1), [5, 0, 0.1 * (Math.exp(-1) - 1)]);
  });

  it("elu's gradient does not overflow where eˣ would", async () => {
    const x = tensor([500, -2]).requireGrad();
    await close(grad(elu(x).sum(), [x])[0]!, [1, Math.exp(-2)]);
  });

  it("leakyRelu and relu6 bend where they should", async () => {
    await close(leakyRelu(tensor([-2, 0, 3]), 0.1), [-0.2, 0, 3]);
    await close(relu6(tensor([-2, 3, 7])), [0, 3, 6]);
  });

  it("variance divides by n − 1 unless told otherwise", async () => {
    // 1, 2, 3, 4: mean 2.5, squared distances 5.
    await close(variance(tensor([1, 2, 3, 4])), [5 / 3]);
    await close(variance(tensor([1, 2, 3, 4]), 0, { correction: 0 }), [5 / 4]);
  });

  it("crossEntropy of equal scores is ln(classes)", async () => {
    const logits = tensor([
      [1, 1, 1, 1],
      [2, 2, 2, 2],
    ]);
    const labels = tensor([3, 0], { dtype: "int32" });
    await close(crossEntropy(logits, labels), [Math.log(4)]);
    await close(crossEntropy(logits, labels, { reduction: "sum" }), [2 * Math.log(4)]);
  });

  it("crossEntropy's gradient is (softmax − one-hot) / N", async () => {
    const logits = tensor([
      [0, 0],
      [0, Math.log(3)],
    ]).requireGrad();
    const loss = crossEntropy(logits, tensor([1, 0], { dtype: "int32" }));
    await close(grad(loss, [logits])[0]!, [0.25, -0.25, -0.375, 0.375]);
  });

  it("crossEntropy takes pictures of classes", async () => {
    const logits = tensor(
      Float32Array.from({ length: 12 }, () => 5),
      { shape: [1, 3, 2, 2] },
    );
    const labels = tensor([0, 1, 2, 0], { dtype: "int32", shape: [1, 2, 2] });
    await close(
      crossEntropy(logits, labels, { reduction: "none" }),
      [1, 1, 1, 1].map(() => Math.log(3)),
    );
  });

  it("mseLoss averages squared distances", async () => {
    await close(mseLoss(tensor([1, 2, 3]), tensor([1, 0, 6])), [13 / 3]);
  });

  it("batchNorm with the batch's moments gives mean β and deviation γ per channel", async () => {
    const x = tensor(
      Float32Array.from({ length: 48 }, (_, i) => ((i * 7) % 11) - 4),
      { shape: [2, 3, 2, 4] },
    );
    const moments = channelMoments(x);
    const y = batchNorm(x, moments.mean, moments.variance, tensor([1, 2, 3]), tensor([-1, 0, 5]), { eps: 0 });
    const after = channelMoments(y);
    await close(after.mean, [-1, 0, 5]);
    await close(after.variance, [1, 4, 9]);
  });

  it("a second derivative goes through composites", async () => {
    // d²/dx² of Σ x³ as x · x²: 6x.
    const x = tensor([1, -2, 0.5]).requireGrad();
    const [first] = grad(x.mul(x.square()).sum(), [x], { createGraph: true });
    await close(grad(first!.sum(), [x])[0]!, [6, -12, 3]);
  });

  it("an index outside of the tensor is never read", async () => {
    const got = await Promise.resolve()
      .then(readOutside)
      .catch(() => Float32Array.of(2, NaN));
    expect([...got]).toEqual([2, NaN]);
  });
});
