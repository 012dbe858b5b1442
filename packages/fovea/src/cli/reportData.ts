import { join } from "node:path";
import type { ImageDataset } from "../data/dataset.ts";
import type { DataLoader } from "../data/loader.ts";
import type { Dataset } from "../data/sample.ts";
import { argmaxOf, type ClassifierModel } from "../train/classifier.ts";
import type { Environment } from "../train/environment.ts";
import { predict, type Evaluation, type Prediction } from "../train/evaluate.ts";
import type { HistoryLine } from "../train/runLines.ts";
import { showBytes, showPercent } from "../train/format.ts";
import type { Facts, ReportData } from "../train/report.ts";
import type { Filters, Picture } from "../train/report/pictures.ts";
import type { RunFolder } from "../train/runFolder.ts";
import { dataStem } from "./data.ts";
import { inOrder, type ModelSpec } from "./model.ts";
import type { TrainConfig } from "./trainConfig.ts";

interface Finished {
  readonly run: RunFolder;
  readonly config: TrainConfig;
  readonly spec: ModelSpec;
  readonly model: ClassifierModel;
  readonly parameters: number;
  readonly train: Dataset;
  readonly loader: DataLoader;
  readonly validation: ImageDataset;
  readonly test: ImageDataset;
  readonly result: Evaluation;
  readonly history: readonly HistoryLine[];
  /** Trained on since the start, and the time that took. */
  readonly images: number;
  readonly seconds: number;
  readonly diagnoses: readonly string[];
  readonly environment: Environment;
}

/** Pictures of one kind in a report. */
const PICTURES = 64;

/** Gathers what the report of a finished run shows. */
export async function collectReport(finished: Finished): Promise<ReportData> {
  const { run, config, model, parameters, validation, test, result, environment } = finished;
  const shown = validation.subset(PICTURES);
  return {
    title: `${config.model} on ${dataStem(config.data)}`,
    date: new Date(),
    parameters,
    history: finished.history,
    test: result,
    part: "test",
    plan: [],
    diagnoses: finished.diagnoses,
    imagesPerSecond: finished.images / finished.seconds,
    seconds: finished.seconds,
    trainBatch: await firstBatch(finished, validation.shape),
    predictions: (await predict(model, inOrder(shown, finished.spec))).map((prediction) => answered(shown, prediction)),
    mistakes: result.mistakes.map((prediction) => answered(test, prediction, true)),
    filters: await firstFilters(model),
    config: configFacts(finished),
    environment: environmentFacts(environment),
    command: `fovea train --config ${join(run.path, "config.json")}`,
  };
}

/** The first pictures as the network was given them: changed by chance, if that was asked for. */
async function firstBatch({ loader, spec, train }: Finished, shape: Picture["shape"]): Promise<Picture[]> {
  const { mean = [0, 0, 0], std = [1, 1, 1] } = spec.normalization ?? {};
  const [, height, width] = shape;
  const { classes } = train;
  for await (const { x, y, indices, size } of loader.epoch(0)) {
    const length = x.length / size;
    const asByte = (v: number, at: number): number => {
      const c = Math.floor(at / (height * width));
      return Math.round(255 * (v * std[c]! + mean[c]!));
    };
    return Array.from({ length: Math.min(size, PICTURES) }, (_, i) => {
      // Where labels are mixed, the one that counts most.
      const label = y.length === size ? y[i]! : argmaxOf(y, i * classes.length, classes.length);
      const name = classes[label]!;
      const pixels = Uint8Array.from(x.subarray(i * length, (i + 1) * length), asByte);
      return { pixels, shape, caption: name, title: `training image ${indices[i]}: ${name}` };
    });
  }
  return [];
}

function answered(data: ImageDataset, prediction: Prediction, sure = false): Picture {
  return captioned(prediction, data.classes, { pixels: data.image(prediction.index), shape: data.shape }, sure);
}

/** A picture with what it is, and what the network said where that is something else. */
export function captioned(
  { index, label, predicted, confidence }: Prediction,
  classes: readonly string[],
  picture: Pick<Picture, "pixels" | "shape">,
  sure = false,
): Picture {
  const wrong = label !== predicted;
  const [truth, answer] = [classes[label]!, classes[predicted]!];
  const caption = wrong
    ? `${truth} → ${answer}${sure ? ` ${showPercent(confidence, 0).replace(" ", "")}` : ""}`
    : answer;
  const title = `${truth}, called ${answer} with ${showPercent(confidence, 1)} (image ${index})`;
  return { ...picture, caption, title, wrong };
}

/** The weights of the first convolution: the first parameter with four axes. */
export async function firstFilters(model: ClassifierModel): Promise<Filters | null> {
  for (const [name, parameter] of model.namedParameters()) {
    if (parameter.rank === 4) return { name, shape: parameter.shape, weights: await parameter.data() };
  }
  return null;
}

const mixed = (name: string, value: number | null) => value !== null && `${name} ${value}`;

function configFacts({ config, spec, train, validation, test }: Finished): Facts {
  const lengths = [train, validation, test].map((data) => data.length.toLocaleString("en-US"));
  return [
    [
      "network",
      [config.model, config.activation, config.pooling && `${config.pooling} pooling`].filter(Boolean).join(", "),
    ],
    ["data", config.data],
    ["training + validation + test", lengths.join(" + ")],
    ["epochs", String(config.epochs)],
    ["batch size", `${config.batchSize}${config.accumulate > 1 ? `, ${config.accumulate} per step` : ""}`],
    [
      "augmentation",
      [config.augment, mixed("mixup", config.mixup), mixed("cutmix", config.cutmix)].filter(Boolean).join(", "),
    ],
    [
      "normalisation",
      spec.normalization
        ? `mean ${spec.normalization.mean.join(", ")}; std ${spec.normalization.std.join(", ")}`
        : "none",
    ],
    [
      "optimizer",
      [config.optimizer, mixed("momentum", config.momentum), mixed("weight decay", config.weightDecay)]
        .filter(Boolean)
        .join(", "),
    ],
    ["label smoothing", String(config.labelSmoothing)],
    ["learning rate", `${config.lr}, ${config.schedule}`],
    ["seed", String(config.seed)],
  ];
}

export function environmentFacts({ fovea, engine, isa, threads, node, system, cpu, memory }: Environment): Facts {
  return [
    ["engine", `${engine}, ${isa}`],
    ["threads", String(threads)],
    ["fovea", fovea],
    ["Node", `${node}, ${system}`],
    ["processor", cpu],
    ["memory", showBytes(memory)],
  ];
}
