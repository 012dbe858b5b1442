import { describe, expect, it } from "vitest";
import { FormatError } from "../../base/errors.ts";
import * as keras from "../../nn/keras/index.ts";
import { BatchNorm2d } from "../../nn/batchNorm.ts";
import { Conv2d } from "../../nn/conv.ts";
import { Linear } from "../../nn/linear.ts";
import { toHostTensor } from "../stored-dtype.ts";
import { concat } from "../../ops/movement.ts";
import { noGrad } from "../../tensor/apply.ts";
import { tensor } from "../../tensor/create.ts";
import { randn } from "../../tensor/random.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import {
  h5File,
  keras2Config,
  keras3Config,
  kerasFile,
  kerasValues,
  tfjsFiles,
  type Keras2Config,
  type KerasSpec,
  type KerasValues,
} from "../../testing/kerasFiles.ts";
import { readWeights } from "../weights.ts";
import { torchLayout } from "./torchLayout.ts";

/** Two inputs, branches, a shared scale, two outputs: [N, 8, 8, 3] and [N, 4] → [N, 5] and [N, 2, 3]. */
const spec: KerasSpec = {
  layers: [
    { className: "InputLayer", name: "image", config: { batch_input_shape: [null, 8, 8, 3] } },
    { className: "InputLayer", name: "facts", config: { batch_input_shape: [null, 4] } },
    {
      className: "ZeroPadding2D",
      name: "pad",
      config: {
        padding: [
          [0, 1],
          [0, 1],
        ],
      },
      from: ["image"],
    },
    {
      className: "Conv2D",
      name: "first",
      config: {
        filters: 4,
        kernel_size: [3, 3],
        strides: [2, 2],
        padding: "valid",
        data_format: "channels_last",
        dilation_rate: [1, 1],
        activation: "linear",
        use_bias: false,
        kernel_initializer: { class_name: "GlorotUniform", config: { seed: null } },
        kernel_regularizer: { class_name: "L2", config: { l2: 0.01 } },
      },
      from: ["pad"],
      weights: [["kernel", [3, 3, 3, 4]]],
    },
    {
      className: "BatchNormalization",
      name: "bn",
      config: { axis: [3], momentum: 0.9, epsilon: 0.01, center: true, scale: true },
      from: ["first"],
      weights: [
        ["gamma", [4]],
        ["beta", [4]],
        ["moving_mean", [4]],
        ["moving_variance", [4]],
      ],
    },
    { className: "ReLU", name: "relu6", config: { max_value: 6, negative_slope: 0, threshold: 0 }, from: ["bn"] },
    {
      className: "DepthwiseConv2D",
      name: "dw",
      config: { kernel_size: [3, 3], padding: "same", depth_multiplier: 1, activation: "relu", use_bias: true },
      from: ["relu6"],
      weights: [
        ["depthwise_kernel", [3, 3, 4, 1]],
        ["bias", [4]],
      ],
    },
    { className: "Add", name: "sum", from: ["dw", "relu6"] },
    { className: "Concatenate", name: "joined", config: { axis: -1 }, from: ["sum", "bn"] },
    {
      className: "MaxPooling2D",
      name: "pool",
      config: { pool_size: [2, 2], strides: [2, 2], padding: "valid" },
      from: ["joined"],
    },
    { className: "Flatten", name: "flat", config: { data_format: "channels_last" }, from: ["pool"] },
    { className: "Dropout", name: "drop", config: { rate: 0.5, noise_shape: null, seed: null }, from: ["flat"] },
    {
      className: "Dense",
      name: "hidden",
      config: { units: 6, activation: "relu", use_bias: true },
      from: ["drop"],
      weights: [
        ["kernel", [32, 6]],
        ["bias", [6]],
      ],
    },
    {
      className: "Dense",
      name: "told",
      config: { units: 6, activation: "tanh", use_bias: true },
      from: ["facts"],
      weights: [
        ["kernel", [4, 6]],
        ["bias", [6]],
      ],
    },
    { className: "Multiply", name: "both", from: ["hidden", "told"] },
    {
      className: "Dense",
      name: "classes",
      config: { units: 5, activation: "softmax", use_bias: true },
      from: ["both"],
      weights: [
        ["kernel", [6, 5]],
        ["bias", [5]],
      ],
    },
    { className: "Reshape", name: "grid", config: { target_shape: [2, 3] }, from: ["hidden"] },
  ],
  inputs: ["image", "facts"],
  outputs: ["classes", "grid"],
};

const values = kerasValues(spec, 7);
/** Keras 3 counts layers by their class, whatever they are called. */
const paths = {
  first: "conv2d",
  bn: "batch_normalization",
  dw: "depthwise_conv2d",
  hidden: "dense",
  told: "dense_1",
  classes: "dense_2",
};

const image = randn([2, 8, 8, 3]);
const facts = randn([2, 4]);

/** The same network, written out with layers and `setWeights`. */
function byHand(weights: KerasValues): Tensor[] {
  const of = (name: string) => weights.get(name)!.map(({ data, shape }) => tensor(data, { shape }));
  const use = (layer: keras.Layer, name: string, x: Tensor) =>
    layer.build(x.shape).setWeights(of(name)).eval().forward(x);
  const padded = new keras.ZeroPadding2D({
    padding: [
      [0, 1],
      [0, 1],
    ],
  }).forward(image);
  const first = use(new keras.Conv2D({ filters: 4, kernelSize: 3, strides: 2, useBias: false }), "first", padded);
  const bn = use(new keras.BatchNormalization({ epsilon: 0.01 }), "bn", first);
  const relu6 = bn.relu().minimum(6);
  const dw = use(new keras.DepthwiseConv2D({ kernelSize: 3, padding: "same", activation: "relu" }), "dw", relu6);
  const joined = new keras.Concatenate().forward([dw.add(relu6), bn]);
  const flat = new keras.Flatten().forward(new keras.MaxPooling2D().forward(joined));
  const hidden = use(new keras.Dense({ units: 6, activation: "relu" }), "hidden", flat);
  const told = use(new keras.Dense({ units: 6, activation: "tanh" }), "told", facts);
  const classes = use(new keras.Dense({ units: 5, activation: "softmax" }), "classes", hidden.mul(told));
  return [classes, hidden.reshape([2, 2, 3])];
}

async function expectEqual(ours: readonly Tensor[], theirs: readonly Tensor[]): Promise<void> {
  expect(ours.map(({ shape }) => shape)).toEqual(theirs.map(({ shape }) => shape));
  for (const [i, y] of ours.entries()) {
    const [a, b] = [await y.data(), await theirs[i]!.data()];
    a.forEach((v, k) => expect(Math.abs(v - b[k]!)).toBeLessThan(1e-5));
  }
}

const beside = (files: ReadonlyMap<string, Uint8Array>) => (name: string) => {
  const found = files.get(name);
  if (found === undefined) throw new FormatError(`there is no ${name}`);
  return found;
};

describe("whole models of Keras", () => {
  const files = {
    "Keras 2, .h5": () => h5File(keras2Config(spec), values).then((bytes) => readWeights(bytes, { name: "m.h5" })),
    "Keras 3, .keras": () =>
      kerasFile(keras3Config(spec), values, paths).then((bytes) => readWeights(bytes, { name: "m.keras" })),
    "TensorFlow.js": () => {
      const all = tfjsFiles(keras2Config(spec), values);
      return readWeights(all.get("model.json")!, { name: "model.json", beside: beside(all) });
    },
  };

  for (const [form, read] of Object.entries(files)) {
    it(`${form}: branches, several inputs and outputs give what the same layers give by hand`, async () => {
      const file = await read();
      expect(file.tensors.size).toBe(13);
      expect(file.architecture!.layers).toHaveLength(spec.layers.length);
      const { run, model, inputShapes, report } = file.architecture!.build();
      expect(inputShapes).toEqual([
        [null, 8, 8, 3],
        [null, 4],
      ]);
      expect((model as unknown as keras.Functional).outputShapes).toEqual([
        [null, 5],
        [null, 2, 3],
      ]);
      await expectEqual(
        noGrad(() => run([image, facts])),
        noGrad(() => byHand(values)),
      );
      expect(report).toEqual(
        [
          "first: kernel [3, 3, 3, 4] → [4, 3, 3, 3]",
          "told: kernel [4, 6] → [6, 4]",
          "dw: depthwise [3, 3, 4, 1] → [4, 1, 3, 3]",
          "hidden: kernel [32, 6] → [6, 32]",
          "classes: kernel [6, 5] → [5, 6]",
        ].toSorted((a, b) => report.indexOf(a) - report.indexOf(b)),
      );
    });
  }

  it("weights in PyTorch's layout work in a network of channels first, dense after flatten too", async () => {
    const file = await files["Keras 2, .h5"]();
    const { tensors, report } = torchLayout(file.architecture!.build().model as unknown as keras.Functional);
    expect(report).toContain("hidden/kernel [32, 6] → hidden.weight [6, 32], columns from [2, 2, 8] to channels first");
    expect(report).toContain("bn/movingMean [4] → bn.running_mean");
    const fill = <M extends Conv2d | BatchNorm2d | Linear>(module: M, name: string): M => {
      const own = [...tensors].filter(([key]) => key.startsWith(`${name}.`));
      const found = own.map(([key, stored]): [string, Tensor] => {
        const { data, shape } = toHostTensor(stored, key);
        return [key.slice(name.length + 1), tensor(data, { shape })];
      });
      const { missing } = module.loadStateDict(new Map(found), { strict: false });
      expect(missing.filter((key) => key !== "num_batches_tracked")).toEqual([]);
      module.eval();
      return module;
    };
    const ours = noGrad(() => {
      const x = image.permute([0, 3, 1, 2]);
      const first = fill(
        new Conv2d(3, 4, 3, {
          stride: 2,
          padding: [
            [0, 1],
            [0, 1],
          ],
          bias: false,
        }),
        "first",
      ).forward(x);
      const bn = fill(new BatchNorm2d(4, { eps: 0.01 }), "bn").forward(first);
      const relu6 = bn.relu().minimum(6);
      const dw = fill(new Conv2d(4, 4, 3, { padding: 1, groups: 4 }), "dw")
        .forward(relu6)
        .relu();
      const flat = concat([dw.add(relu6), bn], 1)
        .maxPool2d(2)
        .flatten(1);
      const hidden = fill(new Linear(32, 6), "hidden").forward(flat).relu();
      const told = fill(new Linear(4, 6), "told").forward(facts).tanh();
      return fill(new Linear(6, 5), "classes").forward(hidden.mul(told)).softmax(-1);
    });
    await expectEqual([ours], [noGrad(() => byHand(values))[0]!]);
  });

  it("Sequential models, models in models, and a layer that is used twice", async () => {
    const dense = (name: string, units: number, more: object = {}) => ({
      class_name: "Dense",
      config: { name, units, activation: "linear", use_bias: false, ...more },
    });
    const inner = {
      class_name: "Sequential",
      config: { name: "tower", layers: [dense("shared", 3, { batch_input_shape: [null, 3] })] },
    };
    const config = {
      class_name: "Functional",
      config: {
        name: "siamese",
        layers: [
          ...["left", "right"].map((name) => ({
            class_name: "InputLayer",
            config: { name, batch_input_shape: [null, 3] },
            name,
            inbound_nodes: [],
          })),
          { ...inner, name: "tower", inbound_nodes: [[["left", 0, 0, {}]], [["right", 0, 0, {}]]] },
          {
            class_name: "Subtract",
            config: { name: "less" },
            name: "less",
            inbound_nodes: [
              [
                ["tower", 1, 0, {}],
                ["tower", 2, 0, {}],
              ],
            ],
          },
        ],
        input_layers: [
          ["left", 0, 0],
          ["right", 0, 0],
        ],
        output_layers: [["less", 0, 0]],
      },
    };
    const kernel = Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9);
    const weights: KerasValues = new Map([["tower", [{ name: "shared/kernel", shape: [3, 3], data: kernel }]]]);
    const { run, model } = (await readWeights(await h5File(config, weights))).architecture!.build();
    const [left, right] = [tensor([[1, 0, 0]]), tensor([[0, 1, 0]])];
    expect([...(await run([left, right])[0]!.data())]).toEqual([-3, -3, -3]); // rows of the kernel: 1 2 3 less 4 5 6
    expect(model.parameters().map(({ shape }) => shape)).toEqual([[3, 3]]);
  });
});

type Weights = KerasValues extends ReadonlyMap<string, infer V> ? V : never;

describe("what does not fit is told", () => {
  const read = async (change: (config: Keras2Config, values: Map<string, Weights>) => void) => {
    const config = structuredClone(keras2Config(spec));
    const changed = new Map(values);
    change(config, changed);
    const file = await readWeights(await h5File(config, changed), { name: "m.h5" });
    return file.architecture!.build();
  };
  const layerOf = (config: Keras2Config, name: string) => config.config.layers.find((layer) => layer.name === name)!;

  it.each<[string, Parameters<typeof read>[0], RegExp]>([
    [
      "groups that are missing, each with the nearest there is",
      (_, all) => {
        all.set("clases", all.get("classes")!);
        all.delete("classes");
        all.delete("told");
      },
      /m\.h5: there are no weights for 2 of its layers: told, classes \(near: clases\)/,
    ],
    [
      "a weight of another shape",
      (_, all) => void all.set("told", [{ name: "kernel", shape: [6, 4], data: new Float32Array(24) }]),
      /layer "told" \(Dense\): Dense: kernel is \[4, 6\] in Keras' layout, got \[6, 4\]/,
    ],
    [
      "several weights of other shapes, each of them",
      (c, all) => {
        layerOf(c, "hidden").config["units"] = 7;
        all.set("told", [{ name: "kernel", shape: [6, 4], data: new Float32Array(24) }]);
      },
      /m\.h5: layer.*"told" \(Dense\): Dense: kernel is \[4, 6\].*; layer "hidden" \(Dense\): Dense: kernel is .*; bias is \[7\]|m\.h5: layer "hidden".*bias is \[7\].*layer "told"/,
    ],
    [
      "weights that nobody asked for",
      (_, all) => void all.set("relu6", [{ name: "kernel", shape: [1], data: new Float32Array(1) }]),
      /layer "relu6" \(ReLU\): ReLU: build got 1 tensors \(\[1\]\) for 0 weights: none/,
    ],
    [
      "a class that is not supported",
      (c) => (layerOf(c, "sum").class_name = "Ad"),
      /class "Ad" are not supported; the nearest is Add/,
    ],
    [
      "another number of filters",
      (c) => (layerOf(c, "first").config["filters"] = 2 ** 30),
      /kernel is \[3, 3, 3, 1073741824\].*got \[3, 3, 3, 4\]/,
    ],
    [
      "an argument of another type",
      (c) => (layerOf(c, "hidden").config["units"] = "six"),
      /layer "hidden" \(Dense\): Dense: units/,
    ],
    [
      "an input that is not there",
      (c) => (layerOf(c, "sum").inbound_nodes[0]![0]![0] = "nobody"),
      /layer "sum" whose input "nobody" is not there/,
    ],
    [
      "layers in a circle",
      (c) => (layerOf(c, "dw").inbound_nodes[0]![0]![0] = "sum"),
      /whose input "sum" is not there, or depends on it/,
    ],
    ["an output that is not there", (c) => (c.config.output_layers[0]![0] = "nobody"), /has no output "nobody"/],
    [
      "an input without a shape",
      (c) => delete layerOf(c, "facts").config["batch_input_shape"],
      /does not say the shape of its input "facts"/,
    ],
    [
      "an image of 2^20 channels",
      (c) => (layerOf(c, "image").config["batch_input_shape"] = [null, 8, 8, 2 ** 20]),
      /got \[3, 3, 3, 4\]/,
    ],
    ["two layers of one name", (c) => (layerOf(c, "told").name = "hidden"), /two layers named "hidden"/],
    [
      "a custom class of model",
      (c) => (c.class_name = "MyModel"),
      /class "MyModel"; Sequential and functional models can be read/,
    ],
  ])("%s", async (_, change, message) => {
    const error: unknown = await read(change).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(FormatError);
    expect((error as Error).message).toMatch(message);
  });

  it("layers and settings that are left out are in the report", async () => {
    const { report } = await read((config) => {
      layerOf(config, "first").config["kernel_regularizer"] = { class_name: "Mine", config: {} };
      layerOf(config, "hidden").config["quantization_mode"] = "int8";
    });
    expect(report).toContain('first: kernel_regularizer "Mine" is not known and left out');
    expect(report).toContain("hidden: quantization_mode is not used here");
  });

  it("weights alone have no architecture, and an archive without its parts is refused", async () => {
    const { architecture, tensors } = await readWeights(await h5File(null, values));
    expect(architecture).toBeNull();
    expect(tensors.get("first/first/kernel:0")!.shape).toEqual([3, 3, 3, 4]);
  });

  it("TensorFlow.js: shards that are missing, too short, too long, or named by a path", async () => {
    const all = tfjsFiles(keras2Config(spec), values);
    interface Manifest {
      weightsManifest: { paths: string[]; weights: { dtype: string; shape: number[] }[] }[];
    }
    const index = (change: (model: Manifest) => void = () => {}) => {
      const model = JSON.parse(new TextDecoder().decode(all.get("model.json"))) as Manifest;
      change(model);
      return new TextEncoder().encode(JSON.stringify(model));
    };
    const shard = "group1-shard2of2.bin";
    const cases: [Uint8Array, ReadonlyMap<string, Uint8Array>, RegExp][] = [
      [index(), new Map([...all].filter(([name]) => name !== shard)), /there is no group1-shard2of2\.bin/],
      [index(), new Map([...all, [shard, all.get(shard)!.slice(4)]]), /needs \d+ bytes, but \d+ are left/],
      [index(), new Map([...all, [shard, new Uint8Array(1e6)]]), /bytes in its files for weights of/],
      [
        index((m) => (m.weightsManifest[0]!.weights[0]!.dtype = "complex64")),
        all,
        /the dtype "complex64", which is not supported/,
      ],
      [index((m) => (m.weightsManifest[0]!.weights[0]!.shape = [2 ** 30, 2 ** 30])), all, /needs \d+ bytes/],
      [index((m) => (m.weightsManifest[0]!.paths[1] = m.weightsManifest[0]!.paths[0]!)), all, /names a file twice/],
    ];
    for (const [bytes, files, message] of cases) {
      await expect(readWeights(bytes, { name: "model.json", beside: beside(files) })).rejects.toThrow(message);
    }
    await expect(readWeights(index(), { name: "model.json" })).rejects.toThrow(/read it by its path, or pass `beside`/);
  });
});
