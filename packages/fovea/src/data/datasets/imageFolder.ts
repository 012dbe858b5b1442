import { dirname, extname, isAbsolute, join, relative, resolve } from "node:path";
import { FormatError, FoveaError } from "../../base/errors.ts";
import { nearest } from "../../base/nearest.ts";
import { readFile } from "../../io/files.ts";
import type { PictureEntry } from "../entry.ts";
import { FileDataset } from "../fileDataset.ts";
import { parseCsv } from "./csv.ts";
import { isPicture, listFolder, walkFiles } from "./walk.ts";

// Node only: nothing that a browser loads imports this file.

export interface ImageFolderOptions {
  /** 3 (RGB, default) or 1 (grey). */
  readonly channels?: 1 | 3;
  /** Whether what would be reported (empty class folders, files that are no pictures) is an error; default false. */
  readonly strict?: boolean;
}

/** The parts of a dataset that is a folder. */
export interface ImageFolder {
  /** The path that was opened. */
  readonly name: string;
  /** Names of the classes, sorted: class i is `classes[i]`, in each part. */
  readonly classes: readonly string[];
  /** All pictures, where the folder has no parts. */
  readonly train: FileDataset;
  readonly validation?: FileDataset;
  readonly test?: FileDataset;
  /** What was passed over, in words. */
  readonly problems: readonly string[];
}

type Part = "train" | "validation" | "test";

const partNames: Readonly<Record<string, Part>> = {
  train: "train",
  training: "train",
  val: "validation",
  valid: "validation",
  validation: "validation",
  dev: "validation",
  test: "test",
  testing: "test",
};

/** Files by class, in the order of the classes. */
type Classes = ReadonlyMap<string, readonly string[]>;

/**
 * Pictures in folders named after their classes, or listed in a CSV file.
 *
 * - `folder/class/…/picture.jpg`, at any depth below the class;
 * - `folder/train/class/…`, with `val` (`valid`, `validation`, `dev`) and `test` beside it;
 * - a CSV file with the columns `file` and `label`, and perhaps `split` (train, val or test), or the first two columns of one
 *   without such a head; paths start at the CSV's folder. A folder that has one CSV file with these columns is read by it.
 *
 * Pictures are JPEG, PNG and WebP files by name, and are read when they are asked for. Hidden files are passed over, and a
 * folder to which links lead back is visited once.
 *
 * @throws FoveaError where there are no pictures; FormatError where a part has a class that `train` has not.
 */
export async function imageFolder(path: string, options: ImageFolderOptions = {}): Promise<ImageFolder> {
  const { channels = 3, strict = false } = options;
  const problems: string[] = [];
  const report = (problem: string) => {
    if (strict) throw new FormatError(problem);
    problems.push(problem);
  };
  const csv = await findCsv(path);
  const parts = csv === null ? await readParts(path, report) : await readList(csv, report);
  const train = parts.get("train");
  if (train === undefined) {
    throw new FoveaError(
      `${path} has no training pictures; wanted ${join(path, "<class>/*.jpg")}, ${join(path, "train/<class>/*.jpg")}, or a CSV file of file,label`,
    );
  }
  const classes = [...train.keys()].toSorted();
  checkClasses(parts, classes, path, report);
  const make = (part: Part) => {
    const files = parts.get(part);
    if (files === undefined) return {};
    const entries = classes.flatMap((name, label) =>
      (files.get(name) ?? []).map((file): PictureEntry => ({
        kind: "picture",
        file,
        label,
        ...(channels === 1 && { channels }),
      })),
    );
    return { [part]: new FileDataset({ name: `${path} ${part}`, folder: path, classes, entries }) };
  };
  return {
    name: path,
    classes,
    ...(make("train") as { train: FileDataset }),
    ...make("validation"),
    ...make("test"),
    problems,
  };
}

/** The list that a folder is read by, or the path itself. */
async function findCsv(path: string): Promise<string | null> {
  if (extname(path).toLowerCase() === ".csv") return path;
  const lists = (await listFolder(path)).files.filter((name) => extname(name).toLowerCase() === ".csv");
  if (lists.length !== 1) return null;
  const list = join(path, lists[0]!);
  const head = new TextDecoder().decode(await readFile(list)).split(/[\r\n]/, 1)[0]!;
  return /\bfile\b/i.test(head) && /\blabel\b/i.test(head) ? list : null;
}

async function readParts(folder: string, report: (problem: string) => void): Promise<Map<Part, Classes>> {
  const { folders } = await listFolder(folder);
  const part = (name: string): Part | undefined => partNames[name.toLowerCase()];
  const inParts = folders.some((name) => part(name) === "train") && folders.every((name) => part(name) !== undefined);
  if (!inParts) {
    const classes = await readClasses(folder, report);
    return new Map(classes.size > 0 ? [["train", classes]] : []);
  }
  const parts = new Map<Part, Classes>();
  for (const name of folders) {
    if (parts.has(part(name)!)) throw new FormatError(`${folder} has two folders for ${part(name)}; keep one of them`);
    const classes = await readClasses(join(folder, name), report);
    if (classes.size > 0) parts.set(part(name)!, classes);
    else report(`${join(folder, name)} has no class folders with pictures: left out`);
  }
  return parts;
}

async function readClasses(folder: string, report: (problem: string) => void): Promise<Classes> {
  const { folders, files } = await listFolder(folder);
  const stray = files.filter(isPicture);
  if (stray.length > 0) {
    report(`${countOf(stray, "picture")} directly in ${folder} (${some(stray)}) without a class folder: left out`);
  }
  const classes = new Map<string, readonly string[]>();
  for (const name of folders) {
    const all = await walkFiles(join(folder, name));
    const pictures = all.filter(isPicture);
    const others = all.filter((file) => !isPicture(file)).map((file) => relative(folder, file));
    if (others.length > 0) {
      report(`${countOf(others, "file")} in ${folder} (${some(others)}), no JPEG, PNG or WebP by name: left out`);
    }
    if (pictures.length > 0) classes.set(name, pictures);
    else report(`the class folder ${join(folder, name)} has no pictures: there is no class ${name}`);
  }
  return classes;
}

async function readList(csv: string, report: (problem: string) => void): Promise<Map<Part, Classes>> {
  const rows = parseCsv(new TextDecoder().decode(await readFile(csv)), csv);
  const head = rows[0]?.map((name) => name.trim().toLowerCase()) ?? [];
  const named = head.includes("file") && head.includes("label");
  const [file, label, split] = named ? ["file", "label", "split"].map((name) => head.indexOf(name)) : [0, 1, 2];
  const parts = new Map<Part, Map<string, string[]>>();
  for (const [i, row] of rows.entries()) {
    if (named && i === 0) continue;
    const [path, name] = [row[file!]?.trim() ?? "", row[label!]?.trim() ?? ""];
    const part = partNames[(split! < 0 ? "" : (row[split!] ?? "")).trim().toLowerCase() || "train"];
    if (path === "" || name === "" || part === undefined) {
      throw new FormatError(
        `${csv}: row ${i + 1} is ${JSON.stringify(row.join(","))}; wanted file,label and perhaps a split: train, val or test`,
      );
    }
    if (!isPicture(path)) {
      report(`${path} of ${csv} is no JPEG, PNG or WebP by name: left out`);
      continue;
    }
    if (!parts.has(part)) parts.set(part, new Map());
    const classes = parts.get(part)!;
    const full = isAbsolute(path) ? path : join(dirname(resolve(csv)), path);
    if (classes.has(name)) classes.get(name)!.push(full);
    else classes.set(name, [full]);
  }
  return parts;
}

/** Each part must have the classes of `train`. */
function checkClasses(
  parts: ReadonlyMap<Part, Classes>,
  classes: readonly string[],
  path: string,
  report: (problem: string) => void,
): void {
  for (const [part, files] of parts) {
    for (const name of files.keys()) {
      if (classes.includes(name)) continue;
      const near = classes.find((other) => other.toLowerCase() === name.toLowerCase()) ?? nearest(name, classes);
      throw new FormatError(
        `${path}: ${part} has a class ${JSON.stringify(name)} that train does not have (train: ${some(classes)})` +
          `${near === null ? "; add it to train, or take it out" : `; did you mean ${JSON.stringify(near)}? Rename it`}`,
      );
    }
    const missing = classes.filter((name) => !files.has(name));
    if (missing.length > 0) report(`${path}: ${part} has no pictures of ${some(missing)}, which train has`);
  }
}

const countOf = (list: readonly string[], what: string) => `${list.length} ${what}${list.length === 1 ? "" : "s"}`;

/** A few of a list in words. */
function some(names: readonly string[], most = 5): string {
  const rest = names.length - most;
  return names.slice(0, most).join(", ") + (rest > 0 ? ` and ${rest} more` : "");
}
