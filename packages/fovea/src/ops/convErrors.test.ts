import { expect, it } from "vitest";
import {
  conv1d,
  conv2d,
  conv3d,
  convMatrix,
  convTranspose1d,
  convTranspose2d,
  convolve,
  depthwiseConv2d,
  fold,
  locallyConnected2d,
  ones,
  SparseMatrix,
  toeplitz,
  unfold,
  zeros,
  type Tensor,
} from "../index.ts";
import { apply } from "../tensor/apply.ts";
import { describeEngines } from "../testing/engines.ts";
import { conv2dOp, type Conv2dAttrs } from "./conv2d.ts";
import { conv2dInputGrad } from "./conv2dInputGrad.ts";
import { conv2dWeightGrad } from "./conv2dWeightGrad.ts";

const plain: Conv2dAttrs = {
  stride: [1, 1],
  padding: [
    [0, 0],
    [0, 0],
  ],
  dilation: [1, 1],
  groups: 1,
};

describeEngines("convolutions outside of their domain are errors", () => {
  const x = ones([1, 2, 4, 4]);
  const w = ones([3, 2, 2, 2]);

  it.each<[string, () => Tensor, string]>([
    [
      "an empty kernel",
      () => conv2d(x, zeros([3, 2, 0, 2])),
      "conv2d: kernel size must be a whole number ≥ 1 or two of them, got [0,2]",
    ],
    [
      "an empty 1-D kernel",
      () => conv1d(ones([1, 1, 3]), zeros([1, 1, 0])),
      "conv1d: kernel size must be a whole number ≥ 1, got [0]",
    ],
    [
      "stride 0",
      () => conv2d(x, w, null, { stride: 0 }),
      "conv2d: stride must be a whole number ≥ 1 or two of them, got 0",
    ],
    ["a negative stride", () => conv2d(x, w, null, { stride: [1, -1] }), "conv2d: stride must be a whole number ≥ 1"],
    ["half a stride", () => conv2d(x, w, null, { stride: 0.5 }), "conv2d: stride must be a whole number ≥ 1"],
    ["dilation 0", () => conv2d(x, w, null, { dilation: 0 }), "conv2d: dilation must be a whole number ≥ 1"],
    ["negative padding", () => conv2d(x, w, null, { padding: -1 }), "conv2d: padding must be a whole number ≥ 0"],
    ["groups 0", () => conv2d(x, w, null, { groups: 0 }), "conv2d: groups must be a whole number ≥ 1, got 0"],
    ["negative groups", () => conv2d(x, w, null, { groups: -2 }), "conv2d: groups must be a whole number ≥ 1, got -2"],
    [
      "a stride past int32",
      () => conv2d(x, w, null, { stride: 2 ** 32 }),
      "conv2d: stride must be a whole number 1 … 2^31 − 1 or two of them, got 4294967296",
    ],
    [
      "padding past int32",
      () => conv2d(x, w, null, { padding: 2 ** 31 - 1, stride: 2 ** 31 - 1 }),
      "at most 2^31 − 1 can be counted",
    ],
    ["a result past 2^31", () => conv2d(x, w, null, { padding: 40_000 }), "at most 2^31 − 1 fit in one tensor"],
    [
      "stride 0 in the op itself",
      () => apply(conv2dOp, { x, weight: w }, { ...plain, stride: [0, 1] }),
      "conv2d: stride must be",
    ],
    [
      "an empty kernel in the gradient ops",
      () => conv2dInputGrad(ones([1, 3, 5, 4]), zeros([3, 2, 0, 1]), [1, 2, 4, 4], plain),
      "conv2dInputGrad: kernel size must be a whole number ≥ 1",
    ],
    [
      "groups 0 in the gradient ops",
      () => conv2dWeightGrad(x, ones([1, 3, 3, 3]), [3, 2, 2, 2], { ...plain, groups: 0 }),
      "conv2dWeightGrad: groups must be a whole number ≥ 1, got 0",
    ],
    [
      "padding for the wrong number of axes",
      () => conv2d(x, w, null, { padding: [1, 1, 1] as unknown as [number, number] }),
      "conv2d: padding must be one number, 2 of them or 2 pairs [before, after], got [1,1,1]",
    ],
    [
      "causal padding in 2-D",
      () => conv2d(x, w, null, { padding: "causal" as "same" }),
      'conv2d: padding "causal" is not known',
    ],
    [
      "channels that do not fit",
      () => conv3d(ones([1, 3, 4, 4, 4]), ones([3, 2, 2, 2, 2])),
      "conv3d: input has 3 channels but weight expects 2 (x [1, 3, 4, 4, 4], weight [3, 2, 2, 2, 2])",
    ],
    ["a missing batch axis", () => conv1d(ones([2, 5]), ones([3, 2, 2])), "conv1d: needs [N, C, L], got [2, 5]"],
    [
      "a kernel longer than the volume",
      () => conv3d(ones([1, 1, 2, 4, 4]), ones([1, 1, 3, 3, 3])),
      "leaves no output planes: (2 + 2·0 − 3)/1 + 1 = 0",
    ],
    [
      "a transposed weight that is not transposed",
      () => convTranspose2d(x, w),
      "convTranspose2d: input has 2 channels but weight expects 3 (x [1, 2, 4, 4], weight [3, 2, 2, 2])",
    ],
    [
      "output padding that reaches the next window",
      () => convTranspose1d(ones([1, 1, 3]), ones([1, 1, 2]), null, { stride: 2, outputPadding: 2 }),
      "convTranspose1d (x [1, 1, 3], weight [1, 1, 2]): outputPadding 2 must be less than the stride (2) or the dilation (1)",
    ],
    [
      "both ways to say the output size",
      () => convTranspose1d(ones([1, 1, 3]), ones([1, 1, 2]), null, { outputPadding: 0, outputSize: 4 }),
      "give outputPadding or outputSize, not both",
    ],
    [
      "more cut off than there is",
      () => convTranspose1d(ones([1, 1, 2]), ones([1, 1, 2]), null, { padding: 2 }),
      "leaves no output positions: (2 − 1)·1 − 2 − 2 + 1·(2 − 1) + 0 + 1 = −1; use less padding",
    ],
    [
      "a transposed bias of another size",
      () => convTranspose1d(ones([1, 1, 2]), ones([1, 4, 2]), ones([2])),
      "convTranspose1d: bias must be [4], one per output channel, got [2]",
    ],
    [
      "depthwise with a full weight",
      () => depthwiseConv2d(x, w),
      "depthwiseConv2d: weight must be [2 · multiplier, 1, ...kernel size] for x [1, 2, 4, 4], got [3, 2, 2, 2]",
    ],
    [
      "unshared with a shared weight",
      () => locallyConnected2d(x, w),
      "locallyConnected2d: weight must be [...output size",
    ],
    [
      "signals of different rank",
      () => convolve(ones([3]), ones([2, 2])),
      "convolve: needs two signals, two pictures or two volumes",
    ],
    [
      "valid, where neither lies in the other",
      () => convolve(ones([3, 2]), ones([2, 3]), "valid"),
      'mode "valid" needs one signal inside',
    ],
    [
      "an unknown mode",
      () => convolve(ones([3]), ones([2]), "middle" as "same"),
      'convolve: mode "middle" is not known',
    ],
    ["a Toeplitz matrix of a matrix", () => toeplitz(ones([2, 2]), 3), "toeplitz: the kernel must be a vector"],
    ["a matrix for a size of another rank", () => convMatrix(w, [4]), "convMatrix: weight [3, 2, 2, 2] must be"],
    ["unfold with window 0", () => unfold(x, 0), "unfold: kernelSize must be a whole number ≥ 1"],
    [
      "fold of another size",
      () => fold(ones([1, 8, 8]), [4, 4], 2),
      "fold: x must be [N, C · 4, 9] for a picture of [4, 4]",
    ],
    [
      "a sparse matrix times another size",
      () => new SparseMatrix([1, 2], Int32Array.of(0, 1), Int32Array.of(1), ones([1])).matmul(ones([3])),
      "SparseMatrix.matmul: a matrix [1, 2] wants a vector [2] or a matrix [2, n], got [3]",
    ],
  ])("%s", (_, run, message) => expect(run).toThrow(message));
});
