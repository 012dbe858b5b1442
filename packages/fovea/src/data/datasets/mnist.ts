import { FormatError } from "../../base/errors.ts";
import { ImageDataset } from "../dataset.ts";
import { parseIdx } from "../idx.ts";

/**
 * Gives the bytes of one of the named files, and which it was.
 *
 * A dataset says what it needs; where that comes from is another matter: a folder or a download (`sources.ts`, Node),
 * a file picker or `fetch` in a browser.
 */
export type FileSource = (names: readonly string[]) => Promise<{ name: string; bytes: Uint8Array }>;

export interface IdxDatasetOptions {
  readonly split: "train" | "test";
  /** Name for messages and reports; default "idx". */
  readonly name?: string;
  /** Names of the classes; default "0" … the largest label. */
  readonly classes?: readonly string[];
}

const digits = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"] as const;

const clothes = [
  "T-shirt/top",
  "trouser",
  "pullover",
  "dress",
  "coat",
  "sandal",
  "shirt",
  "sneaker",
  "bag",
  "ankle boot",
] as const;

/** MNIST (LeCun, Cortes, Burges): handwritten digits, 60,000 for training and 10,000 for testing. */
export function mnist(source: FileSource, split: "train" | "test"): Promise<ImageDataset> {
  return idxDataset(source, { split, name: "mnist", classes: digits });
}

/** Fashion-MNIST (Xiao, Rasul, Vollgraf, 2017): Zalando articles in MNIST's format. */
export function fashionMnist(source: FileSource, split: "train" | "test"): Promise<ImageDataset> {
  return idxDataset(source, { split, name: "fashion-mnist", classes: clothes });
}

/** Any dataset in four files named as MNIST's, plain or gzip. */
export async function idxDataset(source: FileSource, options: IdxDatasetOptions): Promise<ImageDataset> {
  const { split, name = "idx" } = options;
  const { images, labels, shape, labelsName } = await readIdxPair(source, split);
  const classes = options.classes ?? Array.from({ length: largest(labels) + 1 }, (_, label) => String(label));
  const wrong = labels.findIndex((label) => label >= classes.length);
  if (wrong >= 0) {
    throw new FormatError(
      `${labelsName}: label ${labels[wrong]} of image ${wrong} is out of range; ${name} has ${classes.length} classes`,
    );
  }
  return new ImageDataset({ name: `${name} ${split}`, images, labels, shape, classes });
}

/** The images and labels of one part, which belong together. */
export async function readIdxPair(source: FileSource, split: "train" | "test") {
  const imagesFile = await source(fileNames(split, "images"));
  const labelsFile = await source(fileNames(split, "labels"));
  const images = await parseIdx(imagesFile.bytes, imagesFile.name);
  const labels = await parseIdx(labelsFile.bytes, labelsFile.name);
  if (!(images.data instanceof Uint8Array) || images.shape.length !== 3) {
    throw new FormatError(
      `${imagesFile.name} holds [${images.shape.join(", ")}] ${images.data.constructor.name} elements; wanted bytes [N, height, width]`,
    );
  }
  if (!(labels.data instanceof Uint8Array) || labels.shape.length !== 1) {
    throw new FormatError(
      `${labelsFile.name} holds [${labels.shape.join(", ")}] ${labels.data.constructor.name} elements; wanted bytes [N]`,
    );
  }
  const [count, height, width] = images.shape as [number, number, number];
  if (count !== labels.data.length) {
    throw new FormatError(
      `${imagesFile.name} has ${count} images, but ${labelsFile.name} has ${labels.data.length} labels; they do not belong together`,
    );
  }
  const shape = [1, height, width] as const;
  return { images: images.data, labels: labels.data, shape, labelsName: labelsFile.name };
}

/** MNIST's names, as published and as many tools unpack them. */
export function fileNames(split: "train" | "test", part: "images" | "labels"): string[] {
  const stem = split === "train" ? "train" : "t10k";
  const kind = part === "images" ? "idx3" : "idx1";
  const plain = [`${stem}-${part}-${kind}-ubyte`, `${stem}-${part}.${kind}-ubyte`];
  return [...plain, ...plain.map((name) => `${name}.gz`)];
}

function largest(values: Uint8Array): number {
  return values.reduce((most, value) => Math.max(most, value), 0);
}
