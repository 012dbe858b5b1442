import { showShape, sizeOf, type Shape } from "../../base/shape.ts";
import type { TypedArray } from "../../base/dtype.ts";
import {
  Activation,
  BatchNormalization,
  Dense,
  denseAfterFlatten,
  Dropout,
  ELU,
  Flatten,
  fromKeras,
  Functional,
  GaussianDropout,
  GaussianNoise,
  Layer,
  LeakyReLU,
  ReLU,
  Softmax,
  ThresholdedReLU,
  toKeras,
  type KerasShape,
  type LayerWeight,
} from "../../nn/keras/index.ts";
import type { StoredTensor } from "../safetensors.ts";

/** PyTorch's names of Keras' weights. */
const names: Readonly<Record<string, string>> = {
  kernel: "weight",
  depthwise: "weight",
  gamma: "weight",
  beta: "bias",
  alpha: "weight",
  movingMean: "running_mean",
  movingVariance: "running_var",
};

/** These leave each element where it is. */
const elementwise = [
  Activation,
  Dropout,
  ELU,
  GaussianDropout,
  GaussianNoise,
  LeakyReLU,
  ReLU,
  Softmax,
  ThresholdedReLU,
];

/**
 * The weights of a network of Keras as PyTorch has them, by `layer.weight`: kernels [out, in, height, width], names of
 * batch norms, and dense layers behind a flattened map with their columns in the order of channels first, which PyTorch
 * flattens. What was changed is told in `report`.
 */
export function torchLayout(model: Functional): { tensors: Map<string, StoredTensor>; report: string[] } {
  const tensors = new Map<string, StoredTensor>();
  const report: string[] = [];
  const seen = new Set<unknown>();
  convert(model, "", tensors, report, seen);
  return { tensors, report };
}

function convert(
  model: Functional,
  prefix: string,
  tensors: Map<string, StoredTensor>,
  report: string[],
  seen: Set<unknown>,
): void {
  const shapes: KerasShape[] = model.inputs.map(({ shape }) => shape);
  /** The map [..., C] that a value is a flattening of. */
  const flat: (Shape | null)[] = model.inputs.map(() => null);
  for (const { layer, inputs, shapes: outputs } of model.nodes) {
    const from = inputs.length === 1 ? flat[inputs[0]!]! : null;
    const features = layer instanceof Flatten ? mapOf(layer, shapes[inputs[0]!]!) : passes(layer) ? from : null;
    if (from !== null && !passes(layer) && !(layer instanceof Dense)) {
      report.push(
        `${prefix}${nameOf(layer)}: takes a flattened map in the order of channels last; it is not converted`,
      );
    }
    if (!seen.has(layer)) {
      seen.add(layer);
      const name = `${prefix}${nameOf(layer)}`;
      if (layer instanceof Functional) convert(layer, `${name}.`, tensors, report, seen);
      else if (layer instanceof Layer) {
        for (const weight of layer.weights) addWeight(layer, weight, from, name, tensors, report);
      }
    }
    for (const shape of outputs) {
      shapes.push(shape);
      flat.push(features);
    }
  }
}

const nameOf = (layer: unknown): string => (layer instanceof Layer ? layer.name : "layer");

const passes = (layer: unknown): boolean =>
  layer instanceof BatchNormalization || elementwise.some((kind) => layer instanceof kind);

/** What a Flatten joins, in its order; null where the order is the same in both, or a size is open. */
function mapOf({ dataFormat }: Flatten, [, ...sizes]: KerasShape): Shape | null {
  if (sizes.length < 2 || sizes.includes(null)) return null;
  const last = dataFormat === "channels_first" ? [...sizes.slice(1), sizes[0]!] : sizes;
  const features = last as Shape;
  const pixels = sizeOf(features.slice(0, -1));
  return pixels === 1 || features.at(-1) === 1 ? null : features;
}

function addWeight(
  layer: Layer,
  { name, tensor, layout }: LayerWeight,
  features: Shape | null,
  layerName: string,
  tensors: Map<string, StoredTensor>,
  report: string[],
): void {
  const separable = name !== "bias" && layer.weights.some((weight) => weight.name === "pointwise");
  const key = separable ? `${layerName}.${name}.weight` : `${layerName}.${names[name] ?? name}`;
  const values = tensor.storage.values();
  let data = values instanceof Float32Array ? values : Float32Array.from(values);
  let how = "";
  if (features !== null && layer instanceof Dense && name === "kernel") {
    data = fromKeras(denseAfterFlatten(features, layout.keras[1]!), toKeras(layout, values));
    how = `, columns from ${showShape(features)} to channels first`;
  } else if (features !== null && layer instanceof BatchNormalization) {
    data = channelsFirstVector(values, features);
    how = `, elements from ${showShape(features)} to channels first`;
  }
  tensors.set(key, { dtype: "F32", shape: layout.ours, data });
  const same = layout.keras.join() === layout.ours.join();
  report.push(
    `${layerName}/${name} ${showShape(layout.keras)} → ${key}${same ? "" : ` ${showShape(layout.ours)}`}${how}`,
  );
}

/** A vector over a flattened map is a dense layer's column. */
const channelsFirstVector = (values: TypedArray, features: Shape): Float32Array =>
  fromKeras(denseAfterFlatten(features, 1), values);
