import { UsageError } from "../base/errors.ts";
import { manualSeed } from "../base/random.ts";
import type { ImageDataset } from "../data/dataset.ts";
import { DataLoader } from "../data/loader.ts";
import { valueRules } from "../data/preprocess.ts";
import type { Dataset } from "../data/sample.ts";
import { channelStatistics, type ChannelStatistics } from "../data/statistics.ts";
import { crossEntropy } from "../ops/losses.ts";
import type { Optimizer } from "../optim/index.ts";
import { TimeLimit } from "../train/callbacks/timeLimit.ts";
import type { ClassifierModel } from "../train/classifier.ts";
import { showDuration } from "../train/format.ts";
import { Trainer } from "../train/trainer.ts";
import { augment, mixing } from "./augment.ts";
import { openData, type TrainingData } from "./data.ts";
import { buildModel, checkFits, imageShape, normalizationOf, type ModelSpec } from "./model.ts";
import { makeOptimizer, type TrainConfig } from "./trainConfig.ts";

/** Data, and the network that fits them. */
export interface Opened extends TrainingData {
  readonly spec: ModelSpec;
  readonly say: (line: string) => void;
}

export interface Setup extends Opened {
  readonly model: ClassifierModel;
  readonly optimizer: Optimizer;
  readonly loader: DataLoader;
}

export async function openTraining(config: TrainConfig, say: (line: string) => void): Promise<Opened> {
  const source = await openData(config.data, say, config.strict);
  const { activation, pooling } = config;
  const specOf = (classes: readonly string[]): ModelSpec => {
    const options = { ...(activation && { activation }), ...(pooling && { pooling }), numClasses: classes.length };
    return { model: config.model, options, classes, data: config.data };
  };
  const data = await source.training((classes) => imageShape(specOf(classes)));
  const spec = { ...specOf(data.train.classes), ...(await normalization(config.normalize, data.train)) };
  const fixed = data.fit.length === 0 ? [data.train as ImageDataset] : [];
  for (const part of [...fixed, data.validation, data.test]) checkFits(spec, part);
  return { ...data, spec, say };
}

async function normalization(
  how: TrainConfig["normalize"],
  train: Dataset,
): Promise<{ readonly normalization?: ChannelStatistics }> {
  if (how === "none") return {};
  const measured = await channelStatistics(train);
  if (how === "data") return { normalization: measured };
  if (measured.mean.length !== 3)
    throw new UsageError(`--normalize imagenet goes with pictures of 3 channels; use data`);
  const { mean, std } = valueRules.torch;
  return { normalization: { mean, std } };
}

/** Network, optimizer and loader of a configuration; the network starts from the seed. */
export function prepare(config: TrainConfig, data: Opened): Setup {
  manualSeed(config.seed);
  const model = buildModel(data.spec);
  const batchSize = config.batchSize as number;
  const steps = config.epochs * Math.ceil(Math.ceil(data.train.length / batchSize) / config.accumulate);
  const loader = makeLoader(config, data, batchSize);
  return { ...data, model, loader, optimizer: makeOptimizer(config, model.parameters(), steps) };
}

function makeLoader(
  { augment: how, mixup, cutmix, seed, workers }: TrainConfig,
  { train, fit, spec, say }: Opened,
  batchSize: number,
): DataLoader {
  return new DataLoader(train, {
    batchSize,
    seed,
    workers,
    ...normalizationOf(spec),
    transform: augment(how, fit, imageShape(spec)),
    batchTransform: mixing(mixup, cutmix),
    onBadSample: ({ name, error }) => say(`left out ${name}: ${error.message}`),
  });
}

export function makeTrainer(
  { clip, accumulate, labelSmoothing }: TrainConfig,
  model: ClassifierModel,
  optimizer: Optimizer,
): Trainer {
  return new Trainer(model, {
    optimizer,
    loss: (scores, target, options) => crossEntropy(scores, target, { ...options, labelSmoothing }),
    metrics: ["accuracy"],
    accumulate,
    ...(clip !== null && { clipNorm: clip }),
  });
}

/**
 * Puts numbers in the place of "auto" and of the epochs that a time allows, measured on a network that is thrown away.
 *
 * @param isCounted Whether the number of epochs was asked for: then it stays.
 */
export async function fitToMachine(config: TrainConfig, isCounted: boolean, data: Opened): Promise<TrainConfig> {
  const { say } = data;
  const { time } = config;
  let { batchSize, epochs } = config;
  const model = buildModel(data.spec);
  const trainer = makeTrainer(config, model, makeOptimizer(config, model.parameters(), 1000));
  if (batchSize === "auto") {
    batchSize = await trainer.fittingBatchSize(makeLoader(config, data, 4));
    say(`batch size ${batchSize}: as much as fits`);
  }
  if (time !== null && !isCounted) {
    const loader = makeLoader(config, data, batchSize);
    const { progress: now } = trainer;
    let first = { seconds: 0, examples: 0 }; // the first steps record and warm up
    const onTrainBatchEnd = () => void (now.step === 2 && (first = { ...now }));
    await trainer.fit(loader, { callbacks: [{ onTrainBatchEnd }, new TimeLimit(Math.min(5, time / 10))], verbose: 0 });
    const examples = now.step > 2 ? now.examples - first.examples : now.examples;
    const seconds = now.step > 2 ? now.seconds - first.seconds : now.seconds;
    epochs = Math.max(1, Math.floor((time * examples) / seconds / data.train.length));
    say(`${showDuration(time)} are enough for ${epochs} ${epochs === 1 ? "epoch" : "epochs"} here`);
  }
  return { ...config, batchSize, epochs };
}
