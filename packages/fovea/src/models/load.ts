import { fetchTensors } from "#fetchTensors";
import { UsageError } from "../base/errors.ts";
import { nearest } from "../base/nearest.ts";
import type { RgbImage } from "../data/image.ts";
import { imagenetClasses } from "../data/imagenetClasses.ts";
import { preprocessImages, type Preprocessing } from "../data/preprocess.ts";
import type { FetchTensorsOptions } from "../io/weightsSource.ts";
import type { Module } from "../nn/module.ts";
import { skipInit } from "../nn/initFill.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { ImageClassifier, type Pooling } from "./_classifier.ts";
import { create, inputShape, namesLike, type ModelName, type ModelOf } from "./_registry.ts";
import { fillFromKeras } from "./_kerasFile.ts";
import { fillModel } from "./_weightNames.ts";
import { weights, weightsNames, type LabelSet, type WeightsEntry, type WeightsName } from "./_weights.ts";

export type { WeightsName } from "./_weights.ts";

/** What is known of weights without having them. */
export interface WeightsInfo {
  readonly name: WeightsName;
  /** The network that they are of. */
  readonly model: ModelName;
  /** Where they are published. */
  readonly from: string;
  readonly preprocessing: Preprocessing;
  /** Names of the classes. */
  readonly labels: readonly string[];
  readonly metrics: WeightsEntry["metrics"];
  readonly licence: string;
}

/** A network with published weights, and all that is needed to use it. */
export interface Pretrained<M extends Module = Module> extends Omit<WeightsInfo, "model" | "labels"> {
  /** The network, in inference mode. Compile it for speed, or train it on. */
  readonly model: M;
  /** Names of the classes; null where the network got other classes, or none. */
  readonly labels: readonly string[] | null;
  /** Path or address of the file that the weights are from. */
  readonly file: string;
  /** Pictures as the network wants them: resized, cut, scaled. [N, 3, H, W] */
  preprocess(images: RgbImage | readonly RgbImage[]): Tensor;
}

export interface LoadPretrainedOptions extends FetchTensorsOptions {
  /** Another number of classes: the last layer is fresh, the rest has the weights. */
  readonly numClasses?: number;
  /** With false the network ends with its feature maps. Default true. */
  readonly includeTop?: boolean;
  /** Without top: the mean (`avg`) or the largest value (`max`) of each map; default null, the maps themselves. */
  readonly globalPooling?: Pooling;
}

/**
 * A network with published weights by name, downloaded into the cache on first use.
 *
 * Files are kept in `FOVEA_CACHE` (or ~/.cache/fovea), those of the Hugging Face hub in its own cache. They are checked
 * against the publisher's sha256. Where there is no network, the error says what to download and where to put it.
 *
 * @example
 * const { model, preprocess, labels } = await models.load("resnet50.imagenet1k-v2");
 * const scores = model.forward(preprocess(await readImage("elephant.jpg")));
 */
export async function load<W extends WeightsName>(
  name: W,
  { numClasses, includeTop = true, globalPooling = null, ...fetching }: LoadPretrainedOptions = {},
): Promise<Pretrained<ModelOf<(typeof weights)[W]["model"]>>> {
  const { source, layout, rename, ignore, options } = entryOf(name);
  const { model: network, ...info } = weightsInfo(name);
  const { tensors, file } = await fetchTensors(source, fetching);
  const model = skipInit(() => create(network, options as never)) as Module;
  if (layout === "keras") fillFromKeras(model, [1, ...inputShape(network)], tensors, file);
  else fillModel(model, tensors, file, { rename, ignore });
  if (numClasses !== undefined || !includeTop) {
    if (!(model instanceof ImageClassifier)) {
      throw new UsageError(`models.load: ${network} is no classifier: it has no top and no classes to change`);
    }
    if (!includeTop) model.removeTop(globalPooling);
    else model.resetClassifier(numClasses!);
  }
  return {
    ...info,
    model: model.eval() as ModelOf<(typeof weights)[W]["model"]>,
    labels: numClasses === undefined && includeTop ? info.labels : null,
    file,
    preprocess: (images) => preprocessImages("pixels" in images ? [images] : images, info.preprocessing),
  };
}

const cifar10 = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"];

function labelsOf(set: LabelSet): readonly string[] {
  return set === "CIFAR-10" ? cifar10 : imagenetClasses.map(({ name }) => name);
}

/** What is known of weights, without downloading them. */
export function weightsInfo(name: WeightsName): WeightsInfo {
  const { model, source, preprocessing, labels, metrics, licence } = entryOf(name);
  const from =
    "url" in source ? source.url : "repo" in source ? `https://huggingface.co/${source.repo}` : source.howToGet;
  return { name, model, from, preprocessing, labels: labelsOf(labels), metrics, licence };
}

/** What the published file is called. */
export function weightsFileName(name: WeightsName): string {
  const { source } = entryOf(name);
  if ("url" in source) return source.url.split("/").at(-1)!;
  return "repo" in source ? source.file : source.fileName;
}

/** Names that `load` takes, or those that fit a pattern with `*` for anything: `listWeights("resnet50.*")`. */
export function listWeights(pattern = "*"): WeightsName[] {
  return namesLike(pattern, weightsNames);
}

/** True for a name that `load` takes. */
export function isWeightsName(name: string): name is WeightsName {
  return Object.hasOwn(weights, name);
}

function entryOf(name: string): WeightsEntry {
  if (isWeightsName(name)) return weights[name];
  const near = weightsNames.find((known) => known.startsWith(`${name}.`)) ?? nearest(name, weightsNames);
  const hint = near === null ? "." : `; did you mean "${near}"?`;
  throw new UsageError(`there are no weights "${name}"${hint} Weights are: ${weightsNames.join(", ")}`);
}
