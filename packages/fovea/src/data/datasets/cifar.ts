import { FormatError } from "../../base/errors.ts";
import { ImageDataset } from "../dataset.ts";
import { unpackGzip } from "./gzip.ts";
import type { FileSource } from "./mnist.ts";

const SIDE = 32;
const PIXELS = 3 * SIDE * SIDE;

const classes10 = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"] as const;

/** The files of CIFAR-10's training pictures, 10,000 each. */
export const cifar10Batches: readonly string[] = [1, 2, 3, 4, 5].map((k) => `data_batch_${k}.bin`);

export interface Cifar10Options {
  /** Training files to read; default all five of `cifar10Batches`. */
  readonly batches?: readonly string[];
}

export interface Cifar100Options {
  /** "fine" (100 classes, default) or "coarse" (20). */
  readonly labels?: "fine" | "coarse";
}

/** CIFAR-10 (Krizhevsky, 2009), binary version: 50,000 pictures for training in five files, 10,000 for testing. */
export async function cifar10(
  source: FileSource,
  split: "train" | "test",
  { batches = cifar10Batches }: Cifar10Options = {},
): Promise<ImageDataset> {
  const names = split === "train" ? batches : ["test_batch.bin"];
  const parts: ImageDataset[] = [];
  for (const name of names) {
    const file = await source([name, `${name}.gz`, `cifar-10-batches-bin/${name}`]);
    parts.push(await parseCifar(file.bytes, { name: file.name, classes: classes10 }));
  }
  return join(parts, `cifar10 ${split}`);
}

/** CIFAR-100 (Krizhevsky, 2009), binary version. Classes have the names of their files where those are beside. */
export async function cifar100(
  source: FileSource,
  split: "train" | "test",
  { labels = "fine" }: Cifar100Options = {},
): Promise<ImageDataset> {
  const inFolder = (name: string) => [name, `${name}.gz`, `cifar-100-binary/${name}`];
  const file = await source(inFolder(`${split}.bin`));
  const count = labels === "fine" ? 100 : 20;
  const named = await source(inFolder(`${labels}_label_names.txt`)).catch(() => null);
  const lines = named === null ? [] : new TextDecoder().decode(named.bytes).trim().split(/\s+/);
  const classes = lines.length === count ? lines : Array.from({ length: count }, (_, label) => String(label));
  const data = await parseCifar(file.bytes, {
    name: file.name,
    classes,
    labelBytes: 2,
    labelByte: labels === "fine" ? 1 : 0,
  });
  return join([data], `cifar100 ${split}`);
}

export interface CifarOptions {
  readonly name: string;
  readonly classes: readonly string[];
  /** Bytes before each picture; default 1. */
  readonly labelBytes?: number;
  /** Which of them is the class; default 0. */
  readonly labelByte?: number;
}

/** Reads one file of CIFAR's binary version, plain or gzip: class, then 32 × 32 bytes each of red, green and blue, again and again. */
export async function parseCifar(
  bytes: Uint8Array,
  { name, classes, labelBytes = 1, labelByte = 0 }: CifarOptions,
): Promise<ImageDataset> {
  const raw = await unpackGzip(bytes, name);
  const record = labelBytes + PIXELS;
  const count = raw.length / record;
  if (count === 0 || !Number.isInteger(count)) {
    throw new FormatError(
      `${name} is not a sound CIFAR file: ${raw.length} bytes are no whole number of pictures of ${record} (is it cut short?)`,
    );
  }
  const images = new Uint8Array(count * PIXELS);
  const labels = new Uint8Array(count);
  for (let i = 0; i < count; i++) {
    labels[i] = raw[i * record + labelByte]!;
    images.set(raw.subarray(i * record + labelBytes, (i + 1) * record), i * PIXELS);
  }
  return new ImageDataset({ name, images, labels, shape: [3, SIDE, SIDE], classes });
}

function join(parts: readonly ImageDataset[], name: string): ImageDataset {
  const { shape, classes } = parts[0]!;
  const count = parts.reduce((sum, { length }) => sum + length, 0);
  const images = new Uint8Array(count * PIXELS);
  const labels = new Uint8Array(count);
  let at = 0;
  for (const part of parts) {
    images.set(part.images, at * PIXELS);
    labels.set(part.labels, at);
    at += part.length;
  }
  return new ImageDataset({ name, images, labels, shape, classes });
}
