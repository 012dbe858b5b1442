import { createHash } from "node:crypto";
import { FoveaError } from "../base/errors.ts";
import { readFile } from "../io/files.ts";
import { alikeGroups, equalGroups, lookOf, type Look } from "./duplicates.ts";
import { filesOf } from "./entry.ts";
import { decodeImage, readSize } from "./readImage.ts";
import type { AnySample, Dataset } from "./sample.ts";

// Node only: nothing that a browser loads imports this file.

export type PartName = "train" | "validation" | "test";

/** A dataset in its parts, as `imageFolder` gives it. */
export type DatasetParts = { readonly name?: string; readonly train: Dataset<AnySample> } & {
  readonly [part in "validation" | "test"]?: Dataset<AnySample>;
} & { readonly problems?: readonly string[] };

export interface SummarizeOptions {
  /** Whether pictures that look alike are looked for, beside equal ones; default true. */
  readonly near?: boolean;
  readonly signal?: AbortSignal;
  onProgress?(done: number, total: number): void;
}

/** One sample, as messages name it. */
export interface Found {
  readonly part: PartName;
  readonly index: number;
  readonly name: string;
  /** Class, −1 where it has none. */
  readonly label: number;
}

export interface DatasetSummary {
  readonly name: string;
  readonly classes: readonly string[];
  /** Samples of each part, and how many there are of each class (boxes, where pictures have boxes and no class). */
  readonly parts: readonly { readonly part: PartName; readonly samples: number; readonly counts: readonly number[] }[];
  /** What `counts` are of. */
  readonly counted: "pictures" | "boxes";
  /** Most pictures of a class of `train` to fewest. */
  readonly imbalance: number;
  /** Smallest, middle and largest width and height in pixels, and how many sizes there are; null without pictures. */
  readonly sizes: { readonly width: Range; readonly height: Range; readonly different: number } | null;
  readonly unreadable: readonly (Found & { readonly why: string })[];
  /** Groups of equal files. */
  readonly duplicates: readonly (readonly Found[])[];
  /** Groups of pictures that look alike (of at least 64 pixels a side) and are not equal files. */
  readonly near: readonly (readonly Found[])[];
  /** Groups of both kinds whose members are in several parts: what is measured on them is worth little. */
  readonly leaks: readonly (readonly Found[])[];
  /** Groups of both kinds with several classes: some labels are wrong. */
  readonly conflicts: readonly (readonly Found[])[];
  /** What a classifier cannot be trained with, in words. */
  readonly errors: readonly string[];
  /** What should be looked at, in words. */
  readonly warnings: readonly string[];
  /** What could be done about it. */
  readonly suggestions: readonly string[];
}

export type Range = readonly [least: number, median: number, most: number];

/** Smaller pictures look alike too easily. */
const LOOK_FROM = 64;
const AT_ONCE = 16;

interface Seen extends Found {
  readonly hash: string | null;
  readonly look: Look | null;
  readonly size: readonly [width: number, height: number] | null;
  readonly why: string | null;
}

/**
 * Looks at every sample: classes and their balance, sizes, files that cannot be read, and pictures that are there twice, in
 * several parts, or under several labels. A bad file is told, never fatal.
 */
export async function summarizeDataset(data: DatasetParts, options: SummarizeOptions = {}): Promise<DatasetSummary> {
  const { near: wanted = true, signal, onProgress } = options;
  const parts = (["train", "validation", "test"] as const).flatMap((part) =>
    data[part] ? [[part, data[part]] as const] : [],
  );
  const total = parts.reduce((sum, [, { length }]) => sum + length, 0);
  const found: Seen[] = [];
  for (const [part, dataset] of parts) {
    for (let start = 0; start < dataset.length; start += AT_ONCE) {
      signal?.throwIfAborted();
      const count = Math.min(AT_ONCE, dataset.length - start);
      found.push(
        ...(await Promise.all(Array.from({ length: count }, (_, k) => lookAt(part, dataset, start + k, wanted)))),
      );
      onProgress?.(found.length, total);
    }
  }
  const bare = (groups: readonly number[][]) => groups.map((group) => group.map((i) => bareOf(found[i]!)));
  const equal = equalGroups(found.map(({ hash }) => hash));
  const firsts = new Set(equal.flatMap((group) => group.slice(1))); // of equal files, one is compared with others
  const alike = alikeGroups(found.map(({ look }, i) => (firsts.has(i) ? null : look)));
  const [duplicates, near] = [bare(equal), bare(alike)];
  const several = (groups: readonly (readonly Found[])[], key: "part" | "label") =>
    groups.filter((group) => new Set(group.map((one) => one[key])).size > 1);
  const unreadable = found.flatMap((one) => (one.why === null ? [] : [{ ...bareOf(one), why: one.why }]));
  const facts = {
    name: data.name ?? data.train.name,
    classes: data.train.classes,
    ...countClasses(parts),
    sizes: sizesOf(found.flatMap(({ size }) => (size === null ? [] : [size]))),
    unreadable,
    duplicates,
    near,
    leaks: several([...duplicates, ...near], "part"),
    conflicts: several([...duplicates, ...near], "label"),
  };
  return { ...facts, ...judge(facts, data.problems ?? []) };
}

/** Throws what keeps a classifier from being trained: no pictures, one class only, a class without readable pictures. */
export function requireTrainable({ name, errors }: Pick<DatasetSummary, "name" | "errors">): void {
  if (errors.length > 0) throw new FoveaError(`${name} cannot be trained with: ${errors.join("; ")}`);
}

async function lookAt(part: PartName, dataset: Dataset<AnySample>, index: number, wanted: boolean): Promise<Seen> {
  const name = dataset.nameOf?.(index) ?? `sample ${index} of ${dataset.name}`;
  const one = { part, index, name, label: dataset.labels?.[index] ?? -1 };
  try {
    const entry = dataset.entry?.(index);
    if (entry?.kind !== "picture") return { ...one, ...(await lookAtSample(await dataset.sample(index))), why: null };
    const [bytes, ...more] = await Promise.all(filesOf(entry).map((file) => readFile(file)));
    const size = await readSize(bytes!, entry.file);
    const image = await decodeImage(bytes!, entry.file, { maxSide: LOOK_FROM });
    for (const [k, mask] of more.entries()) await decodeImage(mask, filesOf(entry)[k + 1]!, { maxSide: LOOK_FROM });
    const look = wanted && Math.min(...size) >= LOOK_FROM ? lookOf(image) : null;
    return { ...one, hash: hashOf(bytes!), look, size, why: null };
  } catch (error) {
    if (!(error instanceof FoveaError)) throw error;
    return { ...one, hash: null, look: null, size: null, why: error.message };
  }
}

function lookAtSample(sample: AnySample): Pick<Seen, "hash" | "look" | "size"> {
  if (!("image" in sample))
    return {
      hash: hashOf(new Uint8Array(sample.x.buffer, sample.x.byteOffset, sample.x.byteLength)),
      look: null,
      size: null,
    };
  const { width, height, pixels } = sample.image;
  return { hash: `${width} ${hashOf(pixels)}`, look: null, size: [width, height] };
}

const hashOf = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("base64");

const bareOf = ({ part, index, name, label }: Seen): Found => ({ part, index, name, label });

function countClasses(parts: readonly (readonly [PartName, Dataset<AnySample>])[]) {
  const boxes = parts.every(([, { labels, entry }]) => labels === undefined && entry !== undefined);
  const counted = parts.map(([part, dataset]) => {
    const counts = dataset.classes.map(() => 0);
    const count = (label: number) => {
      if (label in counts) counts[label] = counts[label]! + 1;
    };
    for (let i = 0; i < dataset.length; i++) {
      const entry = boxes ? dataset.entry!(i) : undefined;
      if (entry?.kind === "picture") for (const { label } of entry.boxes ?? []) count(label);
      else if (dataset.labels !== undefined) count(dataset.labels[i]!);
    }
    return { part, samples: dataset.length, counts };
  });
  const counts = counted[0]?.counts ?? [];
  const imbalance = counts.length === 0 ? 1 : Math.max(...counts) / Math.max(1, Math.min(...counts));
  return { parts: counted, counted: boxes ? ("boxes" as const) : ("pictures" as const), imbalance };
}

function sizesOf(sizes: readonly (readonly [number, number])[]): DatasetSummary["sizes"] {
  if (sizes.length === 0) return null;
  const range = (axis: 0 | 1): Range => {
    const sorted = sizes.map((size) => size[axis]).toSorted((a, b) => a - b);
    return [sorted[0]!, sorted[sorted.length >> 1]!, sorted.at(-1)!];
  };
  return { width: range(0), height: range(1), different: new Set(sizes.map(String)).size };
}

type Facts = Omit<DatasetSummary, "errors" | "warnings" | "suggestions">;

function judge(facts: Facts, problems: readonly string[]): Pick<DatasetSummary, "errors" | "warnings" | "suggestions"> {
  const { classes, parts, imbalance, unreadable, duplicates, near, leaks, conflicts, counted } = facts;
  const [errors, warnings, suggestions]: [string[], string[], string[]] = [[], [...problems], []];
  const [train, ...others] = parts;
  const bad = classes.map((_, label) => unreadable.filter((one) => one.part === "train" && one.label === label).length);
  const labelled = counted === "pictures" && train!.counts.some((count) => count > 0);
  if (labelled && classes.length === 1) {
    errors.push(
      `there is one class only (${classes[0]}); a classifier needs two, so add a folder of what is no ${classes[0]}`,
    );
  }
  for (const [label, name] of classes.entries()) {
    const readable = train!.counts[label]! - bad[label]!;
    if (labelled && readable <= 0) errors.push(`class ${name} has no pictures that can be read`);
    else if (labelled && readable < 10)
      warnings.push(`class ${name} has ${readable} training pictures: few to learn from`);
  }
  if (unreadable.length > 0) warnings.push(`${count(unreadable.length, "file")} cannot be read: left out`);
  if (duplicates.length > 0) warnings.push(`${count(duplicates.length, "picture")} more than once as equal files`);
  if (near.length > 0) warnings.push(`${count(near.length, "group")} of pictures that look alike`);
  if (leaks.length > 0)
    warnings.push(
      `${count(leaks.length, "picture")} both in train and in ${others.map(({ part }) => part).join(" or ")}: results on them are too good`,
    );
  if (conflicts.length > 0)
    warnings.push(`${count(conflicts.length, "picture")} under several classes: some labels are wrong`);
  if (leaks.length > 0) suggestions.push("take the pictures that are in several parts out of all but one of them");
  if (imbalance >= 3 && labelled)
    suggestions.push(
      `the largest class has ${imbalance.toFixed(1)} times as many pictures as the smallest: sampler "balanced" draws classes equally often`,
    );
  if (labelled && !others.some(({ part }) => part === "validation"))
    suggestions.push(
      "there is no validation part: --split 80/20 --out split.csv makes one, class by class, with pictures that look alike on one side",
    );
  return { errors, warnings, suggestions };
}

const count = (n: number, what: string) => `${n} ${what}${n === 1 ? "" : "s"}`;
