import { isCount } from "../../base/shape.ts";
import type { KerasShape } from "../../nn/keras/index.ts";
import { JsonObject } from "../jsonObject.ts";
import type { JsonValue } from "../strict-json.ts";

/** An output of one use of a layer. */
export interface TensorPlace {
  readonly layer: string;
  /** Which use. */
  readonly node: number;
  /** Which of its outputs. */
  readonly output: number;
}

export interface LayerConfig {
  readonly name: string;
  readonly className: string;
  readonly config: JsonObject;
  /** The whole entry, for models in models. */
  readonly object: JsonObject;
  /** Batch first, where the layer says it. */
  readonly inputShape: KerasShape | null;
  /** The inputs of each use of it. */
  readonly nodes: readonly (readonly TensorPlace[])[];
}

export interface ModelConfig {
  readonly name: string;
  readonly layers: readonly LayerConfig[];
  readonly inputs: readonly TensorPlace[];
  readonly outputs: readonly TensorPlace[];
}

/** More layers than any network has; so many are still sorted in no time. */
const MAX_LAYERS = 10_000;
const MAX_DEPTH = 32;

/** The layers of a Sequential or functional model, in the one form of a graph, from Keras 2, 3 or TensorFlow.js. */
export function readLayers(root: JsonObject): ModelConfig {
  const className = root.text("class_name");
  if (className === "Sequential") return readSequential(root);
  if (className !== "Functional" && className !== "Model") {
    return root.fail(
      `is a model of the class ${JSON.stringify(className)}; Sequential and functional models can be read`,
    );
  }
  const config = root.object("config");
  const layers = entriesOf(config).map((entry) => {
    const layer = readLayer(entry, entry.has("name") ? entry.text("name") : entry.object("config").text("name"));
    return { ...layer, nodes: nodesOf(entry) };
  });
  return {
    name: config.has("name") ? config.text("name") : "model",
    layers,
    inputs: placesOf(config.get("input_layers"), config),
    outputs: placesOf(config.get("output_layers"), config),
  };
}

/** A chain as a graph: every layer is used once, on what the one before gives. */
function readSequential(root: JsonObject): ModelConfig {
  // Keras before 2.2.3 wrote the bare list.
  const bare = Array.isArray(root.get("config"));
  const config = bare ? root : root.object("config");
  const entries = entriesOf(config, bare ? "config" : "layers");
  const all = entries.map((entry) => readLayer(entry, entry.object("config").text("name")));
  const first = all[0];
  const begins = first?.className === "InputLayer";
  const declared = bare ? null : shapeOf(config.get("build_input_shape"));
  const input: LayerConfig | undefined = begins
    ? first
    : first && {
        ...first,
        name: `${first.name}_input`,
        className: "InputLayer",
        inputShape: first.inputShape ?? declared,
      };
  if (input === undefined) return root.fail("has no layers");
  let last: TensorPlace = { layer: input.name, node: 0, output: 0 };
  const start = last;
  const layers = (begins ? all.slice(1) : all).map((layer) => {
    const nodes = [[last]];
    last = { layer: layer.name, node: 0, output: 0 };
    return { ...layer, nodes };
  });
  return {
    name: !bare && config.has("name") ? config.text("name") : "sequential",
    layers: [{ ...input, nodes: [] }, ...layers],
    inputs: [start],
    outputs: [last],
  };
}

function entriesOf(config: JsonObject, key = "layers"): JsonObject[] {
  const entries = config.objects(key);
  if (entries.length > MAX_LAYERS) config.fail(`has ${entries.length} layers; at most ${MAX_LAYERS} are sound`);
  return entries;
}

function readLayer(entry: JsonObject, name: string): LayerConfig {
  const config = entry.object("config");
  const stated = config.get("batch_input_shape") ?? config.get("batch_shape");
  return {
    name,
    className: entry.text("class_name"),
    config,
    object: entry,
    inputShape: shapeOf(stated),
    nodes: [],
  };
}

function shapeOf(value: JsonValue | undefined): KerasShape | null {
  const isSize = (d: JsonValue) => d === null || (typeof d === "number" && isCount(d));
  return Array.isArray(value) && value.every(isSize) ? (value as (number | null)[]) : null;
}

function nodesOf(entry: JsonObject): TensorPlace[][] {
  return entry.list("inbound_nodes").map((node) => {
    if (!(node instanceof Map)) return placesOf(node, entry);
    // Keras 3: the arguments of the call, with tensors anywhere in them
    const found: TensorPlace[] = [];
    collect(node.get("args") ?? null, entry, found, 0);
    collect(node.get("kwargs") ?? null, entry, found, 0);
    return found;
  });
}

function collect(value: JsonValue, where: JsonObject, found: TensorPlace[], depth: number): void {
  if (depth > MAX_DEPTH) where.fail("has arguments nested too deeply");
  if (Array.isArray(value)) for (const item of value) collect(item, where, found, depth + 1);
  else if (value instanceof Map) {
    const config = value.get("config");
    if (value.get("class_name") === "__keras_tensor__" && config instanceof Map) {
      found.push(placeOf(config.get("keras_history") ?? null, where));
    } else for (const item of value.values()) collect(item, where, found, depth + 1);
  }
}

/** One place, a list of them, or places by name. */
function placesOf(value: JsonValue | undefined, where: JsonObject): TensorPlace[] {
  if (value instanceof Map) return [...value.values()].map((place) => placeOf(place, where));
  if (!Array.isArray(value)) return where.fail("does not say where its tensors come from");
  return typeof value[0] === "string" ? [placeOf(value, where)] : value.map((place) => placeOf(place, where));
}

function placeOf(value: JsonValue, where: JsonObject): TensorPlace {
  const [layer, node, output] = Array.isArray(value) ? value : [];
  const isIndex = (n: unknown): n is number => typeof n === "number" && isCount(n);
  if (typeof layer !== "string" || !isIndex(node) || !isIndex(output)) {
    return where.fail("names a tensor in a way that is not [layer, use, output]");
  }
  return { layer, node, output };
}
