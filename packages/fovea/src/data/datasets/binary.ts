import { basename, dirname, join } from "node:path";
import { FormatError, FoveaError } from "../../base/errors.ts";
import { readFile } from "../../io/files.ts";
import { parseNpz } from "../../io/npz.ts";
import type { ArrayDataset } from "../arrayDataset.ts";
import type { AnySample, Dataset } from "../sample.ts";
import { cifar10, cifar10Batches, cifar100 } from "./cifar.ts";
import { emnist, isEmnistPart, type EmnistPart } from "./emnist.ts";
import { idxDataset, type FileSource } from "./mnist.ts";
import { npzPictures, npzSplits } from "./npzDataset.ts";
import { optdigits } from "./optdigits.ts";
import { folderSource } from "./sources.ts";
import { listFolder, type Listing } from "./walk.ts";

// Node only: nothing that a browser loads imports this file.

/** Data sets that are published as few files with many pictures. */
export type BinaryKind = "idx" | "emnist" | "cifar10" | "cifar100" | "optdigits" | "npz";

export interface BinaryDataset {
  readonly kind: BinaryKind;
  readonly train: Dataset<AnySample>;
  readonly validation?: Dataset<AnySample>;
  readonly test?: Dataset<AnySample>;
  /** What is missing, in words. */
  readonly problems?: readonly string[];
}

/** The data set that the names of a folder's files tell of; null where they tell of none. */
export async function openBinaryFolder(folder: string, { files, folders }: Listing): Promise<BinaryDataset | null> {
  const source = folderSource(folder);
  const plain = new Set(files.map((name) => name.replace(/\.gz$/, "")));
  const inside = (name: string) => folders.includes(name);
  if (inside("cifar-10-batches-bin") || inside("cifar-100-binary")) {
    const path = join(folder, inside("cifar-10-batches-bin") ? "cifar-10-batches-bin" : "cifar-100-binary");
    return openBinaryFolder(path, await listFolder(path));
  }
  if ([...plain].some((name) => name === "test_batch.bin" || cifar10Batches.includes(name))) {
    return openCifar10(folder, source, plain);
  }
  if (plain.has("train.bin")) {
    const test = plain.has("test.bin") && { test: await cifar100(source, "test") };
    return { kind: "cifar100", train: await cifar100(source, "train"), ...test };
  }
  if (plain.has("optdigits.tra") || plain.has("optdigits.tes")) return inTwo("optdigits", (s) => optdigits(source, s));
  const parts = emnistParts(files);
  if (parts.length === 1) return inTwo("emnist", (split) => emnist(source, parts[0]!, split));
  if (parts.length > 1) {
    const file = files.find((name) => name.startsWith(`emnist-${parts[0]}-`))!;
    throw new FoveaError(
      `${folder} has several parts of EMNIST (${parts.join(", ")}); name one by a file: ${join(folder, file)}`,
    );
  }
  if (files.some((name) => /^(train|t10k)-(images|labels)/.test(name))) {
    return inTwo("idx", (split) => idxDataset(source, { split, name: folder }));
  }
  const archives = files.filter((name) => /\.npz$/i.test(name));
  if (archives.length === 1 && folders.length === 0) return openNpz(join(folder, archives[0]!));
  return null;
}

/** The data set that a file stands for: an archive, or a part of EMNIST by one of its files; null where it is another file. */
export async function openBinaryFile(path: string): Promise<BinaryDataset | null> {
  if (/\.npz$/i.test(path)) return openNpz(path);
  const [part] = emnistParts([basename(path)]);
  if (part === undefined) return null;
  return inTwo("emnist", (split) => emnist(folderSource(dirname(path)), part, split));
}

/** An archive of arrays as `numpy.savez` writes it: x_train, y_train, x_test, y_test as Keras has them, or x and y. */
async function openNpz(path: string): Promise<BinaryDataset> {
  const { train, validation, test } = npzSplits(parseNpz(await readFile(path), path), path);
  const asPictures = (data: ArrayDataset) => npzPictures(data) ?? data;
  return {
    kind: "npz",
    train: asPictures(train),
    ...(validation && { validation: asPictures(validation) }),
    ...(test && { test: asPictures(test) }),
  };
}

/** Training on those of the five files that are there. */
async function openCifar10(folder: string, source: FileSource, files: ReadonlySet<string>): Promise<BinaryDataset> {
  const missing = cifar10Batches.filter((name) => !files.has(name));
  const there = cifar10Batches.filter((name) => files.has(name));
  if (there.length === 0) {
    throw new FormatError(`${folder} has CIFAR-10's test_batch.bin, but none of ${cifar10Batches.join(", ")}; add one`);
  }
  const problems = [
    ...(missing.length > 0 ? [`${folder} has no ${missing.join(", ")}: training is on ${there.join(", ")} alone`] : []),
    ...(files.has("test_batch.bin") ? [] : [`${folder} has no test_batch.bin: there is no test part`]),
  ];
  return {
    kind: "cifar10",
    train: await cifar10(source, "train", { batches: there }),
    ...(files.has("test_batch.bin") && { test: await cifar10(source, "test") }),
    problems,
  };
}

function emnistParts(files: readonly string[]): EmnistPart[] {
  const names = files.flatMap((name) => /^emnist-(\w+)-(?:train|test)-(?:images|labels)/.exec(name)?.[1] ?? []);
  return [...new Set(names)].filter(isEmnistPart);
}

async function inTwo(
  kind: BinaryKind,
  read: (split: "train" | "test") => Promise<Dataset<AnySample>>,
): Promise<BinaryDataset> {
  return { kind, train: await read("train"), test: await read("test") };
}
