import { stat } from "node:fs/promises";
import { join } from "node:path";
import { FoveaError } from "../../base/errors.ts";
import type { FileDataset } from "../fileDataset.ts";
import type { DatasetParts } from "../summarize.ts";
import { openBinaryFile, openBinaryFolder, type BinaryKind } from "./binary.ts";
import { cocoDataset } from "./coco.ts";
import { imageFolder } from "./imageFolder.ts";
import { maskFolder } from "./maskFolder.ts";
import { vocDataset } from "./voc.ts";
import { listFolder } from "./walk.ts";

// Node only: nothing that a browser loads imports this file.

/** What a path turned out to hold. */
export type OpenedDataset = DatasetParts & { readonly kind: "classes" | "coco" | "voc" | "masks" | BinaryKind };

export interface OpenOptions {
  /** Whether a problem of a folder of pictures is an error; default false. */
  readonly strict?: boolean;
  /** Of pictures by class; default 3. */
  readonly channels?: 1 | 3;
}

/**
 * Opens a dataset by what is at its path: a COCO `.json`, an `.npz`, a Pascal VOC folder, pictures with masks, the files of
 * MNIST, EMNIST, CIFAR-10, CIFAR-100 or UCI's digits, or pictures in class folders or a CSV list.
 */
export async function openDataset(path: string, options: OpenOptions = {}): Promise<OpenedDataset> {
  const found = await stat(path).catch(() => null);
  if (found === null) throw new FoveaError(`cannot read ${path}: there is no such file or folder; check the path`);
  if (/\.json$/i.test(path))
    return { kind: "coco", train: await cocoDataset(path, { images: await picturesBeside(path) }) };
  if (!found.isDirectory()) {
    const binary = await openBinaryFile(path);
    return binary === null ? { kind: "classes", ...(await imageFolder(path, options)) } : { name: path, ...binary };
  }
  const listing = await listFolder(path);
  const { folders } = listing;
  const has = (...names: string[]) => folders.some((folder) => names.includes(folder.toLowerCase()));
  if (folders.includes("Annotations") && folders.includes("JPEGImages")) return openVoc(path);
  if (has("images", "image", "imgs") && has("masks", "mask", "labels", "label", "annotations")) {
    const train = await maskFolder(path, options);
    return { kind: "masks", train, problems: train.problems };
  }
  const binary = await openBinaryFolder(path, listing);
  return binary === null ? { kind: "classes", ...(await imageFolder(path, options)) } : { name: path, ...binary };
}

/** The train and val lists where they are, else all. */
async function openVoc(path: string): Promise<OpenedDataset> {
  const lists = await listFolder(join(path, "ImageSets/Main")).catch(() => null);
  if (!lists?.files.includes("train.txt")) return { kind: "voc", train: await vocDataset(path) };
  const { classes } = await vocDataset(path);
  const read = (split: string): Promise<FileDataset> => vocDataset(path, { split, classes });
  return {
    kind: "voc",
    train: await read("train"),
    ...(lists.files.includes("val.txt") && { validation: await read("val") }),
    ...(lists.files.includes("test.txt") && { test: await read("test") }),
  };
}

/** COCO keeps annotations/instances_val2017.json beside val2017 or images; else pictures are beside the file. */
async function picturesBeside(annotations: string): Promise<string> {
  const folder = join(annotations, "..");
  const part = /_([a-z]+\d*)\.json$/i.exec(annotations)?.[1] ?? "images";
  for (const other of [
    join(folder, "images"),
    join(folder, "..", part),
    join(folder, "..", "images", part),
    join(folder, "..", "images"),
  ]) {
    if ((await stat(other).catch(() => null))?.isDirectory()) return other;
  }
  return folder;
}
