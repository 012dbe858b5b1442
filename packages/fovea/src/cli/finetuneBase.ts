import { stat } from "node:fs/promises";
import { basename } from "node:path";
import { FoveaError } from "../base/errors.ts";
import { nearest } from "../base/nearest.ts";
import type { ChannelStatistics } from "../data/statistics.ts";
import type { Preprocessing } from "../data/preprocess.ts";
import { readWeights } from "../io/weights.ts";
import { ImageClassifier } from "../models/_classifier.ts";
import { fillModel } from "../models/_weightNames.ts";
import { weights as published } from "../models/_weights.ts";
import {
  create,
  inputShape,
  isModelName,
  isWeightsName,
  listWeights,
  load,
  modelNames,
  weightsInfo,
  type ModelName,
  type ModelOptions,
  type WeightsName,
} from "../models/index.ts";
import { weightsFileName } from "../models/load.ts";
import type { Module } from "../nn/module.ts";
import { CommandLineError } from "./errors.ts";
import { openTrained } from "./trained.ts";

/** A network to fine-tune, and what is needed to make it again. */
export interface Base {
  readonly model: ImageClassifier;
  readonly name: ModelName;
  readonly options: ModelOptions<ModelName>;
  readonly preprocessing: Preprocessing;
  /** Where its weights are from; null where it starts from scratch. */
  readonly from: string | null;
}

export interface BaseOptions {
  readonly weights?: string;
  readonly mirror?: string;
  readonly offline?: boolean;
  /** Fresh weights, for comparison. */
  readonly fromScratch?: boolean;
}

/** The network that a name or a file stands for: published weights, a network with `--weights`, or a trained file or run. */
export async function openBase(name: string, options: BaseOptions): Promise<Base> {
  if (isWeightsName(name)) return openPublished(name, options);
  const network = networkNamed(name);
  if (network !== null) return openNetworkBy(network, name, options);
  if ((await stat(name).catch(() => null)) === null) {
    const near = nearest(name, [...listWeights(), ...modelNames]);
    throw new FoveaError(
      `there is no network, no file and no published weights "${name}"${near === null ? "" : `; did you mean ${near}?`} (fovea zoo has all networks)`,
    );
  }
  const byFile = listWeights().find(
    (known) => /[-_]/.test(basename(name)) && weightsFileName(known) === basename(name),
  );
  if (byFile !== undefined) return openPublished(byFile, { ...options, weights: name });
  const { model, spec, file } = await openTrained(name);
  if (spec.linearOn !== undefined) {
    throw new FoveaError(
      `${name} ends in a support vector machine; fine-tune the network that it was made of: ${spec.model}`,
    );
  }
  const preprocessing = spec.preprocessing ?? standard(spec.model, spec.normalization);
  return { model: asClassifier(model, spec.model), name: spec.model, options: spec.options, preprocessing, from: file };
}

async function openPublished(name: WeightsName, options: BaseOptions): Promise<Base> {
  const { model: network, preprocessing } = weightsInfo(name);
  const made = (published[name] as { options?: object }).options ?? {};
  if (options.fromScratch) return fresh(network, preprocessing, made);
  const { weights: file, mirror, offline } = options;
  const { model, file: from } = await load(name, { file, mirror, offline });
  return { model: asClassifier(model, network), name: network, options: made, preprocessing, from };
}

async function openNetworkBy(network: ModelName, given: string, options: BaseOptions): Promise<Base> {
  const suited = listWeights().filter((known) => weightsInfo(known).model === network);
  if (options.fromScratch)
    return fresh(network, suited[0] ? weightsInfo(suited[0]).preprocessing : standard(network), {});
  const { weights: file } = options;
  if (file === undefined) {
    throw new CommandLineError(
      suited.length > 0
        ? `${given} is a network without weights; take ${suited.join(" or ")}, give --weights <file>, or --from-scratch`
        : `${given} is a network without weights, and none are published for it here; give --weights <file> or --from-scratch`,
    );
  }
  const entry = suited.find((known) => weightsFileName(known) === basename(file)) ?? suited[0];
  if (entry !== undefined) return openPublished(entry, options);
  const base = fresh(network, standard(network), {});
  fillModel(base.model, (await readWeights(file)).tensors, file);
  return { ...base, from: file };
}

function fresh(network: ModelName, preprocessing: Preprocessing, options: object): Base {
  const model = asClassifier(create(network, options as never), network);
  return { model, name: network, options, preprocessing, from: null };
}

function asClassifier(model: Module, name: string): ImageClassifier {
  if (model instanceof ImageClassifier) return model;
  throw new FoveaError(
    `${name} is no classifier of pictures that can get other classes; fovea zoo lists those that can`,
  );
}

type Triple = readonly [number, number, number];

/** Torchvision's rule, for networks that nobody published a rule for; values as in training, where that is known. */
function standard(network: ModelName, { mean, std }: Partial<ChannelStatistics> = {}): Preprocessing {
  const side = inputShape(network)[2] ?? 224;
  const own = mean?.length === 3 && ({ order: "RGB", divisor: 255, mean: mean as Triple, std: std as Triple } as const);
  return { resize: Math.round((side * 256) / 224), crop: side, interpolation: "bilinear", values: own || "torch" };
}

/** A network by its name here, or as others write it: `squeezenet1_0`, `resnet50`. */
function networkNamed(name: string): ModelName | null {
  if (isModelName(name)) return name;
  const plain = (text: string) => text.toLowerCase().replace(/[^a-z0-9]/g, "");
  const forms = modelNames.filter((known) => plain(known.replace(/\.[a-z]\w*$/, "")) === plain(name));
  return forms.find((known) => known.endsWith(".torchvision")) ?? forms[0] ?? null;
}
