import { describe, expect, it } from "vitest";
import { arange, conv2d, fold, gradCheck, matmul, ones, tensor, unfold, type Tensor } from "../index.ts";
import { testNumbers } from "../testing/cases.ts";
import { describeEngines } from "../testing/engines.ts";

const values = (x: Tensor): number[] => Array.from(x.storage.values());
const random = (shape: readonly number[], seed: number): Tensor =>
  tensor(Float32Array.from({ length: shape.reduce((a, d) => a * d, 1) }, testNumbers(seed)), { shape });

describeEngines("unfold and fold", () => {
  it("columns are windows: cell by cell down, window by window across", () => {
    const columns = unfold(arange(9).reshape([1, 1, 3, 3]), 2);
    expect(columns.shape).toEqual([1, 4, 4]);
    expect(values(columns)).toEqual([0, 1, 3, 4, 1, 2, 4, 5, 3, 4, 6, 7, 4, 5, 7, 8]);
  });

  it("makes convolution a matrix product (torch.nn.Unfold's documentation)", () => {
    const [x, w] = [random([1, 3, 10, 12], 1), random([2, 3, 4, 5], 2)];
    const y = matmul(w.reshape([2, 60]), unfold(x, [4, 5]).reshape([60, 56]));
    values(conv2d(x, w)).forEach((v, i) => expect(values(y)[i]).toBeCloseTo(v, 4));
  });

  it("fold adds the windows back: every pixel as often as windows hold it (torch.nn.Fold's documentation)", () => {
    const x = ones([1, 1, 4, 5]);
    const counts = fold(unfold(x, 2), [4, 5], 2);
    expect(values(counts)).toEqual([1, 2, 2, 2, 1, 2, 4, 4, 4, 2, 2, 4, 4, 4, 2, 1, 2, 2, 2, 1]);
    expect(fold(random([1, 12, 12], 3), [4, 5], 2).shape).toEqual([1, 3, 4, 5]);
  });

  it("is adjoint: ⟨unfold(x), y⟩ = ⟨x, fold(y)⟩ in 1-D, 2-D and 3-D", () => {
    for (const [size, kernel, options] of [
      [[9], 3, { stride: 2, padding: 1, dilation: 2 }],
      [[5, 6], [2, 3], { stride: [1, 2], padding: "same" }],
      [[3, 4, 4], 2, { padding: 1 }],
    ] as const) {
      const x = random([2, 3, ...size], 4);
      const columns = unfold(x, kernel, options);
      const y = random(columns.shape, 5);
      const back = fold(y, size, kernel, options);
      const dot = (a: Tensor, b: Tensor) => values(a).reduce((sum, v, i) => sum + v * values(b)[i]!, 0);
      expect(dot(columns, y)).toBeCloseTo(dot(x, back), 3);
    }
  });
});

describe("unfold and fold", () => {
  it("have gradients", () => {
    gradCheck((x) => unfold(x!, 2, { stride: 2, padding: 1 }).square(), [random([1, 2, 4, 4], 6)]);
    gradCheck((x) => fold(x!, [4, 4], 2, { stride: 2 }).square(), [random([1, 8, 4], 7)]);
  });
});
