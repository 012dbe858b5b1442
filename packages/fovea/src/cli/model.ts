import { FormatError, FoveaError } from "../base/errors.ts";
import type { ImageDataset } from "../data/dataset.ts";
import { DataLoader } from "../data/loader.ts";
import type { PerChannel } from "../data/normalizer.ts";
import type { ChannelStatistics } from "../data/statistics.ts";
import { isPreprocessing, type Preprocessing } from "../data/preprocess.ts";
import { create, inputShape, isModelName, type ModelName, type ModelOptions } from "../models/index.ts";
import { ImageClassifier } from "../models/_classifier.ts";
import { Linear } from "../nn/linear.ts";
import { Sequential } from "../nn/sequential.ts";
import type { ClassifierModel } from "../train/classifier.ts";

/** What is needed to build a network again: kept in the metadata of its weights. */
export interface ModelSpec {
  readonly model: ModelName;
  readonly options: ModelOptions<ModelName>;
  /** Names of the classes. */
  readonly classes: readonly string[];
  /** What it was trained on. */
  readonly data: string;
  /** How pictures become its input; without, as the data set of that name. */
  readonly preprocessing?: Preprocessing;
  /** What values of 0 … 1 are normalised by; without, they are as they are. */
  readonly normalization?: ChannelStatistics;
  /** Means of so many feature maps go into one linear layer, in the place of the network's own top. */
  readonly linearOn?: number;
}

/** A dataset in order, as the network was given pictures in training. */
export function inOrder(data: ImageDataset, spec: ModelSpec): DataLoader {
  return new DataLoader(data, { batchSize: 256, shuffle: false, ...normalizationOf(spec) });
}

/** Mean and standard deviation for whoever makes batches for the network. */
export function normalizationOf({ normalization }: ModelSpec): { mean: PerChannel; std: PerChannel } {
  return normalization ?? { mean: 0, std: 1 };
}

const KEY = "fovea.model";
/** More feature maps than any network has. */
const MOST_FEATURES = 65_536;

/** The network, with fresh weights from the global random stream. */
export function buildModel({ model, options, classes, linearOn }: ModelSpec): ClassifierModel {
  const network = create(model, options);
  if (linearOn === undefined) return network;
  if (!(network instanceof ImageClassifier)) throw new FoveaError(`${model} gives no feature maps for a linear layer`);
  return withLinearTop(network, new Linear(linearOn, classes.length));
}

/** A linear layer on the means of the feature maps, in the place of a network's own top. */
export function withLinearTop(features: ImageClassifier, classifier: Linear): ClassifierModel {
  return new Sequential({ features: features.removeTop("avg"), classifier });
}

/** [C, H, W] of the images it takes. */
export function imageShape({ model, options }: ModelSpec): readonly [number, number, number] {
  return inputShape(model, options) as readonly [number, number, number];
}

/** Says so when images do not fit a network. */
export function checkFits(spec: ModelSpec, data: ImageDataset): void {
  const wanted = imageShape(spec);
  if (wanted.join() !== data.shape.join()) {
    throw new FoveaError(
      `${spec.model} takes images [${wanted.join(", ")}], but ${data.name} has [${data.shape.join(", ")}]`,
    );
  }
  if (data.classes.length > spec.classes.length) {
    throw new FoveaError(
      `the network knows ${spec.classes.length} classes, but ${data.name} has ${data.classes.length}`,
    );
  }
}

export function toMetadata(spec: ModelSpec): ReadonlyMap<string, string> {
  return new Map([[KEY, JSON.stringify(spec)]]);
}

const digits = Array.from({ length: 10 }, (_, digit) => String(digit));

/** The spec in a file's metadata; weights from elsewhere are taken for those of the default network. */
export function fromMetadata(metadata: ReadonlyMap<string, string>, name: string): ModelSpec {
  const text = metadata.get(KEY);
  if (text === undefined) return { model: "lenet5", options: {}, classes: digits, data: "unknown" };
  const fail = (): never => {
    throw new FormatError(`${name}: its metadata ${KEY} is not what fovea writes`);
  };
  let spec: Partial<ModelSpec> | null;
  try {
    spec = JSON.parse(text) as Partial<ModelSpec> | null;
  } catch {
    return fail();
  }
  const { model, options, classes, data, preprocessing, normalization, linearOn } = spec ?? {};
  if (typeof model !== "string" || typeof options !== "object" || options === null || typeof data !== "string")
    return fail();
  if (!Array.isArray(classes) || classes.length === 0 || !classes.every((c) => typeof c === "string")) return fail();
  if (linearOn !== undefined && !(Number.isInteger(linearOn) && linearOn > 0 && linearOn <= MOST_FEATURES))
    return fail();
  if (!isModelName(model))
    throw new FoveaError(`${name} holds weights of ${String(model)}, a model that this fovea does not have`);
  if (normalization !== undefined && !isNormalization(normalization, inputShape(model, options)[0]!)) return fail();
  return {
    model,
    options,
    classes,
    data,
    ...(isPreprocessing(preprocessing) && { preprocessing }),
    ...(normalization && { normalization }),
    ...(linearOn !== undefined && { linearOn }),
  };
}

function isNormalization(value: unknown, channels: number): value is ChannelStatistics {
  const { mean, std } = (value ?? {}) as Partial<Record<keyof ChannelStatistics, unknown>>;
  const isList = (list: unknown) => Array.isArray(list) && list.length === channels && list.every(Number.isFinite);
  return isList(mean) && isList(std) && !(std as number[]).includes(0);
}
