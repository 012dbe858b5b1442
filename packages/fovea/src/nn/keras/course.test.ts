import { describe, expect, it } from "vitest";
import { keras, manualSeed, nn, noGrad, ones, optim, rand, tensor, zeros, type Tensor } from "../../index.ts";
import type { ConvArguments } from "./conv.ts";

/**
 * The arguments that the course prints: Conv2D's of S002 (with the two constraints where the slide is cut off), and those
 * S004 lists of Conv2D and MaxPool2D. Each is accepted and has an effect.
 */
const values = (t: Tensor) => Array.from(t.storage.values());
const conv = (options: Partial<ConvArguments<number | readonly [number, number]>> = {}, shape = [1, 8, 8, 4]) => {
  manualSeed(1);
  return new keras.Conv2D({ filters: 6, kernelSize: 3, ...options }).build(shape);
};
const lengths = (w: Tensor) => {
  const v = values(w);
  const width = w.size / w.shape[0]!;
  return Array.from({ length: w.shape[0]! }, (_, r) => Math.hypot(...v.slice(r * width, (r + 1) * width)));
};
/** One step of gradient descent on the sum of the output, plus what regularisers add. */
function step(layer: keras.Layer, x: Tensor, lr: number): void {
  const optimizer = new optim.SGD(layer.parameters(), { lr });
  optimizer.minimize(nn.penalized(layer.forward(x).sum(), layer));
}

describe("Conv2D takes every argument of the course", () => {
  const x = () => rand([2, 8, 8, 4]);

  it("(4, 10, 10, 128) → Conv2D(32, 3, relu) → (4, 8, 8, 32), as in Keras' documentation", () => {
    const layer = new keras.Conv2D({ filters: 32, kernelSize: 3, activation: "relu" });
    const y = noGrad(() => layer.forward(rand([4, 10, 10, 128])));
    expect(y.shape).toEqual([4, 8, 8, 32]);
    expect(Math.min(...values(y))).toBe(0);
    expect(layer.computeOutputShape([null, 10, 10, 128])).toEqual([null, 8, 8, 32]);
  });

  it("filters: channels of the output", () => {
    expect(conv({ filters: 5 }).forward(x()).shape).toEqual([2, 6, 6, 5]);
  });

  it("kernelSize: a number or [height, width]", () => {
    expect(conv({ kernelSize: 5 }).forward(x()).shape).toEqual([2, 4, 4, 6]);
    expect(conv({ kernelSize: [1, 5] }).forward(x()).shape).toEqual([2, 8, 4, 6]);
  });

  it("strides: the way of the kernel", () => {
    expect(conv({ strides: [2, 1] }).forward(x()).shape).toEqual([2, 3, 6, 6]);
  });

  it("padding: valid or same, with the extra zero at the end", () => {
    expect(conv({ padding: "valid" }).forward(x()).shape).toEqual([2, 6, 6, 6]);
    expect(conv({ padding: "same" }).forward(x()).shape).toEqual([2, 8, 8, 6]);
    // One row 1, 2, 3, 4 with stride 2 and a kernel of three ones: the windows are (1, 2, 3) and (3, 4, 0).
    const layer = new keras.Conv2D({
      filters: 1,
      kernelSize: [1, 3],
      strides: 2,
      padding: "same",
      kernelInitializer: "ones",
    });
    expect(values(layer.forward(tensor([[[[1], [2], [3], [4]]]])))).toEqual([6, 7]);
  });

  it("dataFormat: channels_first is the same on permuted tensors", () => {
    const first = conv({ dataFormat: "channels_first", padding: "same", strides: 2 }, [1, 4, 8, 8]);
    const last = conv({ dataFormat: "channels_last", padding: "same", strides: 2 });
    const image = rand([2, 4, 8, 8]);
    const y = first.forward(image);
    expect(y.shape).toEqual([2, 6, 4, 4]);
    expect(values(last.forward(image.permute([0, 2, 3, 1])).permute([0, 3, 1, 2]))).toEqual(values(y));
  });

  it("dilationRate: gaps in the kernel, also together with strides, which Keras refuses", () => {
    expect(conv({ dilationRate: 2 }).forward(x()).shape).toEqual([2, 4, 4, 6]);
    expect(conv({ dilationRate: 2, strides: 2 }).forward(x()).shape).toEqual([2, 2, 2, 6]);
  });

  it("groups: channels that do not see each other", () => {
    const layer = conv({ groups: 2 });
    expect(layer.getWeights()[0]!.shape).toEqual([3, 3, 2, 6]);
    // With the first two channels zero, the first three filters give their bias: 0.
    const image = rand([1, 8, 8, 4]).mul(tensor([0, 0, 1, 1]));
    const y = values(layer.forward(image));
    expect(y.filter((_, i) => i % 6 < 3).every((v) => v === 0)).toBe(true);
    expect(y.filter((_, i) => i % 6 >= 3).every((v) => v !== 0)).toBe(true);
  });

  it("activation: by name, in both spellings, or a function", () => {
    const image = x();
    const plain = values(conv().forward(image));
    expect(values(conv({ activation: "relu" }).forward(image))).toEqual(plain.map((v) => Math.max(0, v)));
    const leaky = values(conv({ activation: "leaky_relu" }).forward(image));
    expect(values(conv({ activation: "leakyRelu" }).forward(image))).toEqual(leaky);
    expect(Math.min(...leaky)).toBeLessThan(0);
    const doubled = values(conv({ activation: (y) => y.mul(2) }).forward(image));
    doubled.forEach((v, i) => expect(v).toBeCloseTo(2 * plain[i]!, 5));
  });

  it("activation softmax is along the channels of channels_last", () => {
    const y = conv({ activation: "softmax" }).forward(x());
    values(y.sum(3)).forEach((v) => expect(v).toBeCloseTo(1, 5));
  });

  it("useBias: one per filter, or none", () => {
    expect(
      conv()
        .parameters()
        .map((p) => p.size),
    ).toEqual([216, 6]);
    expect(
      conv({ useBias: false })
        .parameters()
        .map((p) => p.size),
    ).toEqual([216]);
  });

  it("kernelInitializer: Glorot's uniform by default, any of Keras' by name, or a function", () => {
    // Fixture for 3 → 64 channels, 3×3: the bound is √(6 / (27 + 576)) = 0.0997509.
    const bound = Math.max(...values(conv({ filters: 64 }, [1, 8, 8, 3]).weight!).map(Math.abs));
    expect(bound).toBeLessThanOrEqual(0.0997509);
    expect(bound).toBeGreaterThan(0.099);
    // He's normal: standard deviation √(2 / 27) = 0.2721655.
    const he = values(conv({ filters: 64, kernelInitializer: "he_normal" }, [1, 8, 8, 3]).weight!);
    expect(Math.sqrt(he.reduce((a, v) => a + v * v, 0) / he.length)).toBeCloseTo(0.2721655, 1);
    expect(new Set(values(conv({ kernelInitializer: "ones" }).weight!))).toEqual(new Set([1]));
    const half = keras.initializers.constant({ value: 0.5 });
    expect(new Set(values(conv({ kernelInitializer: half }).weight!))).toEqual(new Set([0.5]));
    const own = conv({ kernelInitializer: (w) => nn.init.normal(w, 3, 0.01) });
    expect(Math.min(...values(own.weight!))).toBeGreaterThan(2.9);
  });

  it("biasInitializer: zeros by default", () => {
    expect(new Set(values(conv().bias!))).toEqual(new Set([0]));
    expect(new Set(values(conv({ biasInitializer: "ones" }).bias!))).toEqual(new Set([1]));
  });

  it("kernelRegularizer: a term of the loss, which the gradient follows", () => {
    const layer = conv({ kernelRegularizer: "l2", kernelInitializer: "ones" });
    expect(keras.losses(layer).map(values)[0]![0]).toBeCloseTo(0.01 * 216, 4);
    const [before] = values(layer.weight!);
    // On an input of zeros only the term moves the kernel: by lr · 2 · 0.01 · w.
    step(layer, zeros([1, 8, 8, 4]), 1);
    expect(values(layer.weight!)[0]).toBeCloseTo(before! * (1 - 0.02), 5);
  });

  it("biasRegularizer: a term of the loss", () => {
    const layer = conv({ biasRegularizer: keras.regularizers.l1({ l1: 0.5 }), biasInitializer: "ones" });
    expect(keras.losses(layer).map(values)).toEqual([[3]]);
  });

  it("activityRegularizer: a term of the latest output, taken once", () => {
    const layer = conv({ activityRegularizer: nn.l1(0.1), kernelInitializer: "ones" });
    const y = layer.forward(ones([1, 8, 8, 4]));
    expect(keras.losses(layer).map(values)[0]![0]).toBeCloseTo(0.1 * values(y).reduce((a, v) => a + v, 0), 2);
    expect(keras.losses(layer)).toEqual([]);
  });

  it("kernelConstraint: where each step ends", () => {
    const perFilter = keras.constraints.maxNorm({ maxValue: 0.5, axis: [0, 1, 2] });
    const layer = conv({ kernelConstraint: perFilter, kernelInitializer: "ones" });
    step(layer, ones([1, 8, 8, 4]), 0.01);
    lengths(layer.weight!).forEach((length) => expect(length).toBeCloseTo(0.5, 4));
    const nonNegative = conv({ kernelConstraint: "non_neg" });
    step(nonNegative, ones([1, 8, 8, 4]), 0.01);
    expect(Math.min(...values(nonNegative.weight!))).toBe(0);
  });

  it("biasConstraint: where each step ends", () => {
    const layer = conv({ biasConstraint: "nonNeg" });
    step(layer, ones([1, 8, 8, 4]), 0.01); // the sum's gradient pushes the bias below 0
    expect(new Set(values(layer.bias!))).toEqual(new Set([0]));
  });

  it("name, trainable, dtype and inputShape, which the course's **kwargs stands for", () => {
    expect(conv({ name: "stem" }).name).toBe("stem");
    expect(conv().name).toMatch(/^conv2d(_\d+)?$/);
    const frozen = conv({ trainable: false });
    expect(frozen.parameters().some((p) => p.requiresGrad)).toBe(false);
    frozen.trainable = true;
    expect(frozen.parameters().every((p) => p.requiresGrad)).toBe(true);
    expect(conv({ dtype: "float32" }).weight!.dtype).toBe("float32");
    const model = new keras.Sequential([new keras.Conv2D({ filters: 2, kernelSize: 3, inputShape: [8, 8, 1] })]);
    expect(model.parameters().map((p) => p.shape)).toEqual([[2, 1, 3, 3], [2]]);
  });
});

describe("MaxPool2D takes every argument of the course", () => {
  const x = tensor(
    Float32Array.from({ length: 30 }, (_, i) => i),
    { shape: [1, 5, 6, 1] },
  );

  it("poolSize: the window, which also is the default of strides", () => {
    expect(values(new keras.MaxPool2D({ poolSize: 3 }).forward(x))).toEqual([14, 17]);
    expect(new keras.MaxPool2D().forward(x).shape).toEqual([1, 2, 3, 1]);
    expect(new keras.MaxPool2D({ poolSize: [1, 6] }).forward(x).shape).toEqual([1, 5, 1, 1]);
  });

  it("strides: the way of the window", () => {
    expect(new keras.MaxPool2D({ poolSize: 3, strides: [1, 2] }).forward(x).shape).toEqual([1, 3, 2, 1]);
    expect(new keras.MaxPool2D({ poolSize: 3, strides: null }).forward(x).shape).toEqual([1, 1, 2, 1]);
  });

  it("padding: valid ⌊(n − p)/s⌋ + 1, same ⌊(n − 1)/s⌋ + 1", () => {
    expect(new keras.MaxPool2D({ poolSize: 2, padding: "valid" }).forward(x).shape).toEqual([1, 2, 3, 1]);
    const y = new keras.MaxPool2D({ poolSize: 2, padding: "same" }).forward(x);
    expect(y.shape).toEqual([1, 3, 3, 1]);
    expect(values(y)).toEqual([7, 9, 11, 19, 21, 23, 25, 27, 29]);
    // Padding never wins: below zero all around.
    expect(Math.max(...values(new keras.MaxPool2D({ padding: "same" }).forward(x.sub(100))))).toBe(-71);
  });

  it("dataFormat: where the channels are", () => {
    const y = new keras.MaxPool2D({ dataFormat: "channels_first" }).forward(x.permute([0, 3, 1, 2]));
    expect(y.shape).toEqual([1, 1, 2, 3]);
    expect(values(y)).toEqual(values(new keras.MaxPool2D().forward(x)));
  });
});

describe("wrong arguments", () => {
  const make = (options: object) => () => new keras.Conv2D({ filters: 4, kernelSize: 3, ...options } as never);

  it("names the layer, the argument, what came, what is allowed, and what is near", () => {
    expect(make({ kernel_size: 3 })).toThrow('Conv2D: there is no argument "kernel_size"; did you mean "kernelSize"?');
    expect(make({ colour: 3 })).toThrow(/Conv2D: there is no argument "colour"; it takes filters, kernelSize, strides/);
    expect(make({ padding: "smae" })).toThrow(
      'Conv2D: padding must be "valid" or "same", got "smae"; did you mean "same"?',
    );
    expect(make({ padding: "causal" })).toThrow('Conv2D: padding must be "valid" or "same", got "causal"');
    expect(make({ dataFormat: "channel_last" })).toThrow(/dataFormat must be .* did you mean "channels_last"\?/);
    expect(make({ activation: "rellu" })).toThrow('Conv2D: activation "rellu" is not known; did you mean "relu"?');
    expect(make({ filters: 2.5 })).toThrow("Conv2D: filters must be a whole number ≥ 1, got 2.5");
    expect(make({ filters: undefined })).toThrow("Conv2D: filters is missing; it has no default");
    expect(make({ strides: 0 })).toThrow("Conv2D: strides must be a whole number ≥ 1 or two of them, got 0");
    expect(make({ kernelSize: [3, 3, 3] })).toThrow(/Conv2D: kernelSize must be .* got \[3,3,3\]/);
    expect(make({ useBias: 1 })).toThrow("Conv2D: useBias must be true or false, got 1");
    expect(make({ dtype: "float16" })).toThrow('Conv2D: dtype must be "float32", got "float16"');
    expect(() => new keras.Conv2D(32 as never)).toThrow(
      "Conv2D: takes its arguments as one object, { filters, kernelSize, … }, got 32",
    );
    expect(() => new keras.Dropout({ rate: 1 })).toThrow("Dropout: rate must be in [0, 1), got 1");
    expect(() => new keras.Permute({ dims: [0, 1] })).toThrow("Permute: dims must be each of 1 … 2 once, got [0,1]");
  });

  it("names of weights are looked up when the weights are made", () => {
    expect(() => conv({ kernelInitializer: "glorot_unifrom" })).toThrow(
      'Conv2D: kernelInitializer "glorot_unifrom" is not known; did you mean "glorotUniform"?',
    );
    expect(() => conv({ kernelRegularizer: "l3" })).toThrow(
      /Conv2D: kernelRegularizer "l3" is not known; did you mean "l\d"\?/,
    );
    expect(() => conv({ biasConstraint: "max_nrom" })).toThrow(/biasConstraint "max_nrom" .* did you mean "maxNorm"\?/);
  });

  it("shapes that do not fit say what was wanted", () => {
    expect(() => conv().forward(rand([8, 8, 4]))).toThrow(
      /wanted \[N, H, W, C\] .* got \[8, 8, 4\]; is the batch missing\?/,
    );
    expect(() => conv().forward(rand([1, 8, 8, 3]))).toThrow(
      'Conv2D: the input [1, 8, 8, 3] has 3 channels (axis 3, dataFormat "channels_last"), the layer was built for 4',
    );
    expect(() => conv({ groups: 4 })).toThrow("Conv2D: 4 input and 6 output channels do not divide into 4 groups");
  });
});
