import { stat } from "node:fs/promises";
import { FoveaError } from "../base/errors.ts";
import { RandomStream } from "../base/random.ts";
import { nearest } from "../base/nearest.ts";
import { ArrayDataset } from "../data/arrayDataset.ts";
import { ImageDataset } from "../data/dataset.ts";
import { fashionMnist, mnist } from "../data/datasets/mnist.ts";
import { openDataset, type OpenedDataset } from "../data/datasets/open.ts";
import { downloadSource, type PublishedDataset } from "../data/datasets/sources.ts";
import { strokes } from "../data/datasets/strokes.ts";
import type { AnySample, Dataset, Sample } from "../data/sample.ts";
import { split } from "../data/subset.ts";
import * as transforms from "../data/transforms/index.ts";
import type { Transform } from "../data/transforms/index.ts";
import { readableParts, type PictureParts } from "./readableParts.ts";

/** Channels, height and width of a network's input. */
export type ImageShape = readonly [channels: number, height: number, width: number];

/** A data set by name: its parts are made when they are asked for. */
export interface DataSource {
  readonly name: string;
  /** What a network with inputs of some shape, which may depend on the classes, is trained and chosen on. */
  training(shapeOf: (classes: readonly string[]) => ImageShape): Promise<TrainingData>;
  /** All training pictures; those of folders are made to fit the shape. */
  train(shape: ImageShape): Promise<ImageDataset>;
  test(shape: ImageShape): Promise<ImageDataset>;
}

export interface TrainingData {
  readonly train: Dataset;
  /** Makes the training pictures as large as the network takes them; empty where they are. */
  readonly fit: readonly Transform[];
  readonly validation: ImageDataset;
  readonly test: ImageDataset;
}

export const dataHelp =
  "strokes (drawn by a program, no download), mnist, fashion-mnist, a folder of pictures by class or a CSV list of them, a folder " +
  "with the files of MNIST, EMNIST, CIFAR-10, CIFAR-100 or UCI's digits, or an .npz";

const STROKES = { train: 65_000, test: 5_000 };

const readers = { mnist, "fashion-mnist": fashionMnist } as const;
const names = ["strokes", ...Object.keys(readers)];

/** The data of `--data`; nothing is downloaded before it is used, and only what was named. */
export async function openData(data: string, say: (line: string) => void, strict = false): Promise<DataSource> {
  if (data === "strokes") {
    return inParts(data, (split) => Promise.resolve(strokes({ count: STROKES[split], split })));
  }
  if (Object.hasOwn(readers, data)) {
    const name = data as PublishedDataset;
    const source = downloadSource(name, { onProgress: announceOnce(name, say) });
    return inParts(name, (split) => readers[name](source, split));
  }
  return openFolder(data, say, strict);
}

async function openFolder(folder: string, say: (line: string) => void, strict: boolean): Promise<DataSource> {
  if ((await stat(folder).catch(() => null)) === null) {
    const near = nearest(folder, names);
    throw new FoveaError(
      `there is no data set and no folder "${folder}"${near === null ? "; data is" : `; did you mean ${near}? Data is`} ${dataHelp}`,
    );
  }
  const found = await openDataset(folder, { strict });
  if (found.kind === "classes") return pictureSource(folder, found, say, strict);
  const { train, validation = null, test = null, problems = [] } = found;
  for (const problem of problems) say(`note: ${problem}`);
  return inMemorySource(folder, {
    train: picturesIn(train, folder),
    validation: validation && picturesIn(validation, folder),
    test: test && picturesIn(test, folder),
  });
}

/** Only pictures with a class each can be learnt from here. */
function picturesIn(data: Dataset<AnySample>, folder: string): ImageDataset {
  if (data instanceof ImageDataset) return data;
  const what =
    data instanceof ArrayDataset
      ? `[${[data.length, ...data.shape].join(", ")}] numbers${data.labels ? "" : " without classes"}`
      : "pictures with boxes or masks";
  throw new FoveaError(
    `${folder} holds ${what}; this command takes pictures with a class each (of an .npz: x_train of bytes [N, H, W] or ` +
      "[N, H, W, C], and y_train)",
  );
}

interface InMemory {
  readonly train: ImageDataset;
  readonly validation: ImageDataset | null;
  readonly test: ImageDataset | null;
}

/** Data in memory that are as they are; without a test part a sixth of the training pictures is it. */
function inMemorySource(name: string, { train: all, validation: given, test: apart }: InMemory): DataSource {
  if (apart !== null) return inParts(name, (split) => Promise.resolve(split === "train" ? all : apart), given);
  const [train, rest] = all.split(5 / 6);
  const { images, labels, shape, classes } = rest;
  const test = new ImageDataset({ name: `${all.name}, held out`, images, labels, shape, classes });
  return inParts(name, (split) => Promise.resolve(split === "train" ? train : test), given);
}

/** Data that are as they are, read when they are asked for. */
function inParts(
  name: string,
  read: (split: "train" | "test") => Promise<ImageDataset>,
  given: ImageDataset | null = null,
): DataSource {
  return {
    name,
    async training() {
      const [all, test] = [await read("train"), await read("test")];
      return given === null ? { ...holdOut(all), fit: [], test } : { train: all, validation: given, fit: [], test };
    },
    train: () => read("train"),
    test: () => read("test"),
  };
}

/** Pictures by class: trained on as they lie there, validated and tested on in the size of the network. */
function pictureSource(
  folder: string,
  opened: OpenedDataset,
  say: (line: string) => void,
  strict: boolean,
): DataSource {
  const open = async (shapeOf: (classes: readonly string[]) => ImageShape): Promise<PictureParts> => {
    const grey = shapeOf(opened.train.classes)[0] === 1;
    return (grey ? await openDataset(folder, { channels: 1, strict }) : opened) as PictureParts;
  };
  return {
    name: folder,
    async training(shapeOf) {
      const found = await open(shapeOf);
      const { classes } = found.train;
      const { train: all, validation: given, test: last } = await readableParts(found, say, strict);
      const shape = shapeOf(classes);
      const [train, apart] = given === undefined ? split(all, 0.8) : [all, given];
      // Where the folder has no parts, a tenth of each class decides, and another one is the test.
      const halves = given === undefined && last === undefined && apart.length >= 2 * classes.length;
      const [validation, test] = halves ? split(apart, 0.5) : [apart, last ?? apart];
      const same = validation === test;
      if (same) say(`${folder} has no test pictures: those of the validation are the test too`);
      const chosen = await inMemory(validation, shape, say);
      const fit = [transforms.resize({ size: [shape[1], shape[2]] })];
      return { train, fit, validation: chosen, test: same ? chosen : await inMemory(test, shape, say) };
    },
    train: async (shape) => inMemory((await open(() => shape)).train, shape, say),
    async test(shape) {
      const { train, validation = train, test = validation } = await open(() => shape);
      return inMemory(test, shape, say);
    },
  };
}

function announceOnce(name: string, say: (line: string) => void): () => void {
  let said = false;
  return () => {
    if (!said) say(`downloading ${name} (kept in the cache for the next time)`);
    said = true;
  };
}

/** Pictures in the size of a network, as bytes; those that cannot be read are told and left out. */
async function inMemory(data: Dataset, shape: ImageShape, say: (line: string) => void): Promise<ImageDataset> {
  const [channels, height, width] = shape;
  const size = channels * height * width;
  const fit = transforms.resize({ size: [height, width] });
  const random = new RandomStream(0); // resizing draws nothing
  const images: Uint8Array[] = [];
  const labels: number[] = [];
  for (let i = 0; i < data.length; i++) {
    const sample = await readSample(data, i, say);
    if (sample === null) continue;
    const { pixels } = fit.apply(sample, random).image;
    const planes = new Uint8Array(size);
    for (let at = 0; at < height * width; at++) {
      for (let c = 0; c < channels; c++) planes[c * height * width + at] = pixels[at * channels + c]!;
    }
    images.push(planes);
    labels.push(sample.label ?? 0);
  }
  if (images.length === 0) throw new FoveaError(`${data.name}: not one picture can be read`);
  const all = new Uint8Array(images.length * size);
  images.forEach((image, i) => all.set(image, i * size));
  return new ImageDataset({
    name: data.name,
    images: all,
    labels: Int32Array.from(labels),
    shape,
    classes: data.classes,
  });
}

async function readSample(data: Dataset, index: number, say: (line: string) => void): Promise<Sample | null> {
  try {
    return await data.sample(index);
  } catch (error) {
    if (!(error instanceof FoveaError)) throw error;
    say(`left out: ${error.message}`);
    return null;
  }
}

/** Images held out of the training data to choose the best epoch by: a tenth, at most 5,000. */
export function holdOut(data: ImageDataset): { train: ImageDataset; validation: ImageDataset } {
  if (data.length < 2) throw new FoveaError(`${data.name} has ${data.length} images; training needs at least 2`);
  const count = Math.min(5000, Math.max(1, Math.floor(data.length / 11)));
  const [train, validation] = data.split(1 - count / data.length);
  return { train, validation };
}

/** A short name for `--data`: of a folder its last part. */
export function dataStem(data: string): string {
  return (
    data
      .replace(/[/\\]+$/, "")
      .replace(/^.*[/\\]/, "")
      .replace(/[^\w-]+/g, "") || "data"
  );
}
