import { describe, expect, it } from "vitest";
import {
  compile,
  gradCheck,
  keras,
  manualSeed,
  nn,
  noGrad,
  ones,
  optim,
  rand,
  tensor,
  zeros,
  type Tensor,
} from "../../index.ts";
import { describeEngines } from "../../testing/engines.ts";

const values = (t: Tensor) => Array.from(t.storage.values());
const close = (got: Tensor, want: readonly number[], digits = 5) => {
  expect(got.size).toBe(want.length);
  values(got).forEach((v, i) => expect(v).toBeCloseTo(want[i]!, digits));
};

/** Every layer with weights, and the shape of an input. */
const withWeights: readonly [keras.Layer, readonly number[]][] = [
  [new keras.Conv1D({ filters: 3, kernelSize: 3, padding: "causal" }), [2, 7, 2]],
  [new keras.Conv2D({ filters: 4, kernelSize: [3, 2], groups: 2 }), [2, 5, 5, 2]],
  [new keras.Conv3D({ filters: 3, kernelSize: 2, strides: 2, padding: "same" }), [1, 3, 4, 5, 2]],
  [new keras.Conv1DTranspose({ filters: 3, kernelSize: 3, strides: 2 }), [2, 4, 2]],
  [new keras.Conv2DTranspose({ filters: 4, kernelSize: 3, strides: 2, groups: 2, padding: "same" }), [1, 3, 4, 2]],
  [new keras.Conv3DTranspose({ filters: 2, kernelSize: 2, strides: 2 }), [1, 2, 3, 2, 3]],
  [new keras.DepthwiseConv1D({ kernelSize: 3, depthMultiplier: 2 }), [2, 6, 3]],
  [new keras.DepthwiseConv2D({ kernelSize: [2, 3], depthMultiplier: 2, padding: "same" }), [1, 4, 5, 3]],
  [new keras.SeparableConv1D({ filters: 4, kernelSize: 3 }), [2, 6, 3]],
  [new keras.SeparableConv2D({ filters: 4, kernelSize: 3, depthMultiplier: 2, strides: 2 }), [1, 6, 6, 3]],
  [new keras.LocallyConnected1D({ filters: 3, kernelSize: 3 }), [2, 6, 2]],
  [new keras.LocallyConnected2D({ filters: 3, kernelSize: [2, 3], strides: [1, 2] }), [2, 4, 5, 2]],
  [new keras.LocallyConnected2D({ filters: 2, kernelSize: 2, dataFormat: "channels_first" }), [1, 3, 4, 4]],
  [new keras.Dense({ units: 4 }), [2, 3, 5]],
  [new keras.BatchNormalization(), [4, 3, 3, 2]],
  [new keras.BatchNormalization({ scale: false }), [4, 3, 3, 2]],
  [new keras.LayerNormalization({ axis: [1, 2] }), [2, 3, 4, 5]],
  [new keras.GroupNormalization({ groups: 2 }), [2, 3, 3, 4]],
  [new keras.PReLU({ sharedAxes: [1, 2] }), [2, 3, 3, 4]],
];

describeEngines("Keras layers", () => {
  it("set, get and use weights in Keras' layout; shapes are known before anything is computed", () => {
    for (const [layer, shape] of withWeights) {
      layer.build(shape);
      const given = layer.getWeights().map((w) => rand(w.shape));
      layer.setWeights(given);
      layer.getWeights().forEach((w, i) => expect(values(w)).toEqual(values(given[i]!)));
      const y = noGrad(() => layer.forward(rand(shape)));
      expect(y.shape, layer.describe()).toEqual(layer.computeOutputShape(shape));
    }
  });

  it("channels_first gives what channels_last gives", () => {
    const kinds = [
      (dataFormat: keras.DataFormat) => new keras.Conv2D({ filters: 4, kernelSize: 3, dataFormat, activation: "tanh" }),
      (dataFormat: keras.DataFormat) =>
        new keras.Conv2DTranspose({ filters: 4, kernelSize: 3, strides: 2, padding: "same", dataFormat }),
      (dataFormat: keras.DataFormat) => new keras.SeparableConv2D({ filters: 4, kernelSize: 3, dataFormat }),
      (dataFormat: keras.DataFormat) =>
        new keras.AveragePooling2D({ poolSize: 3, strides: 2, padding: "same", dataFormat }),
      (dataFormat: keras.DataFormat) => new keras.UpSampling2D({ size: [2, 3], interpolation: "bilinear", dataFormat }),
      (dataFormat: keras.DataFormat) =>
        new keras.ZeroPadding2D({
          padding: [
            [1, 0],
            [2, 3],
          ],
          dataFormat,
        }),
      (dataFormat: keras.DataFormat) =>
        new keras.Cropping2D({
          cropping: [
            [1, 0],
            [2, 1],
          ],
          dataFormat,
        }),
      (dataFormat: keras.DataFormat) => new keras.GlobalMaxPooling2D({ keepdims: true, dataFormat }),
    ];
    const x = rand([2, 5, 6, 3]);
    for (const kind of kinds) {
      const [last, first] = [kind("channels_last"), kind("channels_first")];
      const y = noGrad(() => last.forward(x));
      first.build([2, 3, 5, 6]).setWeights(last.getWeights());
      const z = noGrad(() => first.forward(x.permute([0, 3, 1, 2])).permute([0, 2, 3, 1]));
      expect(z.shape, last.describe()).toEqual(y.shape);
      close(z, values(y));
    }
  });

  it("UpSampling2D repeats pixels or interpolates between their middles, as TensorFlow does", () => {
    const x = tensor([[[[0], [4]]]]);
    close(new keras.UpSampling2D({ size: [1, 2] }).forward(x), [0, 0, 4, 4]);
    close(new keras.UpSampling2D({ size: [1, 2], interpolation: "bilinear" }).forward(x), [0, 1, 3, 4]);
    // Keys' cubic (a = −0.5) at ±1/4, with the weights of pixels outside left out:
    // w(¼) = 0.8671875, w(¾) = 0.2265625, so 4 · 0.2265625 / 1.09375.
    const cubic = [0, 4].map((v, i) => v + (i === 0 ? 1 : -1) * ((4 * 0.2265625) / 1.09375));
    const [, b, c] = values(new keras.UpSampling2D({ size: [1, 2], interpolation: "bicubic" }).forward(x));
    expect(b).toBeCloseTo(cubic[0]!, 5);
    expect(c).toBeCloseTo(cubic[1]!, 5);
  });

  it("LocallyConnected2D with the same kernel everywhere is Conv2D", () => {
    const shared = new keras.Conv2D({ filters: 3, kernelSize: [2, 3] }).build([1, 4, 5, 2]);
    const [kernel, bias] = shared.getWeights() as [Tensor, Tensor];
    for (const dataFormat of ["channels_last", "channels_first"] as const) {
      const last = dataFormat === "channels_last";
      const layer = new keras.LocallyConnected2D({ filters: 3, kernelSize: [2, 3], dataFormat });
      layer.build(last ? [1, 4, 5, 2] : [1, 2, 4, 5]);
      const cells = (last ? kernel : kernel.permute([2, 0, 1, 3])).reshape([1, 12, 3]).expand([9, 12, 3]);
      layer.setWeights([
        tensor(Float32Array.from(values(cells)), { shape: [9, 12, 3] }),
        tensor(Float32Array.from(values(bias.expand([3, 3, 3]))), { shape: [3, 3, 3] }),
      ]);
      const x = rand([2, 4, 5, 2]);
      const y = noGrad(() => layer.forward(last ? x : x.permute([0, 3, 1, 2])));
      close(last ? y : y.permute([0, 2, 3, 1]), values(noGrad(() => shared.forward(x))));
    }
  });

  it("BatchNormalization keeps 0.99 of its moving mean and the biased variance", () => {
    const layer = new keras.BatchNormalization();
    layer.forward(tensor([[1], [3]])); // mean 2, biased variance 1
    const [gamma, beta, mean, variance] = layer.getWeights().map(values);
    expect([gamma, beta]).toEqual([[1], [0]]);
    expect(mean![0]).toBeCloseTo(0.02, 6);
    expect(variance![0]).toBeCloseTo(0.99 + 0.01, 6);
    expect(layer.epsilon).toBe(1e-3);
  });

  it("BatchNormalization with trainable false uses its moving statistics in training and leaves them", () => {
    const layer = new keras.BatchNormalization({ trainable: false, epsilon: 0 });
    close(layer.forward(tensor([[1], [3]])), [1, 3]);
    expect(values(layer.getWeights()[2]!)).toEqual([0]);
  });

  it("Rescaling: one scale for all, or one each along the last axis", () => {
    close(new keras.Rescaling({ scale: 1 / 255, offset: -0.5 }).forward(tensor([[0, 255]])), [-0.5, 0.5]);
    close(new keras.Rescaling({ scale: [1, 2], offset: [0, 1] }).forward(tensor([[3, 3]])), [3, 7]);
  });

  it("Normalization: statistics of each place along its axes, of all, or given; and back", () => {
    const x = tensor([
      [1, 2],
      [3, 6],
    ]);
    const weights = [tensor([1, 2]), tensor([4, 16]), tensor(2, { shape: [] })];
    const layer = new keras.Normalization().build([null, 2], weights);
    // (x − mean) / √variance
    close(layer.forward(x), [0, 0, 1, 1]);
    expect(layer.weights.map(({ name }) => name)).toEqual(["mean", "variance", "count"]);
    close(new keras.Normalization({ axis: null, mean: 1, variance: 4 }).forward(x), [0, 0.5, 1, 2.5]);
    close(new keras.Normalization({ mean: [1, 2], variance: [4, 16], invert: true }).forward(x), [3, 10, 7, 26]);
    close(new keras.Normalization().forward(x), [1, 2, 3, 6]);
    expect(() => new keras.Normalization({ mean: 1 })).toThrow("mean and variance are given together");
    expect(() => new keras.Normalization({ axis: 0 }).forward(x)).toThrow(
      "axis 0 is not one of [2, 2] after the batch",
    );
  });

  it("build takes first values in Keras' layout, all of them and of the right shape", () => {
    const kernel = tensor([[1, 2, 3]]);
    const dense = new keras.Dense({ units: 3, useBias: false }).build([null, 1], [kernel]);
    close(dense.forward(tensor([[2]])), [2, 4, 6]);
    const fresh = () => new keras.Dense({ units: 3 });
    expect(() => fresh().build([null, 1], [kernel])).toThrow("Dense: bias is [3] in Keras' layout, got nothing");
    expect(() => fresh().build([null, 2], [kernel])).toThrow("Dense: kernel is [2, 3] in Keras' layout, got [1, 3]");
    expect(() => new keras.Flatten().build([null, 2], [kernel])).toThrow("for 0 weights: none");
  });

  it("LayerNormalization normalises the last axis", () => {
    close(
      new keras.LayerNormalization({ epsilon: 0 }).forward(
        tensor([
          [1, 3],
          [10, 30],
        ]),
      ),
      [-1, 1, -1, 1],
    );
  });

  it("Conv1D with causal padding sees no later input", () => {
    const layer = new keras.Conv1D({ filters: 1, kernelSize: 2, padding: "causal", kernelInitializer: "ones" });
    close(layer.forward(tensor([[[1], [2], [3]]])), [1, 3, 5]);
  });

  it("Conv2DTranspose gives Keras' sizes", () => {
    const size = (options: object, n = 4) =>
      new keras.Conv2DTranspose({ filters: 1, kernelSize: 3, ...options }).computeOutputShape([1, n, n, 1])[1];
    expect(size({ strides: 2 })).toBe(9); // 4 · 2 + max(3 − 2, 0)
    expect(size({ strides: 4 })).toBe(16);
    expect(size({ strides: 2, padding: "same" })).toBe(8);
    expect(size({ strides: 2, padding: "same", outputPadding: 0 })).toBe(7);
    expect(size({ strides: 2, outputPadding: 1 })).toBe(10);
    expect(size({ dilationRate: 2 })).toBe(8);
  });

  it("merging layers combine element by element, and refuse what does not broadcast", () => {
    const [a, b] = [tensor([[1, 5]]), tensor([[3, 2]])];
    close(new keras.Add().forward([a, b, b]), [7, 9]);
    close(new keras.Subtract().forward([a, b]), [-2, 3]);
    close(new keras.Multiply().forward([a, b]), [3, 10]);
    close(new keras.Average().forward([a, b]), [2, 3.5]);
    close(new keras.Maximum().forward([a, b]), [3, 5]);
    close(new keras.Minimum().forward([a, b]), [1, 2]);
    close(new keras.Concatenate().forward([a, b]), [1, 5, 3, 2]);
    close(new keras.Dot({ axes: 1 }).forward([a, b]), [13]);
    expect(new keras.Dot({ axes: [1, 2] }).forward([rand([2, 3, 4]), rand([2, 5, 3])]).shape).toEqual([2, 4, 5]);
    expect(() => new keras.Add().forward([a, rand([1, 3])])).toThrow(/Add: \[1, 2\] and \[1, 3\] do not broadcast/);
    expect(() => new keras.Subtract().forward([a])).toThrow(/Subtract: takes 2 tensors, got 1/);
  });

  it("activation layers take Keras' arguments", () => {
    const x = tensor([[-2, -0.5, 0.5, 8]]);
    close(new keras.ReLU({ maxValue: 6 }).forward(x), [0, 0, 0.5, 6]);
    close(new keras.ReLU({ negativeSlope: 0.1, threshold: 1 }).forward(x), [-0.3, -0.15, -0.05, 8]);
    close(new keras.LeakyReLU().forward(x), [-0.6, -0.15, 0.5, 8]); // Keras' slope is 0.3
    close(new keras.ELU({ alpha: 2 }).forward(x), [2 * Math.expm1(-2), 2 * Math.expm1(-0.5), 0.5, 8]);
    close(
      new keras.PReLU({ alphaInitializer: keras.initializers.constant({ value: 0.25 }) }).forward(x),
      [-0.5, -0.125, 0.5, 8],
    );
    close(new keras.Softmax({ axis: 1 }).forward(zeros([1, 4])), [0.25, 0.25, 0.25, 0.25]);
  });

  it("random layers act while training only; a seed makes them repeat", () => {
    const x = ones([4, 6, 6, 8]);
    const dropped = (layer: keras.Layer) => values(layer.forward(x));
    expect(dropped(new keras.Dropout({ rate: 0.5, seed: 7 }))).toEqual(
      dropped(new keras.Dropout({ rate: 0.5, seed: 7 })),
    );
    expect(new Set(dropped(new keras.Dropout({ rate: 0.5 })))).toEqual(new Set([0, 2]));
    const rows = dropped(new keras.Dropout({ rate: 0.5, noiseShape: [null, 1, 1, 1] }));
    for (let n = 0; n < 4; n++) expect(new Set(rows.slice(n * 288, (n + 1) * 288)).size).toBe(1);
    const channels = dropped(new keras.SpatialDropout2D({ rate: 0.5 }));
    for (let i = 0; i < 288; i++) expect(channels[i]).toBe(channels[i % 8]);
    expect(new Set(channels)).toEqual(new Set([0, 2]));
    const noisy = dropped(new keras.GaussianNoise({ stddev: 0.1 }));
    expect(noisy.reduce((a, v) => a + v, 0) / noisy.length).toBeCloseTo(1, 1);
    expect(new Set(noisy).size).toBeGreaterThan(1000);
    expect(dropped(new keras.GaussianDropout({ rate: 0.5 }).eval())).toEqual(values(x));
  });
});

it("gradients of the adapters agree with finite differences", () => {
  for (const [layer, shape] of withWeights) {
    if (layer instanceof keras.PReLU) continue; // has a corner
    layer.eval();
    expect(gradCheck(layer, [rand(shape)]).passed, layer.describe()).toBe(true);
  }
});

describe("keras.Sequential", () => {
  const lenet = () =>
    new keras.Sequential([
      keras.Input({ shape: [12, 12, 1] }),
      new keras.Conv2D({ filters: 4, kernelSize: 3, activation: "relu", kernelRegularizer: "l2" }),
      new keras.MaxPooling2D(),
      new keras.Flatten(),
      new keras.Dense({ units: 3, kernelConstraint: keras.constraints.maxNorm({ maxValue: 0.5 }), name: "head" }),
    ]);

  it("makes all weights at once when it begins with an Input", () => {
    const model = lenet();
    expect([...model.namedParameters()].map(([name, p]) => [name, p.shape])).toEqual([
      ["0.weight", [4, 1, 3, 3]],
      ["0.bias", [4]],
      ["3.weight", [3, 100]],
      ["3.bias", [3]],
    ]);
    expect(model.outputShape).toEqual([null, 3]);
    expect(model.getLayer("head")).toBe(model.layers[3]);
    expect(() => model.getLayer("haed")).toThrow(/no layer "haed"; there are .*head/);
  });

  it("leaves pixels open where an Input does", () => {
    const convolutional = [
      keras.Input({ shape: [null, null, 3] }),
      new keras.Conv2D({ filters: 4, kernelSize: 3, strides: 2 }),
    ];
    const dense = new keras.Dense({ units: 2 });
    const model = new keras.Sequential([...convolutional, new keras.BatchNormalization()]);
    expect(model.outputShape).toEqual([null, null, null, 4]);
    model.add(new keras.GlobalAveragePooling2D()).add(dense);
    expect(model.outputShape).toEqual([null, 2]);
    expect(model.forward(rand([2, 9, 12, 3])).shape).toEqual([2, 2]);
    expect(() => new keras.Sequential([...convolutional, new keras.Flatten(), new keras.Dense({ units: 2 })])).toThrow(
      /Dense: its kernel needs the size of an axis that the input shape leaves open/,
    );
  });

  it("says what is missing when an optimizer comes too early", () => {
    const model = new keras.Sequential([new keras.Dense({ units: 2 })]);
    expect(() => model.parameters()).toThrow(/begin with keras\.Input\(\{ shape \}\) or call build/);
    expect(model.build([null, 5]).parameters()).toHaveLength(2);
    const unbuilt = new keras.Dense({ units: 2 });
    expect(() => compile((x: Tensor) => unbuilt.forward(x))(rand([1, 4]))).toThrow(
      /inside compile\(\) none can be made/,
    );
  });

  it("takes and gives weights as Keras' get_weights does", () => {
    const [a, b] = [lenet(), lenet()];
    b.setWeights(a.getWeights());
    const x = rand([2, 12, 12, 1]);
    expect(values(b.forward(x))).toEqual(values(a.forward(x)));
    expect(a.getWeights().map((w) => w.shape)).toEqual([[3, 3, 1, 4], [4], [100, 3], [3]]);
    expect(() => b.setWeights([])).toThrow(
      "Sequential: setWeights got 0 tensors for 4 weights: kernel [3, 3, 1, 4], bias [4], kernel [100, 3], bias [3]",
    );
  });

  it("trains compiled as it trains eagerly, with regularisers in the loss and constraints after each step", () => {
    const run = (compiled: boolean) => {
      manualSeed(3);
      const model = lenet();
      const optimizer = new optim.SGD(model.parameters(), { lr: 0.1 });
      const step = (x: Tensor) => {
        const loss = nn.penalized(model.forward(x).square().mean(), model);
        optimizer.minimize(loss);
        return loss.detach();
      };
      const fast = compiled ? compile(step) : step;
      const x = rand([4, 12, 12, 1]);
      const losses = [0, 1, 2].map(() => values(fast(x))[0]!);
      const head = model.getWeights()[2]!;
      return { losses, columns: values(head.square().sum(0)) };
    };
    const [eager, compiled] = [run(false), run(true)];
    compiled.losses.forEach((loss, i) => expect(loss).toBeCloseTo(eager.losses[i]!, 5));
    expect(eager.losses[2]).toBeLessThan(eager.losses[0]!);
    compiled.columns.forEach((squared) => expect(squared).toBeLessThanOrEqual(0.25 + 1e-4));
  });

  it("trainable false freezes all layers, also as part of another model", () => {
    const base = new keras.Sequential([keras.Input({ shape: [4] }), new keras.Dense({ units: 3 })]);
    base.trainable = false;
    const model = new keras.Sequential([keras.Input({ shape: [4] }), base, new keras.Dense({ units: 2 })]);
    expect(model.parameters().map((p) => p.requiresGrad)).toEqual([false, false, true, true]);
    expect(model.weights.map(({ name, layout }) => [name, layout.keras])).toEqual([
      ["kernel", [4, 3]],
      ["bias", [3]],
      ["kernel", [3, 2]],
      ["bias", [2]],
    ]);
  });

  it("an activity regulariser acts compiled, and leaves nothing behind from shapes or inference", () => {
    const model = new keras.Sequential([
      keras.Input({ shape: [3] }),
      new keras.Dense({ units: 2, activityRegularizer: nn.l2(1), kernelInitializer: "ones" }),
    ]);
    expect(keras.losses(model)).toEqual([]);
    const loss = compile((x: Tensor) => nn.penalized(model.forward(x).sum(), model));
    expect(values(loss(ones([1, 3])))).toEqual([6 + 18]);
    model.eval();
    model.forward(ones([1, 3]));
    expect(keras.losses(model)).toEqual([]);
  });

  it("takes modules of nn between Keras' layers", () => {
    const model = new keras.Sequential([
      keras.Input({ shape: [4] }),
      new keras.Dense({ units: 3 }),
      new nn.ReLU(),
      new keras.Dense({ units: 2 }),
    ]);
    expect(model.forward(rand([5, 4])).shape).toEqual([5, 2]);
  });
});

describe("weight layouts", () => {
  it("a depthwise kernel starts with Keras' fans, not those of a grouped convolution", () => {
    manualSeed(5);
    const layer = new keras.DepthwiseConv2D({ kernelSize: 3, useBias: false }).build([1, 8, 8, 64]);
    // Keras: fan in 3·3·64, fan out 3·3·1: bound √(6 / 585) = 0.1012739.
    const most = Math.max(...values(layer.weight!).map(Math.abs));
    expect(most).toBeLessThanOrEqual(0.101274);
    expect(most).toBeGreaterThan(0.098);
  });

  it("a dense layer behind a flattened map turns from [H, W, C] to [C, H, W] order", () => {
    const features = [2, 3, 4];
    const dense = new keras.Dense({ units: 5, useBias: false }).build([1, 24]);
    const linear = new nn.Linear(24, 5, { bias: false });
    const layout = keras.denseAfterFlatten(features, 5);
    const weight = keras.fromKeras(layout, dense.getWeights()[0]!.storage.values());
    linear.loadStateDict(new Map([["weight", tensor(weight, { shape: [5, 24] })]]));
    const x = rand([2, ...features]);
    const y = linear.forward(new nn.Flatten().forward(x.permute([0, 3, 1, 2])));
    close(y, values(dense.forward(new keras.Flatten().forward(x))));
    expect(keras.toKeras(layout, weight)).toEqual(Float32Array.from(values(dense.getWeights()[0]!)));
  });
});
