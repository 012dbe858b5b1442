import { DataLoader } from "../data/loader.ts";
import { pictureOptions } from "../data/pictureOptions.ts";
import type { Preprocessing } from "../data/preprocess.ts";
import type { Dataset } from "../data/sample.ts";
import { subset } from "../data/subset.ts";
import * as transforms from "../data/transforms/index.ts";
import { countParameters } from "../nn/index.ts";
import type { ClassifierModel } from "../train/classifier.ts";
import { describeEnvironment } from "../train/environment.ts";
import { predict, type Evaluation } from "../train/evaluate.ts";
import type { TuningPhase } from "../train/fineTune.ts";
import { renderReport, type Facts } from "../train/report.ts";
import type { Picture } from "../train/report/pictures.ts";
import type { RunFolder } from "../train/runFolder.ts";
import type { HistoryLine } from "../train/runLines.ts";
import { captioned, environmentFacts, firstFilters } from "./reportData.ts";

export interface TunedFacts {
  /** `squeezenet1.0.torchvision on photos` */
  readonly title: string;
  readonly run: RunFolder;
  readonly model: ClassifierModel;
  readonly preprocessing: Preprocessing;
  readonly train: Dataset;
  readonly validation: Dataset;
  /** The validation pictures, as the network takes them. */
  readonly loader: (part: Dataset, augment: boolean) => DataLoader;
  readonly result: Evaluation;
  readonly plan: readonly TuningPhase[];
  readonly history: readonly HistoryLine[];
  readonly imagesPerSecond: number;
  readonly seconds: number;
  readonly config: Facts;
  readonly command: string;
}

/** Pictures of one kind. */
const SHOWN = 32;
/** Pixels a side: photos as large as networks take them would make a page of many megabytes. */
const SIDE = 88;

/** Writes report.html of a run of `fovea finetune`. */
export async function writeTuningReport(facts: TunedFacts): Promise<void> {
  const { run, model, train, validation, loader, result, preprocessing, ...shown } = facts;
  const { classes } = validation;
  const looked = subset(validation, spread(validation.length, SHOWN));
  const predictions = await predict(model, loader(looked, false));
  const drawn = await draw(looked, preprocessing, false);
  const wrong = result.mistakes.map(({ index }) => index);
  const mistaken = wrong.length === 0 ? new Map() : await draw(subset(validation, wrong), preprocessing, false);
  const taught = subset(train, spread(train.length, SHOWN));
  const page = await renderReport({
    ...shown,
    date: new Date(),
    parameters: countParameters(model),
    test: result,
    part: "validation",
    diagnoses: [],
    trainBatch: [...(await draw(taught, preprocessing, facts.plan.length > 0))].map(([i, picture]) => {
      const name = classes[taught.labels![i]!]!;
      return { ...picture, caption: name, title: `${taught.nameOf?.(i) ?? i}: ${name}` };
    }),
    predictions: predictions.flatMap((one) =>
      drawn.has(one.index) ? [captioned(one, classes, drawn.get(one.index)!)] : [],
    ),
    mistakes: result.mistakes.flatMap((one, place) =>
      mistaken.has(place) ? [captioned(one, classes, mistaken.get(place)!, true)] : [],
    ),
    filters: await firstFilters(model),
    environment: environmentFacts(describeEnvironment()),
  });
  await run.writeReport(page);
}

/** Pictures by place, small, as a network is given them before they are normalised. */
async function draw(
  data: Dataset,
  preprocessing: Preprocessing,
  augment: boolean,
): Promise<ReadonlyMap<number, Pick<Picture, "pixels" | "shape">>> {
  const { transform } = pictureOptions(preprocessing, { augment });
  const small = transforms.resize({ size: [SIDE, SIDE] });
  const steps = Array.isArray(transform) ? transform : [transform];
  const loader = new DataLoader(data, { shuffle: false, transform: [...steps, small], onBadSample: "skip" });
  const found = new Map<number, Pick<Picture, "pixels" | "shape">>();
  for await (const { x, shape, indices, size } of loader.epoch(0)) {
    const length = x.length / size;
    for (let i = 0; i < size; i++) {
      const pixels = Uint8Array.from(x.subarray(i * length, (i + 1) * length), (v) => Math.round(255 * v));
      found.set(indices[i]!, { pixels, shape: shape.slice(1) as unknown as Picture["shape"] });
    }
  }
  return found;
}

/** At most `most` places, evenly over all: datasets are sorted by class. */
export function spread(length: number, most: number): number[] {
  const count = Math.min(length, most);
  return Array.from({ length: count }, (_, i) => Math.floor((i * length) / count));
}
