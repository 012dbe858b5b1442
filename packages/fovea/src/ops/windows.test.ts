import { describe, expect, it } from "vitest";
import { outputSize, pairOf, resolvePadding, type Padding2d } from "./windows.ts";

const once = { stride: [1, 1], dilation: [1, 1] } as const;

const of = (p: Padding2d) => resolvePadding(p, [5, 5], [3, 3], once, "conv2d");

describe("padding", () => {
  it("'same' gives ⌈size / stride⌉ outputs with the extra zeros at the end (TensorFlow's rule)", () => {
    // TensorFlow: total = max((⌈in/s⌉ − 1)·s + k − in, 0), before = ⌊total / 2⌋
    expect(resolvePadding("same", [224, 224], [7, 7], { ...once, stride: [2, 2] }, "conv2d")).toEqual([
      [2, 3],
      [2, 3],
    ]);
    expect(resolvePadding("same", [5, 6], [2, 3], once, "conv2d")).toEqual([
      [0, 1],
      [1, 1],
    ]);
    expect(resolvePadding("same", [10, 10], [1, 1], { ...once, stride: [3, 3] }, "conv2d")).toEqual([
      [0, 0],
      [0, 0],
    ]);
  });

  it("'full' reaches every position where kernel and picture touch, dilation included", () => {
    expect(resolvePadding("full", [5, 5], [3, 2], { stride: [1, 1], dilation: [2, 1] }, "conv2d")).toEqual([
      [4, 4],
      [1, 1],
    ]);
  });

  it("'sameSymmetric' pads dilation·(kernel − 1) whatever the stride, an even kernel's extra one at the end (PyTorch)", () => {
    // torch.nn.Conv2d, padding='same': total = d·(k − 1), left = total // 2, the rest right
    const moves = { stride: [2, 2], dilation: [1, 3] } as const;
    expect(resolvePadding("sameSymmetric", [9, 9], [5, 2], moves, "conv2d")).toEqual([
      [2, 2],
      [1, 2],
    ]);
    const size = outputSize(
      [9, 9],
      [5, 2],
      {
        ...moves,
        padding: [
          [2, 2],
          [1, 2],
        ],
      },
      false,
      () => "conv2d",
    );
    expect(size).toEqual([5, 5]); // ⌈9 / 2⌉
  });

  it("'causal' pads before only, and only lines have a before", () => {
    expect(resolvePadding("causal", [9], [3], { stride: [1], dilation: [4] }, "conv1d")).toEqual([[8, 0]]);
    expect(() => of("causal" as "same")).toThrow('conv2d: padding "causal" is not known');
  });

  it("works for any number of axes", () => {
    const moves = { stride: [1, 2, 3], dilation: [1, 1, 2] };
    expect(resolvePadding([1, [0, 2], 3], [5, 6, 7], [3, 3, 3], moves, "conv3d")).toEqual([
      [1, 1],
      [0, 2],
      [3, 3],
    ]);
    expect(() => resolvePadding([1, 2], [5, 6, 7], [3, 3, 3], moves, "conv3d")).toThrow(
      "conv3d: padding must be one number, 3 of them or 3 pairs [before, after], got [1,2]",
    );
  });

  it("takes a number, a pair, or every side", () => {
    expect(of(2)).toEqual([
      [2, 2],
      [2, 2],
    ]);
    expect(of([1, 2])).toEqual([
      [1, 1],
      [2, 2],
    ]);
    expect(
      of([
        [0, 1],
        [2, 3],
      ]),
    ).toEqual([
      [0, 1],
      [2, 3],
    ]);
    expect(of("valid")).toEqual([
      [0, 0],
      [0, 0],
    ]);
  });

  it("refuses what is not one of these", () => {
    expect(() => of("SAME" as "same")).toThrow(
      'conv2d: padding "SAME" is not known; use "same", "sameSymmetric", "valid", "full" or numbers',
    );
    expect(() => of(-1)).toThrow("conv2d: padding must be a whole number ≥ 0 or two of them, got -1");
    expect(() => pairOf(0, 1, "conv2d: stride")).toThrow(
      "conv2d: stride must be a whole number ≥ 1 or two of them, got 0",
    );
  });
});

const size = (h: number, k: number, s: number, p: readonly [number, number], d: number, ceilMode = false) =>
  outputSize([h, h], [k, k], { stride: [s, s], padding: [p, p], dilation: [d, d] }, ceilMode, () => "conv2d: x")[0];

describe("the number of windows", () => {
  it("follows ⌊(size + padding − dilation·(kernel − 1) − 1) / stride⌋ + 1", () => {
    expect(size(224, 7, 2, [3, 3], 1)).toBe(112); // ResNet's stem
    expect(size(7, 3, 1, [0, 0], 2)).toBe(3);
    expect(size(5, 2, 2, [0, 1], 1)).toBe(3);
  });

  it("rounds up in ceil mode, but never starts a window in the padding after the end (PyTorch)", () => {
    expect(size(7, 2, 2, [0, 0], 1, true)).toBe(4);
    expect(size(112, 3, 2, [0, 0], 1, true)).toBe(56); // GoogLeNet's pooling
    expect(size(3, 2, 3, [1, 1], 1, true)).toBe(2); // the third would start at 6 > 3 + 1 − 1
  });

  it("says which law was broken, with its numbers", () => {
    expect(() => size(5, 7, 1, [0, 0], 1)).toThrow("conv2d: x leaves no output rows: (5 + 2·0 − 7)/1 + 1 = −1");
    expect(() => size(4, 3, 2, [1, 0], 3)).toThrow(
      "conv2d: x leaves no output rows: (4 + 1 + 0 − (3·(3 − 1) + 1))/2 + 1 = 0",
    );
  });
});
