import { FormatError } from "../../base/errors.ts";
import { nearest } from "../../base/nearest.ts";
import * as keras from "../../nn/keras/index.ts";
import type { Layer, LayerInput } from "../../nn/keras/index.ts";
import type { JsonObject } from "../jsonObject.ts";
import type { JsonValue } from "../strict-json.ts";

/** Any layer of `fovea/keras`. */
export type AnyLayer = Layer<LayerInput>;

interface LayerKind {
  readonly make: new (options: never) => Layer | Layer<readonly never[]>;
  /** Members of the configuration that are arguments here, in Keras' spelling. */
  readonly takes: readonly string[];
}

const kind = (make: LayerKind["make"], ...takes: readonly string[]): LayerKind => ({ make, takes });

const activated = [
  "activation",
  "use_bias",
  "kernel_regularizer",
  "bias_regularizer",
  "activity_regularizer",
  "kernel_constraint",
  "bias_constraint",
];
const window = ["kernel_size", "strides", "padding", "data_format", "dilation_rate"];
const convolution = ["filters", "groups", ...window, ...activated];
const depthwise = ["depth_multiplier", "depthwise_regularizer", "depthwise_constraint", ...window, ...activated];
const separable = ["filters", "pointwise_regularizer", "pointwise_constraint", ...depthwise];
const transposed = [...convolution, "output_padding"];
const local = ["filters", "kernel_size", "strides", "padding", "data_format", ...activated];
const pooling = ["pool_size", "strides", "padding", "data_format"];
const global = ["data_format", "keepdims"];
const scale = [
  "epsilon",
  "center",
  "scale",
  "beta_regularizer",
  "gamma_regularizer",
  "beta_constraint",
  "gamma_constraint",
];

const kinds: Readonly<Record<string, LayerKind>> = {
  Activation: kind(keras.Activation, "activation"),
  Add: kind(keras.Add),
  Average: kind(keras.Average),
  AveragePooling1D: kind(keras.AveragePooling1D, ...pooling),
  AveragePooling2D: kind(keras.AveragePooling2D, ...pooling),
  AveragePooling3D: kind(keras.AveragePooling3D, ...pooling),
  BatchNormalization: kind(keras.BatchNormalization, "axis", "momentum", ...scale),
  BatchNormalizationV1: kind(keras.BatchNormalization, "axis", "momentum", ...scale),
  Concatenate: kind(keras.Concatenate, "axis"),
  Conv1D: kind(keras.Conv1D, ...convolution),
  Conv1DTranspose: kind(keras.Conv1DTranspose, ...transposed),
  Conv2D: kind(keras.Conv2D, ...convolution),
  Conv2DTranspose: kind(keras.Conv2DTranspose, ...transposed),
  Conv3D: kind(keras.Conv3D, ...convolution),
  Conv3DTranspose: kind(keras.Conv3DTranspose, ...transposed),
  Cropping1D: kind(keras.Cropping1D, "cropping"),
  Cropping2D: kind(keras.Cropping2D, "cropping", "data_format"),
  Cropping3D: kind(keras.Cropping3D, "cropping", "data_format"),
  Dense: kind(keras.Dense, "units", ...activated),
  DepthwiseConv1D: kind(keras.DepthwiseConv1D, ...depthwise),
  DepthwiseConv2D: kind(keras.DepthwiseConv2D, ...depthwise),
  Dot: kind(keras.Dot, "axes", "normalize"),
  Dropout: kind(keras.Dropout, "rate", "noise_shape", "seed"),
  ELU: kind(keras.ELU, "alpha"),
  Flatten: kind(keras.Flatten, "data_format"),
  GaussianDropout: kind(keras.GaussianDropout, "rate", "seed"),
  GaussianNoise: kind(keras.GaussianNoise, "stddev", "seed"),
  GlobalAveragePooling1D: kind(keras.GlobalAveragePooling1D, ...global),
  GlobalAveragePooling2D: kind(keras.GlobalAveragePooling2D, ...global),
  GlobalAveragePooling3D: kind(keras.GlobalAveragePooling3D, ...global),
  GlobalMaxPooling1D: kind(keras.GlobalMaxPooling1D, ...global),
  GlobalMaxPooling2D: kind(keras.GlobalMaxPooling2D, ...global),
  GlobalMaxPooling3D: kind(keras.GlobalMaxPooling3D, ...global),
  GroupNormalization: kind(keras.GroupNormalization, "groups", "axis", ...scale),
  LayerNormalization: kind(keras.LayerNormalization, "axis", ...scale),
  LeakyReLU: kind(keras.LeakyReLU, "alpha", "negative_slope"),
  LocallyConnected1D: kind(keras.LocallyConnected1D, ...local),
  LocallyConnected2D: kind(keras.LocallyConnected2D, ...local),
  Maximum: kind(keras.Maximum),
  MaxPooling1D: kind(keras.MaxPooling1D, ...pooling),
  MaxPooling2D: kind(keras.MaxPooling2D, ...pooling),
  MaxPooling3D: kind(keras.MaxPooling3D, ...pooling),
  Minimum: kind(keras.Minimum),
  Multiply: kind(keras.Multiply),
  Normalization: kind(keras.Normalization, "axis", "mean", "variance", "invert"),
  Permute: kind(keras.Permute, "dims"),
  PReLU: kind(keras.PReLU, "alpha_regularizer", "alpha_constraint", "shared_axes"),
  ReLU: kind(keras.ReLU, "max_value", "negative_slope", "threshold"),
  RepeatVector: kind(keras.RepeatVector, "n"),
  Rescaling: kind(keras.Rescaling, "scale", "offset"),
  Reshape: kind(keras.Reshape, "target_shape"),
  SeparableConv1D: kind(keras.SeparableConv1D, ...separable),
  SeparableConv2D: kind(keras.SeparableConv2D, ...separable),
  Softmax: kind(keras.Softmax, "axis"),
  SpatialDropout1D: kind(keras.SpatialDropout1D, "rate", "seed"),
  SpatialDropout2D: kind(keras.SpatialDropout2D, "rate", "data_format", "seed"),
  SpatialDropout3D: kind(keras.SpatialDropout3D, "rate", "data_format", "seed"),
  Subtract: kind(keras.Subtract),
  ThresholdedReLU: kind(keras.ThresholdedReLU, "theta"),
  UpSampling1D: kind(keras.UpSampling1D, "size"),
  UpSampling2D: kind(keras.UpSampling2D, "size", "interpolation", "data_format"),
  UpSampling3D: kind(keras.UpSampling3D, "size", "data_format"),
  ZeroPadding1D: kind(keras.ZeroPadding1D, "padding"),
  ZeroPadding2D: kind(keras.ZeroPadding2D, "padding", "data_format"),
  ZeroPadding3D: kind(keras.ZeroPadding3D, "padding", "data_format"),
};

/** Members that say nothing about what a layer computes here. */
const silent =
  /^(name|trainable|dtype|batch_(input_)?shape|batch_size|input_shape|(\w+_)?initializer|seed|implementation|ragged|sparse|autocast|synchronized|fused|supports_masking)$/;

/** What a file's author may rely on without saying so: the same as leaving it out. */
const isNothing = (value: JsonValue | undefined): boolean =>
  value === undefined || value === null || value === false || value === 0 || value === 1;

/**
 * A layer from its configuration. What it does not take, and would matter, is told to `report`.
 *
 * @param generation Keras' first number: names whose meaning changed are read by it.
 */
export function makeLayer(
  className: string,
  config: JsonObject,
  generation: number,
  report: (line: string) => void,
): AnyLayer {
  const found = Object.hasOwn(kinds, className) ? kinds[className]! : unknown(className, config.where);
  const name = config.text("name");
  const args: Record<string, unknown> = { name, trainable: config.get("trainable") !== false };
  for (const key of config.keys) {
    const value = config.get(key);
    if (found.takes.includes(key)) {
      if (value !== null) args[camelCase(key)] = argument(key, value!, generation, (why) => report(`${name}: ${why}`));
    } else if (!silent.test(key) && !isNothing(value)) report(`${name}: ${key} is not used here`);
  }
  if (className.startsWith("BatchNormalization") && Array.isArray(args["axis"])) args["axis"] = args["axis"][0];
  if (className === "Normalization" && config.get("axis") === null) args["axis"] = null; // which is not the default
  return new found.make(args as never) as unknown as AnyLayer;
}

function unknown(className: string, where: string): never {
  const near = nearest(className, Object.keys(kinds));
  throw new FormatError(
    `${where}: layers of the class ${JSON.stringify(className)} are not supported` +
      (near === null ? `; known are ${Object.keys(kinds).join(", ")}` : `; the nearest is ${near}`),
  );
}

const camelCase = (key: string): string => key.replaceAll(/_(.)/g, (_, letter: string) => letter.toUpperCase());

function argument(key: string, value: JsonValue, generation: number, report: (why: string) => void): unknown {
  if (key === "activation" && value === "hard_sigmoid" && generation < 3) return "hardSigmoidKeras2";
  if (/_(regularizer|constraint)$/.test(key)) return penalty(key, value, report);
  return plain(value);
}

/** `{ class_name, config }` as a function with those arguments; null, and a line in the report, if it is not known. */
function penalty(key: string, value: JsonValue, report: (why: string) => void): unknown {
  if (typeof value === "string") return value;
  const className = value instanceof Map ? value.get("class_name") : undefined;
  const config = value instanceof Map ? value.get("config") : undefined;
  const table: Readonly<Record<string, unknown>> = key.endsWith("regularizer") ? keras.regularizers : keras.constraints;
  const spelling = (text: string) => text.replaceAll("_", "").toLowerCase();
  const found = Object.keys(table).find(
    (name) => typeof className === "string" && spelling(name) === spelling(className),
  );
  const make = found === undefined ? undefined : table[found];
  if (typeof make !== "function" || found === "nonNeg") {
    if (found === "nonNeg") return make;
    report(`${key} ${JSON.stringify(className ?? null)} is not known and left out`);
    return null;
  }
  const options = Object.fromEntries(
    config instanceof Map ? Array.from(config, ([name, item]) => [camelCase(name), plain(item)]) : [],
  );
  return (make as (options: object) => unknown)(options);
}

/** JSON as plain values. Maps have no place among arguments. */
function plain(value: JsonValue): unknown {
  if (Array.isArray(value)) return value.map(plain);
  return value instanceof Map ? Object.fromEntries(Array.from(value, ([key, item]) => [key, plain(item)])) : value;
}
