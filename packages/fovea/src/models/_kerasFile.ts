import { FoveaError } from "../base/errors.ts";
import { nearest } from "../base/nearest.ts";
import { sameShape, showShape, type Shape } from "../base/shape.ts";
import type { Graph } from "../graph/graph.ts";
import type { StoredTensor } from "../io/safetensors.ts";
import { toHostTensor } from "../io/stored-dtype.ts";
import { BatchNorm2d } from "../nn/batchNorm.ts";
import { Conv2d } from "../nn/conv.ts";
import {
  convKernel,
  denseAfterFlatten,
  denseKernel,
  depthwiseKernel,
  fromKeras,
  sameLayout,
  type WeightLayout,
} from "../nn/keras/weights.ts";
import { Linear } from "../nn/linear.ts";
import type { AnyModule } from "../nn/module.ts";
import { SeparableConv2d } from "../nn/separable.ts";
import { trace } from "../nn/summary.ts";
import { fromHost } from "../tensor/create.ts";
import type { Tensor } from "../tensor/tensor.ts";

/**
 * Weights that Keras Applications publishes. Keras reads these files by the order of the layers, whatever they are called
 * (many have names that a program counted), and so does this: the order follows from the network.
 */

/** A layer as Keras saves it: its weights in Keras' order, by their names here. */
export interface SavedLayer {
  readonly path: string;
  readonly weights: readonly { readonly name: string; readonly layout: WeightLayout }[];
}

/** The layers with weights of a network in inference, in the order in which Keras saves them. */
export function savedLayers(model: AnyModule, input: Shape): SavedLayer[] {
  const modules = [...model.namedModules()];
  const { graph, owners } = trace(model, input);
  const paths = new Map<unknown, string>(modules.map(([path, module]) => [module, path]));
  // A separable convolution is one layer.
  const separable = modules.flatMap(([, module]) => (module instanceof SeparableConv2d ? [module] : []));
  const whole = new Map<unknown, AnyModule>(
    separable.flatMap((module) => [module.depthwise, module.pointwise].map((part) => [part, module] as const)),
  );
  const layers = owners.map((owner) => whole.get(owner) ?? owner);
  const found = new Map<unknown, SavedLayer>();
  for (const i of kerasOrder(graph, layers)) {
    const layer = layers[i] as AnyModule | null;
    const path = paths.get(layer)!;
    const weights =
      layer instanceof SeparableConv2d
        ? [...convWeights(layer.depthwise, paths), ...convWeights(layer.pointwise, paths)]
        : layer instanceof Conv2d
          ? convWeights(layer, paths)
          : layer instanceof Linear
            ? denseWeights(layer, path, graph, i)
            : layer instanceof BatchNorm2d
              ? normWeights(layer, path)
              : null;
    if (weights !== null) found.set(layer, { path, weights });
  }
  return [...found.values()];
}

/**
 * A graph's nodes as Keras orders layers: those first that have most layers between them and the output, and of those
 * with equally many the one first that a walk from the output back to the image meets first. Nodes of one layer count
 * once, and those that only prepare weights not at all.
 */
function kerasOrder({ nodes, inputs, outputs }: Graph, layers: readonly unknown[]): number[] {
  const seeing = new Set(inputs);
  for (const node of nodes) if (node.inputs.some((id) => seeing.has(id))) seeing.add(node.output);
  const makers = new Map(nodes.flatMap(({ output }, i) => (seeing.has(output) ? [[output, i] as const] : [])));
  const isOne = (i: number, j: number) => layers[i] === layers[j] && hasWeights(layers[i]);
  const depths = nodes.map(() => 0);
  for (let i = nodes.length - 1; i >= 0; i--) {
    for (const id of nodes[i]!.inputs) {
      const before = makers.get(id);
      if (before !== undefined) depths[before] = Math.max(depths[before]!, depths[i]! + (isOne(i, before) ? 0 : 1));
    }
  }
  const met = new Set<number>();
  const waiting = [...outputs];
  while (waiting.length > 0) {
    const i = makers.get(waiting.pop()!);
    if (i === undefined || met.has(i)) continue;
    met.add(i);
    waiting.push(...nodes[i]!.inputs.toReversed());
  }
  return [...met].toSorted((a, b) => depths[b]! - depths[a]!);
}

const hasWeights = (layer: unknown): boolean =>
  [Conv2d, Linear, BatchNorm2d, SeparableConv2d].some((kind) => layer instanceof kind);

type Weights = SavedLayer["weights"];

function convWeights(conv: Conv2d, paths: ReadonlyMap<unknown, string>): Weights {
  const path = paths.get(conv)!;
  const [out, perGroup, ...kernel] = conv.weight.shape as readonly [number, number, number, number];
  const groups = conv.options.groups ?? 1;
  const layout =
    groups > 1 ? depthwiseKernel([...kernel, groups, out / groups]) : convKernel([...kernel, perGroup, out]);
  return [{ name: `${path}.weight`, layout }, ...(conv.bias === null ? [] : [vector(`${path}.bias`, out)])];
}

/** Behind a flattened map the columns are in the order of channels last. */
function denseWeights({ weight }: Linear, path: string, { nodes, values }: Graph, at: number): Weights {
  const [out, inputs] = weight.shape as readonly [number, number];
  const flat = nodes.find(({ output }) => output === nodes[at]!.inputs[0]);
  const map = flat?.op.name === "reshape" ? values[flat.inputs[0]!]!.shape : [];
  const layout = map.length === 4 ? denseAfterFlatten([map[2]!, map[3]!, map[1]!], out) : denseKernel([inputs, out]);
  return [{ name: `${path}.weight`, layout }, vector(`${path}.bias`, out)];
}

function normWeights({ weight, runningMean }: BatchNorm2d, path: string): Weights {
  const names = [...(weight === null ? [] : ["weight"]), "bias", "running_mean", "running_var"];
  return names.map((name) => vector(`${path}.${name}`, runningMean!.size));
}

const vector = (name: string, size: number) => ({ name, layout: sameLayout([size]) });

/** Puts the tensors of a file of Keras, in the order of the file, into a network of the same layers. */
export function fillFromKeras(
  model: AnyModule,
  input: Shape,
  tensors: ReadonlyMap<string, StoredTensor>,
  file: string,
): void {
  const ours = savedLayers(model, input);
  const theirs = byLayer(tensors);
  const faults: string[] = [];
  const names = [...theirs.keys()];
  if (names.length !== ours.length) {
    const paths = ours.map(({ path }) => path);
    const odd = names.length > ours.length ? without(names, paths) : without(paths, names);
    const more = names.length > ours.length ? "only the file has" : "only the network has";
    faults.push(`it has ${names.length} layers with weights, the network ${ours.length}; perhaps ${more} ${odd}`);
  }
  const values = new Map<string, Tensor>();
  ours.forEach(({ path, weights }, k) => {
    const layer = names[k];
    const given = theirs.get(layer ?? "") ?? [];
    const shapes = given.map(([, { shape }]) => shape);
    if (given.length !== weights.length || !weights.every(({ layout }, j) => sameShape(layout.keras, shapes[j]!))) {
      const wanted = weights.map(({ layout }) => showShape(layout.keras)).join(", ");
      const got = layer === undefined ? "nothing" : `${layer} with ${shapes.map((s) => showShape(s)).join(", ")}`;
      faults.push(`layer ${k + 1}, ${path}, wanted ${wanted}, got ${got}`);
      return;
    }
    weights.forEach(({ name, layout }, j) => {
      const { data } = toHostTensor(given[j]![1], given[j]![0]);
      values.set(
        name,
        fromHost(() => fromKeras(layout, data), layout.ours, "float32"),
      );
    });
  });
  if (faults.length > 0) throw new FoveaError(`${file} does not fit the network: ${faults.join("; ")}`);
  for (const [name, own] of model.stateDict()) if (name.endsWith("num_batches_tracked")) values.set(name, own);
  model.loadStateDict(values);
}

/** Names and tensors by layer: of `model_weights/conv1/conv1/kernel:0` that is conv1. */
function byLayer(tensors: ReadonlyMap<string, StoredTensor>): Map<string, [string, StoredTensor][]> {
  const layers = new Map<string, [string, StoredTensor][]>();
  for (const entry of tensors) {
    const layer = entry[0].replace(/^model_weights\//, "").split("/")[0]!;
    const list = layers.get(layer);
    if (list === undefined) layers.set(layer, [entry]);
    else list.push(entry);
  }
  return layers;
}

/** Those of some names that nothing like it is among others, with what is nearest. */
function without(names: readonly string[], others: readonly string[]): string {
  const plain = new Set(others.map((name) => name.replaceAll(".", "_")));
  return names
    .filter((name) => !plain.has(name.replaceAll(".", "_")))
    .map((name) => {
      const near = nearest(name, others);
      return near === null ? name : `${name} (near: ${near})`;
    })
    .join(", ");
}
