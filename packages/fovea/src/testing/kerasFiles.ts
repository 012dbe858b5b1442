import { File, ready } from "h5wasm";
import { RandomStream } from "../base/random.ts";
import { sizeOf } from "../base/shape.ts";
import { encodeZip } from "../io/zip.ts";

/** A network as Keras describes it, and weights that a seed gives: for files in the forms of Keras 2, 3 and TensorFlow.js. */
export interface KerasSpec {
  readonly layers: readonly KerasLayerSpec[];
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
}

export interface KerasLayerSpec {
  readonly className: string;
  readonly name: string;
  readonly config?: Readonly<Record<string, unknown>>;
  /** Names of the layers before. */
  readonly from?: readonly string[];
  /** Name and shape of each weight, in Keras' order. */
  readonly weights?: readonly (readonly [name: string, shape: readonly number[]])[];
}

export type KerasValues = ReadonlyMap<
  string,
  readonly { readonly name: string; shape: readonly number[]; data: Float32Array }[]
>;

/** Weights for every layer; variances are positive. */
export function kerasValues(spec: KerasSpec, seed: number): KerasValues {
  const random = new RandomStream(seed);
  return new Map(
    spec.layers.map(({ name, weights = [] }) => [
      name,
      weights.map(([weight, shape]) => {
        const data = random.fillNormal(new Float32Array(sizeOf(shape)), 0, 0.5);
        return { name: weight, shape, data: weight.includes("variance") ? data.map((v) => v * v + 0.5) : data };
      }),
    ]),
  );
}

type Place = [layer: string, node: number, output: number, ...rest: object[]];

export interface Keras2Config {
  class_name: string;
  config: {
    name: string;
    layers: { class_name: string; name: string; config: Record<string, unknown>; inbound_nodes: Place[][] }[];
    input_layers: Place[];
    output_layers: Place[];
  };
}

/** `model_config` of Keras 2, which TensorFlow.js has as well. */
export function keras2Config(spec: KerasSpec): Keras2Config {
  return {
    class_name: "Functional",
    config: {
      name: "model",
      layers: spec.layers.map(({ className, name, config = {}, from = [] }) => ({
        class_name: className,
        config: { name, trainable: true, dtype: "float32", ...config },
        name,
        inbound_nodes: from.length === 0 ? [] : [from.map((other): Place => [other, 0, 0, {}])],
      })),
      input_layers: spec.inputs.map((name) => [name, 0, 0]),
      output_layers: spec.outputs.map((name) => [name, 0, 0]),
    },
  };
}

/** `config.json` of Keras 3. */
export function keras3Config(spec: KerasSpec): object {
  const tensor = (name: string) => ({
    class_name: "__keras_tensor__",
    config: { shape: [null], dtype: "float32", keras_history: [name, 0, 0] },
  });
  return {
    module: "keras.src.models.functional",
    class_name: "Functional",
    config: {
      name: "functional",
      layers: spec.layers.map(({ className, name, config = {}, from = [] }) => ({
        module: "keras.layers",
        class_name: className,
        config: {
          name,
          trainable: true,
          dtype: { module: "keras", class_name: "DTypePolicy", config: { name: "float32" }, registered_name: null },
          ...Object.fromEntries(
            Object.entries(config).map(([key, v]) => [key === "batch_input_shape" ? "batch_shape" : key, v]),
          ),
        },
        registered_name: null,
        name,
        inbound_nodes:
          from.length === 0
            ? []
            : [{ args: [from.length === 1 ? tensor(from[0]!) : from.map(tensor)], kwargs: { training: false } }],
      })),
      input_layers: spec.inputs.length === 1 ? [spec.inputs[0], 0, 0] : spec.inputs.map((name) => [name, 0, 0]),
      output_layers: spec.outputs.map((name) => [name, 0, 0]),
    },
  };
}

/** A whole model as Keras 2 saves it; without a configuration, its weights alone. */
export async function h5File(config: object | null, values: KerasValues): Promise<Uint8Array> {
  return writeH5((file) => {
    file.create_attribute("keras_version", "2.4.0");
    if (config !== null) file.create_attribute("model_config", JSON.stringify(config));
    const root = config === null ? file : file.create_group("model_weights");
    root.create_attribute("layer_names", [...values.keys()]);
    for (const [layer, weights] of values) {
      const group = root.create_group(layer);
      if (weights.length === 0) continue;
      group.create_attribute(
        "weight_names",
        weights.map(({ name }) => `${layer}/${name}:0`),
      );
      const inner = group.create_group(layer);
      for (const { name, shape, data } of weights) {
        const path = name.split("/");
        const folder = path.length === 1 ? inner : inner.create_group(path[0]!);
        folder.create_dataset({ name: `${path.at(-1)}:0`, data, shape: [...shape], dtype: "<f" });
      }
    }
  });
}

/** A `.keras` archive of Keras 3. `paths` says how the archive calls each layer with weights: `conv2d_1`. */
export async function kerasFile(
  config: object,
  values: KerasValues,
  paths: Readonly<Record<string, string>>,
): Promise<Uint8Array> {
  const weights = await writeH5((file) => {
    const layers = file.create_group("layers");
    for (const [layer, list] of values) {
      if (list.length === 0) continue;
      const vars = layers.create_group(paths[layer]!).create_group("vars");
      for (const [i, { shape, data }] of list.entries()) {
        vars.create_dataset({ name: String(i), data, shape: [...shape], dtype: "<f" });
      }
    }
  });
  const text = (value: object) => new TextEncoder().encode(JSON.stringify(value));
  return encodeZip(
    new Map([
      ["metadata.json", text({ keras_version: "3.8.0", date_saved: "2025-01-01@00:00:00" })],
      ["config.json", text(config)],
      ["model.weights.h5", weights],
    ]),
  );
}

/** `model.json` and its shards, cut at any byte. */
export function tfjsFiles(config: object, values: KerasValues): Map<string, Uint8Array> {
  const weights = [...values].flatMap(([layer, list]) =>
    list.map(({ name, shape, data }) => ({ name: `${layer}/${name}`, shape, data })),
  );
  const bytes = new Uint8Array(weights.reduce((sum, { data }) => sum + data.byteLength, 0));
  let at = 0;
  for (const { data } of weights) {
    bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), at);
    at += data.byteLength;
  }
  const cut = Math.floor(bytes.length / 2) + 1;
  const manifest = [
    {
      paths: ["group1-shard1of2.bin", "group1-shard2of2.bin"],
      weights: weights.map(({ name, shape }) => ({ name, shape, dtype: "float32" })),
    },
  ];
  const model = {
    format: "layers-model",
    generatedBy: "keras v2.4.0",
    modelTopology: { keras_version: "2.4.0", backend: "tensorflow", model_config: config },
    weightsManifest: manifest,
  };
  return new Map([
    ["model.json", new TextEncoder().encode(JSON.stringify(model))],
    ["group1-shard1of2.bin", bytes.slice(0, cut)],
    ["group1-shard2of2.bin", bytes.slice(cut)],
  ]);
}

/** The bytes of an HDF5 file, written in the library's own memory. */
export async function writeH5(write: (file: File) => void): Promise<Uint8Array> {
  const { FS } = await ready;
  const file = new File("/made.h5", "w");
  write(file);
  file.close();
  const memory = FS as unknown as { readFile(path: string): Uint8Array; unlink(path: string): void };
  const bytes = Uint8Array.from(memory.readFile("/made.h5"));
  memory.unlink("/made.h5");
  return bytes;
}
