import { describe, expect, it } from "vitest";
import { countMacs, gradCheck, manualSeed, nn, ones, randn, tensor, type Tensor } from "../index.ts";
import { describeEngines } from "../testing/engines.ts";

const values = (x: Tensor): number[] => Array.from(x.storage.values());
const names = (module: nn.AnyModule): [string, readonly number[]][] =>
  [...module.stateDict()].map(([name, t]) => [name, t.shape]);

describeEngines("convolution layers", () => {
  it("have PyTorch's output sizes (shapes of torch.nn's documentation examples)", () => {
    expect(new nn.Conv1d(4, 6, 3, { stride: 2 }).forward(ones([2, 4, 50])).shape).toEqual([2, 6, 24]);
    const rectangular = new nn.Conv2d(4, 6, [3, 5], { stride: [2, 1], padding: [4, 2], dilation: [3, 1] });
    expect(rectangular.forward(ones([2, 4, 20, 30])).shape).toEqual([2, 6, 11, 30]);
    const volume = new nn.Conv3d(4, 6, [3, 5, 2], { stride: [2, 1, 1], padding: [4, 2, 0] });
    expect(volume.forward(ones([2, 4, 10, 8, 9])).shape).toEqual([2, 6, 8, 8, 8]);
    expect(new nn.ConvTranspose1d(4, 6, 3, { stride: 2 }).forward(ones([2, 4, 10])).shape).toEqual([2, 6, 21]);
    const up = new nn.ConvTranspose2d(4, 6, [3, 5], { stride: [2, 1], padding: [1, 2], outputPadding: [1, 0] });
    expect(up.forward(ones([2, 4, 5, 9])).shape).toEqual([2, 6, 10, 9]);
    expect(new nn.ConvTranspose3d(4, 6, 3, { stride: 2 }).forward(ones([1, 4, 2, 3, 2])).shape).toEqual([
      1, 6, 5, 7, 5,
    ]);
  });

  it("transposed: undoes the size of a convolution when told the size (torch.nn.ConvTranspose2d's example)", () => {
    const down = new nn.Conv2d(3, 3, 3, { stride: 2, padding: 1 });
    const up = new nn.ConvTranspose2d(3, 3, 3, { stride: 2, padding: 1 });
    const input = ones([1, 3, 12, 12]);
    const half = down.forward(input);
    expect(half.shape).toEqual([1, 3, 6, 6]);
    expect(up.forward(half).shape).toEqual([1, 3, 11, 11]);
    expect(up.forward(half, [12, 12]).shape).toEqual([1, 3, 12, 12]);
    expect(() => up.forward(half, 13)).toThrow(
      "outputSize 13 for rows is out of reach; with stride 2 it can be 11 … 12",
    );
  });

  it("paddingMode changes the border only", () => {
    manualSeed(5);
    const x = randn([1, 2, 6, 6]);
    const plain = new nn.Conv2d(2, 3, 3, { padding: 1 });
    for (const paddingMode of ["reflect", "replicate", "circular", "symmetric"] as const) {
      const layer = new nn.Conv2d(2, 3, 3, { padding: 1, paddingMode });
      layer.loadStateDict(plain.stateDict());
      const inner = (t: Tensor) => values(t.slice([0, 0, 1, 1], [1, 3, 5, 5]));
      const [got, want] = [layer.forward(x), plain.forward(x)];
      inner(got).forEach((v, i) => expect(v).toBeCloseTo(inner(want)[i]!, 5));
      expect(values(got)).not.toEqual(values(want));
    }
  });

  it("locally connected layers: kernels differ, parameters are those of inventory 1.1 #33", () => {
    manualSeed(6);
    const layer = new nn.LocallyConnected2d(3, 4, [6, 5], [3, 2], { stride: [1, 2] });
    expect(layer.forward(ones([2, 3, 6, 5])).shape).toEqual([2, 4, 4, 2]);
    // Ho·Wo·(k²·Cin + 1)·Cout
    expect(nn.countParameters(layer)).toBe(4 * 2 * (3 * 2 * 3 + 1) * 4);
    expect(() => layer.forward(ones([2, 3, 7, 5]))).toThrow(
      "wants a weight [5, 2, 4, 3, 3, 2] (one kernel per output position), got [4, 2, 4, 3, 3, 2]",
    );
    const line = new nn.LocallyConnected1d(2, 3, 8, 3, { padding: "same", bias: false });
    expect(line.forward(ones([1, 2, 8])).shape).toEqual([1, 3, 8]);
    expect(names(line)).toEqual([["weight", [8, 3, 2, 3]]]);
  });
});

describe("convolution layers", () => {
  it("have PyTorch's state-dict names and weight shapes", () => {
    expect(names(new nn.Conv1d(4, 6, 3, { groups: 2 }))).toEqual([
      ["weight", [6, 2, 3]],
      ["bias", [6]],
    ]);
    expect(names(new nn.Conv3d(4, 6, [1, 2, 3]))).toEqual([
      ["weight", [6, 4, 1, 2, 3]],
      ["bias", [6]],
    ]);
    expect(names(new nn.ConvTranspose2d(4, 6, 3, { groups: 2, bias: false }))).toEqual([["weight", [4, 3, 3, 3]]]);
    expect(names(new nn.ConvTranspose3d(4, 6, 2))).toEqual([
      ["weight", [4, 6, 2, 2, 2]],
      ["bias", [6]],
    ]);
    expect(names(new nn.DepthwiseConv2d(4, 3, { multiplier: 2 }))).toEqual([
      ["weight", [8, 1, 3, 3]],
      ["bias", [8]],
    ]);
    expect(names(new nn.SeparableConv2d(4, 6, 3, { padding: 1 }))).toEqual([
      ["depthwise.weight", [4, 1, 3, 3]],
      ["pointwise.weight", [6, 4, 1, 1]],
      ["pointwise.bias", [6]],
    ]);
  });

  it("start as PyTorch's: uniform within 1/√fanIn, where a transposed weight's fan is outChannels / groups · kernel", () => {
    manualSeed(7);
    const bound = (layer: { weight: Tensor }) => Math.max(...values(layer.weight).map(Math.abs));
    // inventory 2.5: 0.1924501 for 3 → 64 channels, 3×3
    for (const [layer, want] of [
      [new nn.Conv2d(3, 64, 3), 0.1924501],
      [new nn.Conv1d(16, 64, 9), 1 / 12],
      [new nn.Conv3d(4, 32, 3), 1 / Math.sqrt(108)],
      [new nn.ConvTranspose2d(64, 16, 3), 1 / 12],
      [new nn.LocallyConnected2d(4, 8, 8, 3), 1 / 6],
    ] as const) {
      expect(bound(layer)).toBeLessThanOrEqual(want);
      expect(bound(layer)).toBeGreaterThan(0.99 * want);
    }
  });

  it("describe themselves", () => {
    expect(new nn.Conv1d(2, 4, 3, { padding: "causal", dilation: 2 }).describe()).toBe(
      "Conv1d(2, 4, kernelSize=3, padding=causal, dilation=2)",
    );
    expect(new nn.Conv3d(2, 4, [1, 3, 3], { padding: 1, paddingMode: "circular" }).describe()).toBe(
      "Conv3d(2, 4, kernelSize=[1, 3, 3], padding=1, paddingMode=circular)",
    );
    expect(new nn.ConvTranspose2d(4, 2, 2, { stride: 2, bias: false }).describe()).toBe(
      "ConvTranspose2d(4, 2, kernelSize=2, stride=2, bias=false)",
    );
    expect(new nn.LocallyConnected2d(3, 4, 6, 3).describe()).toBe(
      "LocallyConnected2d(3, 4, outputSize=[4, 4], kernelSize=3)",
    );
    expect(new nn.SeparableConv2d(3, 8, 3).toString()).toContain("(pointwise): Conv2d(3, 8, kernelSize=1)");
  });

  it("count multiply–accumulates: one per weight and output", () => {
    const macs = (layer: nn.Module, ...shape: number[]) => countMacs((x) => layer.forward(x), shape);
    expect(macs(new nn.Conv1d(4, 6, 3), 1, 4, 10)).toBe(8 * 6 * 4 * 3);
    expect(macs(new nn.Conv3d(2, 3, 3), 1, 2, 5, 6, 7)).toBe(3 * 4 * 5 * 3 * 2 * 27);
    expect(macs(new nn.ConvTranspose2d(3, 5, 2, { stride: 2 }) as unknown as nn.Module, 1, 3, 4, 4)).toBe(
      16 * 3 * 5 * 4,
    );
    expect(macs(new nn.LocallyConnected2d(3, 4, 6, 3), 1, 3, 6, 6)).toBe(16 * 4 * 27);
  });

  it("have gradients for inputs, weights and biases", () => {
    manualSeed(8);
    const options = { samples: 6 };
    gradCheck(
      new nn.Conv1d(4, 4, 3, { stride: 2, padding: 2, groups: 2, paddingMode: "reflect" }),
      [randn([2, 4, 7])],
      options,
    );
    gradCheck(new nn.Conv2d(4, 8, 3, { dilation: 2, groups: 4, padding: "same" }), [randn([2, 4, 5, 6])], options);
    gradCheck(new nn.Conv3d(2, 3, 2, { padding: 1, paddingMode: "circular" }), [randn([1, 2, 3, 3, 4])], options);
    gradCheck(new nn.ConvTranspose1d(4, 2, 3, { stride: 3, outputPadding: 2 }), [randn([2, 4, 4])], options);
    gradCheck(new nn.ConvTranspose2d(4, 4, 3, { stride: 2, groups: 2, dilation: 2 }), [randn([1, 4, 3, 3])], options);
    gradCheck(new nn.ConvTranspose3d(2, 2, 2, { stride: 2, padding: 1 }), [randn([1, 2, 3, 2, 2])], options);
    gradCheck(new nn.LocallyConnected1d(4, 4, 6, 3, { groups: 2, stride: 2 }), [randn([2, 4, 6])], options);
    gradCheck(new nn.LocallyConnected2d(2, 3, 4, 3, { padding: 1, dilation: 2 }), [randn([2, 2, 4, 4])], options);
    gradCheck(new nn.SeparableConv1d(3, 4, 3, { multiplier: 2 }), [randn([2, 3, 6])], options);
    gradCheck(new nn.SeparableConv2d(3, 4, 3, { padding: 1, stride: 2 }), [randn([2, 3, 5, 5])], options);
  });

  it("refuse channels, kernels, strides, dilations and groups outside their domain", () => {
    expect(() => new nn.Conv1d(0, 4, 3)).toThrow("Conv1d: inChannels must be a whole number ≥ 1, got 0");
    expect(() => new nn.Conv2d(3, 4, 0)).toThrow("Conv2d: kernelSize must be a whole number ≥ 1 or two of them, got 0");
    expect(() => new nn.Conv2d(3, 4, [3, -1])).toThrow("Conv2d: kernelSize must be a whole number ≥ 1");
    expect(() => new nn.Conv3d(3, 4, 2, { stride: 0 })).toThrow(
      "Conv3d: stride must be a whole number ≥ 1 or three of them, got 0",
    );
    expect(() => new nn.Conv3d(3, 4, 2, { dilation: [1, 1, 0.5] })).toThrow(
      "Conv3d: dilation must be a whole number ≥ 1",
    );
    expect(() => new nn.Conv1d(3, 4, 2, { groups: 0 })).toThrow("Conv1d: groups must be a whole number ≥ 1, got 0");
    expect(() => new nn.ConvTranspose2d(4, 6, 3, { groups: 4 })).toThrow(
      "ConvTranspose2d: 4 groups must divide both 4 input and 6 output channels",
    );
    expect(() => new nn.LocallyConnected2d(1, 1, 2, 3)).toThrow(
      "locallyConnected2d: x [1, 1, 2, 2] with window [3, 3] leaves no output rows: (2 + 2·0 − 3)/1 + 1 = 0",
    );
    expect(() => new nn.DepthwiseConv2d(3, 3, { multiplier: 0 })).toThrow(
      "multiplier must be a whole number ≥ 1, got 0",
    );
    const x = tensor([1, 2], { shape: [1, 1, 2] });
    expect(() => new nn.Conv1d(1, 1, 3).forward(x)).toThrow(
      "Conv1d(1, 1, kernelSize=3): conv1d (x [1, 1, 2], weight [1, 1, 3]) leaves no output positions: (2 + 2·0 − 3)/1 + 1 = 0",
    );
  });
});
