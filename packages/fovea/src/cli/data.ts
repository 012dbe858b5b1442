import { stat } from "node:fs/promises";
import { join } from "node:path";
import { FoveaError } from "../base/errors.ts";
import { nearest } from "../base/nearest.ts";
import type { ImageDataset } from "../data/dataset.ts";
import { fashionMnist, idxDataset, mnist, type FileSource } from "../data/datasets/mnist.ts";
import { optdigits } from "../data/datasets/optdigits.ts";
import { downloadSource, folderSource, type PublishedDataset } from "../data/datasets/sources.ts";
import { strokes } from "../data/datasets/strokes.ts";

/** A data set by name: its two parts are made when they are asked for. */
export interface DataSource {
  readonly name: string;
  train(): Promise<ImageDataset>;
  test(): Promise<ImageDataset>;
}

export const dataHelp = "strokes (drawn by a program, no download), mnist, fashion-mnist, or a folder with idx files";

const STROKES = { train: 65_000, test: 5_000 };

const readers = { mnist, "fashion-mnist": fashionMnist } as const;
const names = ["strokes", ...Object.keys(readers)];

/** The data of `--data`; nothing is downloaded before it is used, and only what was named. */
export async function openData(data: string, say: (line: string) => void): Promise<DataSource> {
  if (data === "strokes") {
    const make = (split: "train" | "test") => Promise.resolve(strokes({ count: STROKES[split], split }));
    return { name: data, train: () => make("train"), test: () => make("test") };
  }
  if (Object.hasOwn(readers, data)) {
    const name = data as PublishedDataset;
    const source = downloadSource(name, { onProgress: announceOnce(name, say) });
    return { name, train: () => readers[name](source, "train"), test: () => readers[name](source, "test") };
  }
  return openFolder(data);
}

async function openFolder(folder: string): Promise<DataSource> {
  const found = await stat(folder).catch(() => null);
  if (found === null) {
    const near = nearest(folder, names);
    throw new FoveaError(
      `there is no data set and no folder "${folder}"${near === null ? "; data is" : `; did you mean ${near}? Data is`} ${dataHelp}`,
    );
  }
  if (!found.isDirectory()) throw new FoveaError(`--data ${folder} is a file; name the folder with the idx files`);
  const source: FileSource = folderSource(folder);
  const isOptdigits = (await stat(join(folder, "optdigits.tra")).catch(() => null)) !== null;
  const read = (split: "train" | "test") =>
    isOptdigits ? optdigits(source, split) : idxDataset(source, { split, name: folder });
  return { name: folder, train: () => read("train"), test: () => read("test") };
}

function announceOnce(name: string, say: (line: string) => void): () => void {
  let said = false;
  return () => {
    if (!said) say(`downloading ${name} (kept in the cache for the next time)`);
    said = true;
  };
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
