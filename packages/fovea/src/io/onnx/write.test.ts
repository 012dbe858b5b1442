import { describe, expect, it } from "vitest";
import * as fovea from "../../index.ts";
import { models, nn, noGrad, randn, tensor, type Tensor } from "../../index.ts";
import { ops } from "../../ops/index.ts";
import { applyOp } from "../../tensor/apply.ts";
import { node, onnxModel, stored } from "../../testing/onnxModel.ts";
import { validateOnnx } from "./check.ts";
import { readGraph } from "./graph.ts";
import { loadOnnx } from "./module.ts";
import { exportOnnx } from "./write.ts";

const {
  adaptiveAvgPool2d,
  adaptiveMaxPool2d,
  conv3d,
  convTranspose2d,
  cumsum,
  flip,
  full,
  gelu,
  gridSample,
  isFinite,
  localResponseNorm,
  lpPool2d,
  maxPool2dWithIndices,
  maxUnpool2d,
  padMode,
  pixelUnshuffle,
  prod,
  resize,
  roll,
  scatter,
  sort,
  topk,
  where,
} = fovea;

type Fn = (x: Tensor) => Tensor;

/** What Fovea computes before, and what the reader computes after writing. */
function bothWays(model: nn.Module | Fn, shape: readonly number[]) {
  const bytes = exportOnnx(model, [shape]);
  expect(validateOnnx(bytes)).toEqual([]);
  const x = randn(shape);
  const back = loadOnnx(bytes, "exported");
  if (model instanceof nn.Module) model.eval();
  const run = model instanceof nn.Module ? (t: Tensor) => model.forward(t) : model;
  return noGrad(() => [run(x), back.forward(x)]) as [Tensor, Tensor];
}

function expectSame([a, b]: [Tensor, Tensor]) {
  expect(b.shape).toEqual(a.shape);
  expect(b.dtype).toBe(a.dtype);
  const [x, y] = [a.storage.values(), b.storage.values()];
  for (let i = 0; i < x.length; i++)
    expect(Math.abs(x[i]! - y[i]!)).toBeLessThanOrEqual(1e-5 * Math.max(1, Math.abs(x[i]!)));
}

describe("export, then import, gives the same outputs", () => {
  const [signal, picture, volume] = [
    [2, 4, 9],
    [2, 4, 8, 8],
    [1, 4, 5, 6, 6],
  ];
  const layers: Record<string, [() => nn.Module, readonly number[]]> = {
    lenet5: [() => models.lenet5(), [2, 1, 28, 28]],
    "a small network": [
      () =>
        new nn.Sequential(
          new nn.Conv2d(4, 8, 3, { padding: 1, stride: 2, groups: 2 }),
          new nn.BatchNorm2d(8),
          new nn.GELU(),
          new nn.MaxPool2d(2),
          new nn.Dropout(0.5),
          new nn.Flatten(),
          new nn.Linear(8 * 4 * 4, 10),
        ),
      [2, 4, 16, 16],
    ],
    AdaptiveAvgPool1d: [() => new nn.AdaptiveAvgPool1d(4), signal],
    AdaptiveAvgPool2d: [() => new nn.AdaptiveAvgPool2d([3, 5]), picture],
    AdaptiveAvgPool3d: [() => new nn.AdaptiveAvgPool3d(4), volume],
    AdaptiveMaxPool2d: [() => new nn.AdaptiveMaxPool2d([3, 5]), picture],
    AvgPool3d: [() => new nn.AvgPool3d(2), volume],
    BatchNorm1d: [() => new nn.BatchNorm1d(4), signal],
    Conv1d: [() => new nn.Conv1d(4, 6, 3, { padding: 1 }), signal],
    Conv2d: [() => new nn.Conv2d(4, 6, 3, { padding: "same", dilation: 2 }), picture],
    Conv3d: [() => new nn.Conv3d(4, 6, 3, { stride: 2, padding: 1 }), volume],
    ConvTranspose1d: [() => new nn.ConvTranspose1d(4, 6, 3, { stride: 2 }), signal],
    ConvTranspose2d: [
      () => new nn.ConvTranspose2d(4, 6, 3, { stride: 2, padding: 1, outputPadding: 1, dilation: 2 }),
      picture,
    ],
    ConvTranspose3d: [() => new nn.ConvTranspose3d(4, 6, 3, { stride: 2 }), volume],
    DropBlock2d: [() => new nn.DropBlock2d(0.5, 3), picture],
    GroupNorm: [() => new nn.GroupNorm(2, 4), picture],
    InstanceNorm2d: [() => new nn.InstanceNorm2d(4), picture],
    LPPool2d: [() => new nn.LPPool2d(2, 2), picture],
    LayerNorm: [() => new nn.LayerNorm([8]), picture],
    LocalResponseNorm: [() => new nn.LocalResponseNorm(3), picture],
    LocallyConnected2d: [() => new nn.LocallyConnected2d(4, 6, [8, 8], 3), picture],
    PReLU: [() => new nn.PReLU(4), picture],
    PixelShuffle: [() => new nn.PixelShuffle(2), picture],
    SeparableConv2d: [() => new nn.SeparableConv2d(4, 6, 3), picture],
    "Upsample bilinear": [() => new nn.Upsample({ scaleFactor: 2, mode: "bilinear" }), picture],
    "Upsample nearest": [() => new nn.Upsample({ scaleFactor: 2 }), picture],
  };
  it.each(Object.keys(layers))("%s", (name) => {
    const [make, shape] = layers[name]!;
    expectSame(bothWays(make(), shape));
  });

  const functions: Record<string, Fn> = {
    adaptiveAvgPool2d: (x) => adaptiveAvgPool2d(x, [3, 2]),
    adaptiveMaxPool2d: (x) => adaptiveMaxPool2d(x, [3, 2]),
    argmax: (x) => x.argmax(1),
    avgPool2d: (x) => fovea.avgPool2d(x, 3, { stride: 2, padding: 1, ceilMode: true }),
    conv3d: (x) => conv3d(x.unsqueeze(2).expand([2, 3, 5, 6, 6]), full([2, 3, 2, 3, 3], 0.1)),
    convTranspose2d: (x) => convTranspose2d(x, full([3, 4, 3, 3], 0.1), null, { stride: 2 }),
    cumsum: (x) => cumsum(x, 2, { exclusive: true, reverse: true }),
    flip: (x) => flip(x, [2, 3]),
    gelu: (x) => gelu(x),
    gridSample: (x) => gridSample(x, x.narrow(1, 0, 2).permute([0, 2, 3, 1]).tanh()),
    isFinite: (x) => where(isFinite(x.div(x.sub(x))), x, 7),
    "the same value twice": (x) => x.add(x).mul(x.add(x)),
    localResponseNorm: (x) => localResponseNorm(x, 5),
    lpPool2d: (x) => lpPool2d(x, 2, 2),
    "matrix products": (x) => x.matmul(x.transpose()).matmul(full([6, 2], 1)),
    maxUnpool2d: (x) => {
      const { values, indices } = maxPool2dWithIndices(x, 2);
      return maxUnpool2d(values, indices, 2);
    },
    "pad with steps, the gradient of a strided slice": (x) =>
      applyOp(ops.pad, [x], { starts: [0, 1, 2, 0], steps: [1, 1, 2, 3], shape: [2, 5, 15, 17], value: 0.5 }),
    "a strided slice": (x) => x.slice([0, 0, 1, 0], [2, 3, 6, 6], [1, 1, 2, 3]),
    padMode: (x) =>
      padMode(
        x,
        [
          [2, 2],
          [1, 1],
        ],
        "reflect",
      ),
    pixelUnshuffle: (x) => pixelUnshuffle(x, 2),
    prod: (x) => prod(x, [3]),
    resize: (x) => resize(x, { scales: [2, 2], mode: "cubic" }),
    roll: (x) => roll(x, 1, 3),
    scatter: (x) => scatter(x.reshape([-1]), tensor(Int32Array.of(1, 5)), tensor([7, 8]), 0),
    sort: (x) => sort(x, 1).values,
    topk: (x) => topk(x, 2, -1).values,
    variance: (x) => x.variance([2, 3]),
  };
  it.each(Object.keys(functions))("%s", (name) => expectSame(bothWays(functions[name]!, [2, 3, 6, 6])));
});

describe("exportOnnx", () => {
  it("keeps the names of weights, inputs and outputs, and the mode of every layer", () => {
    const model = new nn.Sequential(new nn.Linear(2, 3), new nn.Dropout(0.5));
    const back = loadOnnx(exportOnnx(model, [[1, 2]], { inputNames: ["x"], outputNames: ["scores"] }), "m");
    expect([...back.namedParameters().keys()]).toEqual([...model.namedParameters().keys()]);
    expect([back.inputs[0]!.name, back.outputs[0]!.name]).toEqual(["x", "scores"]);
    expect([...model.namedModules().values()].every(({ training }) => training)).toBe(true);
  });

  it("writes records with their names, also inputs and weights as outputs", () => {
    const w = tensor([3]);
    const bytes = exportOnnx((x: Tensor) => ({ same: x, weight: w, both: x.add(w) }), [[1]]);
    const out = loadOnnx(bytes, "m").run(tensor([4]));
    expect(Object.entries(out).map(([name, t]) => [name, ...t.storage.values()])).toEqual([
      ["same", 4],
      ["weight", 3],
      ["both", 7],
    ]);
  });

  it("writes batch norms of inference as one operator over the running statistics", () => {
    const model = new nn.Sequential(new nn.Conv2d(3, 4, 3), new nn.BatchNorm2d(4), new nn.ReLU());
    const { nodes } = readGraph(exportOnnx(model, [[1, 3, 8, 8]]), "model");
    expect(nodes.map(({ op }) => op)).toEqual(["Conv", "BatchNormalization", "Relu", "Identity"]);
    expect(nodes[1]!.inputs.slice(1)).toEqual(["1.weight", "1.bias", "1.running_mean", "1.running_var"]);
  });

  it("writes batch norms by moments that are computed", () => {
    expectSame(bothWays((x) => fovea.batchNorm(x, x.mean([0, 2, 3]), tensor([3, 4])), [2, 2, 3, 3]));
  });

  it("says which op cannot be written", () => {
    expect(() => exportOnnx(() => fovea.dropout(tensor([1]), tensor(new Int32Array(6)), 0.5), [])).toThrow(
      "the op dropout (result [1]) cannot be written: it only happens in training; call eval()",
    );
  });
});

describe("validateOnnx", () => {
  it("finds wrong counts, attributes and shapes", () => {
    const faults = (nodes: Parameters<typeof onnxModel>[0]["nodes"]) =>
      validateOnnx(
        onnxModel({
          inputs: [["x", "float32", [1, 4]]],
          outputs: ["y"],
          initializers: [stored("w", "float32", [3, 2], [1, 2, 3, 4, 5, 6])],
          nodes,
        }),
        "m",
      );
    expect(faults([node("Relu", ["x", "w"], ["y"])])).toEqual(['node "y" (Relu) has 2 inputs, wanted 1']);
    expect(faults([node("Relu", ["x"], ["y"], { slope: 1 })])).toEqual([
      'node "y" (Relu) has the attribute slope; known are none',
    ]);
    expect(faults([node("Elu", ["x"], ["y"], { alpha: 1 })])).toEqual([
      'node "y" (Elu): the attribute alpha is of kind int, wanted float',
    ]);
    expect(faults([node("MatMul", ["x", "w"], ["y"])])[0]).toMatch(
      /node "y" \(MatMul\).*a has 4 columns, b has 3 rows/,
    );
    expect(faults([node("Neg", ["nobody"], ["y"])])[0]).toMatch(/"nobody", which nothing before it defines/);
    expect(faults([node("Neg", ["x"], ["y"])])).toEqual([]);
  });
});
