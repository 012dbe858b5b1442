import { stat } from "node:fs/promises";
import { basename } from "node:path";
import { FoveaError } from "../base/errors.ts";
import { nearest } from "../base/nearest.ts";
import type { RgbImage } from "../data/image.ts";
import { Normalizer } from "../data/normalizer.ts";
import { preprocessImages, type Preprocessing, type PreprocessMode, type ValueRule } from "../data/preprocess.ts";
import { readWeights } from "../io/weights.ts";
import type { BuiltModel } from "../io/weightsFile.ts";
import { isModelName, listWeights, load, weightsInfo, isWeightsName, type WeightsName } from "../models/index.ts";
import { weightsFileName } from "../models/load.ts";
import type { Module } from "../nn/module.ts";
import { permute } from "../ops/movement.ts";
import { fromHost } from "../tensor/create.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { showBytes } from "../train/format.ts";
import { showBar } from "./bar.ts";
import type { Option } from "./command.ts";
import { CommandLineError } from "./errors.ts";
import { imageShape, normalizationOf } from "./model.ts";
import { choice } from "./parse.ts";
import { prepareImage } from "./prepareImage.ts";
import { openTrained } from "./trained.ts";

/** A network that can look at pictures. */
export interface Network {
  /** As it was named. */
  readonly name: string;
  readonly model: Module;
  /** Names of the classes; null where the file does not tell. */
  readonly labels: readonly string[] | null;
  /** Whether the outputs are probabilities already; else they are logits. */
  readonly probabilities: boolean;
  /** Longer sides need not be read in more detail than this. */
  readonly maxSide?: number;
  prepare(images: readonly RgbImage[]): Tensor;
}

export const networkHelp =
  "published weights (resnet50.imagenet1k-v2; fovea fetches them once), a run of fovea train, or a file of weights";

export const networkOptions = [
  { flags: "--weights <file>", description: "take the published weights from this file instead of downloading them" },
  {
    flags: "--values <rule>",
    description:
      "for a file that describes its own network: what it wants bytes to become: raw (0 … 255), unit (0 … 1), caffe, tf, torch",
    parse: choice(["raw", "unit", "caffe", "tf", "torch"]),
  },
  { flags: "--mirror <address>", description: "server with copies of published weights (default: FOVEA_MIRROR)" },
  { flags: "--offline", description: "download nothing: weights are in the cache, or it is an error" },
] as const satisfies readonly Option[];

export interface NetworkOptions {
  readonly weights?: string;
  readonly values?: "raw" | "unit" | PreprocessMode;
  readonly mirror?: string;
  readonly offline?: boolean;
}

/** The network that a name or a path stands for. */
export async function openNetwork(name: string, options: NetworkOptions): Promise<Network> {
  if (isWeightsName(name)) return openPublished(name, options);
  const found = await stat(name).catch(() => null);
  if (found === null) throw new FoveaError(unknown(name));
  if (options.weights !== undefined) throw new CommandLineError("--weights goes with the name of published weights");
  // Files with a digest in their name; those of the hub are all called model.safetensors.
  const published = listWeights().find(
    (known) => /[-_]/.test(basename(name)) && weightsFileName(known) === basename(name),
  );
  if (published !== undefined) return openPublished(published, { ...options, weights: name });
  if (found.isDirectory()) return openRun(name);
  const { architecture, metadata, format } = await readWeights(name);
  if (architecture !== null) return openDescribed(name, architecture.build(), options);
  if (format === "safetensors" && metadata.has("fovea.model")) return openRun(name);
  throw new FoveaError(
    `${name} has tensors, but does not say of which network; name the weights too: ` +
      `fovea predict resnet50.imagenet1k-v2 --weights ${name} …`,
  );
}

function unknown(name: string): string {
  const suited = isModelName(name) ? listWeights().filter((known) => weightsInfo(known).model === name) : [];
  if (suited.length > 0) return `${name} is a network without weights; weights for it are ${suited.join(", ")}`;
  if (isModelName(name)) return `${name} is a network without weights, and none are published for it here`;
  const near = listWeights().find((known) => known.startsWith(`${name}.`)) ?? nearest(name, listWeights());
  const hint = near === null ? "" : `; did you mean ${near}?`;
  return `there is no run, no file and no published weights "${name}"${hint} (fovea train makes runs)`;
}

async function openPublished(name: WeightsName, options: NetworkOptions): Promise<Network> {
  const bar = await showBar(process.stderr);
  try {
    const { model, preprocess, labels } = await load(name, {
      file: options.weights,
      mirror: options.mirror,
      offline: options.offline,
      onProgress: (received, total) => {
        const size = total === undefined ? showBytes(received) : `${showBytes(received)} of ${showBytes(total)}`;
        bar.update(received, total ?? received, `downloading ${name}, ${size}`);
      },
      onWait: ({ pid, host }) =>
        process.stderr.write(`waiting for process ${pid} on ${host}, which downloads the same\n`),
    });
    return { name, model: model as Module, labels, probabilities: false, prepare: preprocess };
  } finally {
    bar.close();
  }
}

/** A run prepares pictures of digits as its data were; other data sets come as planes, normalised as in training. */
async function openRun(path: string): Promise<Network> {
  const { model, spec } = await openTrained(path);
  const { preprocessing } = spec;
  if (preprocessing !== undefined) {
    const prepare = (images: readonly RgbImage[]) => preprocessImages(images, preprocessing);
    return { name: path, model: model.eval(), labels: spec.classes, probabilities: false, prepare };
  }
  const shape = imageShape(spec);
  const plane = shape[1] * shape[2];
  const size = shape[0] * plane;
  const { mean, std } = normalizationOf(spec);
  const values = new Normalizer(mean, std).bytes(shape[0]); // 256 per channel
  return {
    name: path,
    model: model.eval(),
    labels: spec.classes,
    probabilities: false,
    maxSide: 2048,
    prepare: (images) => {
      const x = new Float32Array(images.length * size);
      for (const [n, image] of images.entries()) {
        prepareImage(image, shape, spec.data).forEach((byte, i) => {
          x[n * size + i] = values[256 * Math.floor(i / plane) + byte]!;
        });
      }
      return fromHost(x, [images.length, ...shape], "float32");
    },
  };
}

const plainRules = {
  raw: { order: "RGB", divisor: 1, mean: [0, 0, 0], std: [1, 1, 1] },
  unit: { order: "RGB", divisor: 255, mean: [0, 0, 0], std: [1, 1, 1] },
} as const satisfies Record<string, ValueRule>;

/** A file with its own network, as Keras and TensorFlow.js write them. */
function openDescribed(path: string, { model, inputShapes }: BuiltModel, { values }: NetworkOptions): Network {
  const [shape, ...more] = inputShapes;
  const channelsLast = shape?.[3] === 3;
  const [height, width] = channelsLast ? [shape[1], shape[2]] : [shape?.[2], shape?.[3]];
  if (shape?.length !== 4 || more.length > 0 || (!channelsLast && shape[1] !== 3)) {
    throw new FoveaError(`${path} takes [${inputShapes.map((s) => s.join(", ")).join("], [")}], not one RGB picture`);
  }
  if (values === undefined) {
    throw new CommandLineError(
      `${path} does not say what it wants bytes to become; give --values raw, unit, caffe, tf or torch`,
    );
  }
  const rule: Preprocessing = {
    resize: [height ?? 224, width ?? 224],
    crop: null,
    interpolation: "bilinear",
    values: values === "raw" || values === "unit" ? plainRules[values] : values,
  };
  const prepare = (images: readonly RgbImage[]) => {
    const x = preprocessImages(images, rule);
    return channelsLast ? permute(x, [0, 2, 3, 1]) : x;
  };
  return { name: path, model: model as unknown as Module, labels: null, probabilities: true, prepare };
}
