import "../../tensor.ts";
import { FormatError } from "../../base/errors.ts";
import { showShape } from "../../base/shape.ts";
import { Functional, type FunctionalNode, type InputSpec, type KerasShape } from "../../nn/keras/index.ts";
import { tensor } from "../../tensor/create.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { JsonObject } from "../jsonObject.ts";
import type { StoredTensor } from "../safetensors.ts";
import { toHostTensor } from "../stored-dtype.ts";
import type { Architecture } from "../weightsFile.ts";
import { readLayers, type LayerConfig, type TensorPlace } from "./config.ts";
import { makeLayer, type AnyLayer } from "./layers.ts";

/** Where a layer's weights are looked for. */
export interface LayerAddress {
  readonly name: string;
  /** The outermost model or layer that it belongs to, itself if there is none. */
  readonly outermost: string;
  /** Its place in archives of Keras 3: `layers/conv2d_1`, counted by class. */
  readonly path: string;
}

/** The weights of a file by layer, in Keras' order. */
export interface LayerWeights {
  of(address: LayerAddress): readonly StoredTensor[];
  /** What the file has for a layer of nearly that name, for errors. */
  near(address: LayerAddress): string;
}

interface Context {
  readonly weights: LayerWeights;
  readonly generation: number;
  readonly file: string;
  report(line: string): void;
  /** What does not fit in weights, layer by layer. */
  readonly misfits: FormatError[];
}

const MAX_NESTING = 8;

/**
 * The network that a configuration of Keras describes.
 *
 * @param root `{ class_name, config }` of a Sequential or functional model.
 * @param version Keras' version, of which the first number counts.
 */
export function kerasArchitecture(
  root: JsonObject,
  weights: LayerWeights,
  version: string,
  file: string,
): Architecture {
  const generation = Number.parseInt(version, 10) || 2;
  return {
    layers: describe(root, 0),
    build() {
      const report: string[] = [];
      const misfits: FormatError[] = [];
      const context: Context = { weights, generation, file, misfits, report: (line) => void report.push(line) };
      const model = telling(context, () => buildModel(root, context, null, null));
      return {
        model: model.eval(),
        run: (inputs) => model.forwardAll(inputs),
        inputShapes: model.inputs.map(({ shape }) => shape),
        report,
      };
    },
  };
}

/** Runs `build` and throws everything that did not fit, all at once. */
function telling<T>({ file, misfits }: Context, build: () => T): T {
  let built: T | undefined;
  try {
    built = build();
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    misfits.push(error);
  }
  if (misfits.length === 0) return built!;
  if (misfits.length === 1) throw misfits[0]!;
  const faults = misfits.map(({ message }) =>
    message.startsWith(`${file}: `) ? message.slice(file.length + 2) : message,
  );
  throw new FormatError(`${file}: ${faults.join("; ")}`, { cause: misfits[0] });
}

const isModel = (className: string): boolean => ["Functional", "Model", "Sequential"].includes(className);

function describe(root: JsonObject, depth: number): string[] {
  if (depth > MAX_NESTING) root.fail(`has models nested more than ${MAX_NESTING} deep`);
  return readLayers(root).layers.flatMap(({ name, className, config, object }) => {
    const line = `${"  ".repeat(depth)}${name} (${className}${facts(config)})`;
    return isModel(className) ? [line, ...describe(object, depth + 1)] : [line];
  });
}

const shown = [
  "filters",
  "units",
  "kernel_size",
  "strides",
  "pool_size",
  "padding",
  "activation",
  "rate",
  "batch_shape",
  "batch_input_shape",
];

function facts(config: JsonObject): string {
  const parts = shown.flatMap((key) => {
    const value = config.get(key);
    return value === undefined || value === null || value instanceof Map ? [] : [`${key} ${JSON.stringify(value)}`];
  });
  return parts.map((part) => `, ${part}`).join("");
}

const placeKey = ({ layer, node, output }: TensorPlace): string => JSON.stringify([layer, node, output]);

/** @param outer The model around this one: its outermost name and its path in archives. */
function buildModel(
  root: JsonObject,
  context: Context,
  outer: { readonly outermost: string; readonly path: string; readonly depth: number } | null,
  givenShapes: readonly KerasShape[] | null,
): Functional {
  const { name, layers, inputs, outputs } = readLayers(root);
  const depth = outer?.depth ?? 0;
  if (depth > MAX_NESTING) root.fail(`has models nested more than ${MAX_NESTING} deep`);
  const byName = new Map<string, LayerConfig>();
  for (const layer of layers) {
    if (byName.has(layer.name)) root.fail(`has two layers named ${JSON.stringify(layer.name)}`);
    byName.set(layer.name, layer);
  }
  const addresses = addressesOf(layers, outer);
  checkPresence(layers, addresses, context);

  const shapes: KerasShape[] = [];
  const values = new Map<string, number>();
  const uses = layers.flatMap((layer) =>
    layer.nodes.map((from, node) => ({ layer, node, from, missing: from.length })),
  );
  const waiting = new Map<string, (typeof uses)[number][]>();
  for (const use of uses) {
    for (const key of use.from.map(placeKey)) {
      const list = waiting.get(key);
      if (list === undefined) waiting.set(key, [use]);
      else list.push(use);
    }
  }
  const ready: typeof uses = [];
  // Uses of a model in another count from 1 where the model's own node is the first, in Keras 2 and for functional ones.
  const named = [...uses.flatMap(({ from }) => from), ...outputs];
  const firstUse = (layer: LayerConfig): number =>
    isModel(layer.className) && !named.some((p) => p.layer === layer.name && p.node === 0) ? 1 : 0;
  const define = (place: TensorPlace, shape: KerasShape): void => {
    const key = placeKey(place);
    values.set(key, shapes.push(shape) - 1);
    for (const use of waiting.get(key) ?? []) if (--use.missing === 0) ready.push(use);
  };

  const nodes: FunctionalNode[] = [];
  const made = new Map<string, AnyLayer>();
  const place = ({ layer, node, from: places }: (typeof uses)[number]): void => {
    const from = places.map((p) => values.get(placeKey(p))!);
    const inputShapes = from.map((i) => shapes[i]!);
    const takesList = from.length > 1 || mergers.has(layer.className);
    const address = addresses.get(layer.name)!;
    let found = made.get(layer.name);
    if (found === undefined) {
      found = isModel(layer.className)
        ? (buildModel(layer.object, context, { ...address, depth: depth + 1 }, inputShapes) as AnyLayer)
        : buildLayer(layer, address, inputShapes, context);
      made.set(layer.name, found);
    }
    const given: readonly KerasShape[] =
      found instanceof Functional
        ? found.outputShapes
        : [within(layer, context, () => found.computeOutputShape(takesList ? inputShapes : inputShapes[0]!))];
    const use = node + firstUse(layer);
    for (const [output, shape] of given.entries()) define({ layer: layer.name, node: use, output }, shape);
    nodes.push({ layer: found as unknown as FunctionalNode["layer"], inputs: from, takesList, shapes: given });
  };

  const specs = inputs.map((at, i): InputSpec => {
    const shape = byName.get(at.layer)?.inputShape ?? givenShapes?.[i];
    if (shape === undefined || shape === null) {
      return root.fail(
        `does not say the shape of its input ${JSON.stringify(at.layer)}; build the model before saving`,
      );
    }
    define(at, shape);
    return { kind: "input", name: at.layer, shape };
  });
  for (const use of ready) place(use); // which makes others ready
  const stuck = uses.find(({ missing }) => missing > 0);
  if (stuck !== undefined) {
    const absent = stuck.from.find((p) => !values.has(placeKey(p)))!;
    return root.fail(
      `has a layer ${JSON.stringify(stuck.layer.name)} whose input ${JSON.stringify(absent.layer)} is not there, or depends on it`,
    );
  }
  const ends = outputs.map((p) => values.get(placeKey(p)) ?? root.fail(`has no output ${JSON.stringify(p.layer)}`));
  return new Functional({ inputs: specs, nodes, outputs: ends, name });
}

/** Says which layers the file has no weights for, all at once. */
function checkPresence(
  layers: readonly LayerConfig[],
  addresses: ReadonlyMap<string, LayerAddress>,
  { weights, file }: Context,
): void {
  const absent = layers.filter(({ name, className, config, nodes }) => {
    const scaled = /^(Layer|Group)Normalization$/.test(className);
    const needed = scaled
      ? config.get("scale") !== false || config.get("center") !== false
      : /^((Depthwise|Separable)?Conv\d|Dense$|BatchNorm|LocallyConnected|PReLU)/.test(className);
    return needed && nodes.length > 0 && weights.of(addresses.get(name)!).length === 0;
  });
  if (absent.length === 0) return;
  const list = absent.map(({ name }) => `${name}${weights.near(addresses.get(name)!)}`).join(", ");
  throw new FormatError(`${file}: there are no weights for ${absent.length} of its layers: ${list}`);
}

/** Layers of these take a list, even of one. */
const mergers: ReadonlySet<string> = new Set([
  "Add",
  "Average",
  "Concatenate",
  "Dot",
  "Maximum",
  "Minimum",
  "Multiply",
  "Subtract",
]);

/** Keras 3 names a layer in its archives by its class, counted within the model. */
function addressesOf(
  layers: readonly LayerConfig[],
  outer: { readonly outermost: string; readonly path: string } | null,
): Map<string, LayerAddress> {
  const counts = new Map<string, number>();
  return new Map(
    layers.map(({ name, className }) => {
      const snake = className
        .replaceAll(/\W+/g, "")
        .replaceAll(/(.)([A-Z][a-z]+)/g, "$1_$2")
        .replaceAll(/([a-z])([A-Z])/g, "$1_$2")
        .toLowerCase();
      const count = counts.get(snake) ?? 0;
      counts.set(snake, count + 1);
      const path = `${outer === null ? "" : `${outer.path}/`}layers/${snake}${count === 0 ? "" : `_${count}`}`;
      return [name, { name, outermost: outer?.outermost ?? name, path }];
    }),
  );
}

function buildLayer(
  layer: LayerConfig,
  address: LayerAddress,
  shapes: readonly KerasShape[],
  { weights, generation, report, file, misfits }: Context,
): AnyLayer {
  let made: AnyLayer | undefined;
  const build = () => {
    made = makeLayer(layer.className, layer.config, generation, report);
    if (shapes.length > 1 && !mergers.has(layer.className)) {
      throw new FormatError(`it takes one tensor, and is given ${shapes.length}`);
    }
    const stored = weights.of(address);
    const values = stored.map((value, i) => asTensor(value, `${layer.name}[${i}]`));
    made.build(mergers.has(layer.className) ? shapes : shapes[0]!, values);
    for (const { name, layout } of made.weights) {
      if (layout.keras.join() === layout.ours.join() && layout.order.every((axis, i) => axis === i)) continue;
      report(`${layer.name}: ${name} ${showShape(layout.keras)} → ${showShape(layout.ours)}`);
    }
    return made;
  };
  try {
    return within(layer, { file }, build);
  } catch (error) {
    if (made?.built !== true) throw error;
    misfits.push(error as FormatError); // the layer is there, but its weights are not
    return made;
  }
}

/** Errors in a layer name it and the file; whatever a configuration breaks is the file's fault. */
function within<T>({ name, className }: LayerConfig, { file }: { readonly file: string }, fn: () => T): T {
  try {
    return fn();
  } catch (error) {
    const message = (error as Error).message;
    throw new FormatError(
      message.startsWith(file) ? message : `${file}: layer ${JSON.stringify(name)} (${className}): ${message}`,
      { cause: error },
    );
  }
}

function asTensor(stored: StoredTensor, name: string): Tensor {
  const { data, shape, dtype } = toHostTensor(stored, name);
  return tensor(data, { shape, dtype, copy: false });
}
