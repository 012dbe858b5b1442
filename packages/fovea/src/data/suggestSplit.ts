import { dirname, relative, resolve, sep } from "node:path";
import { UsageError } from "../base/errors.ts";
import { formatCsv } from "./datasets/csv.ts";
import { filesOf } from "./entry.ts";
import type { AnySample, Dataset } from "./sample.ts";
import { splitIndices } from "./subset.ts";
import type { DatasetParts, DatasetSummary, Found, PartName } from "./summarize.ts";

// Node only: nothing that a browser loads imports this file.

export interface SplitFileOptions {
  /** Shares of train and validation, and of test if there are three; they are taken relative to their sum. */
  readonly shares: readonly number[];
  readonly seed?: number | bigint;
  /** Where the list will be: its paths start there. */
  readonly out: string;
}

/** Pictures that stay together; the class of the first one counts. */
interface Unit {
  readonly label: number;
  readonly files: { readonly file: string; readonly label: number }[];
}

/**
 * A new split of all pictures as a CSV list that `imageFolder` reads (file, label, split): by chance but for `seed`, each class in
 * the same proportion. Pictures that are equal or look alike stay together; those that cannot be read are left out.
 */
export function splitFile(data: DatasetParts, summary: DatasetSummary, options: SplitFileOptions): string {
  const { shares, seed = 0, out } = options;
  const sound = (shares.length === 2 || shares.length === 3) && shares.every((share) => share > 0 && share < Infinity);
  if (!sound) throw new UsageError(`split: wanted two or three shares above 0 such as 80/20, got ${shares.join("/")}`);
  const units = unitsOf(data, summary);
  const labels = Int32Array.from(units, ({ label }) => label);
  const [train, validation, test = 0] = shares as [number, number, number?];
  const all = { name: summary.name, length: units.length };
  const [first, rest] = splitIndices({ ...all, labels }, train / (train + validation + test), { seed });
  const parts = new Map<Unit, PartName>(Array.from(first, (i) => [units[i]!, "train"]));
  const left = Array.from(rest, (i) => units[i]!);
  const restLabels = Int32Array.from(left, ({ label }) => label);
  const [second] =
    test === 0
      ? [left.keys()]
      : splitIndices({ ...all, length: left.length, labels: restLabels }, validation / (validation + test), { seed });
  const isValidation = new Set(second);
  for (const [i, unit] of left.entries()) parts.set(unit, isValidation.has(i) ? "validation" : "test");
  const base = resolve(dirname(out));
  const rows = units.flatMap((unit) =>
    unit.files.map(({ file, label }) => {
      const path = relative(base, resolve(file)).split(sep).join("/");
      return [path, summary.classes[label]!, parts.get(unit)!];
    }),
  );
  return formatCsv([["file", "label", "split"], ...rows]);
}

/** In the order of their first pictures. */
function unitsOf(data: DatasetParts, { unreadable, duplicates, near, name }: DatasetSummary): Unit[] {
  const key = ({ part, index }: Pick<Found, "part" | "index">) => `${part} ${index}`;
  const bad = new Set(unreadable.map(key));
  // Equal files first: of each such group, one member may be in a group of those that look alike.
  const leader = new Map<string, string>();
  const leaderOf = (one: string): string => (leader.has(one) ? leaderOf(leader.get(one)!) : one);
  for (const [first, ...others] of [...duplicates, ...near]) {
    for (const other of others) {
      const [a, b] = [leaderOf(key(first!)), leaderOf(key(other))];
      if (a !== b) leader.set(b, a);
    }
  }
  const units = new Map<string, Unit>();
  for (const part of ["train", "validation", "test"] as const) {
    const dataset: Dataset<AnySample> | undefined = data[part];
    for (let index = 0; index < (dataset?.length ?? 0); index++) {
      const entry = dataset!.entry?.(index);
      const label = dataset!.labels?.[index];
      if (entry === undefined || label === undefined)
        throw new UsageError(`${name}: only labelled picture files can be split`);
      if (bad.has(key({ part, index }))) continue;
      const unit = leaderOf(key({ part, index }));
      if (!units.has(unit)) units.set(unit, { label, files: [] });
      units.get(unit)!.files.push({ file: filesOf(entry)[0]!, label });
    }
  }
  return [...units.values()];
}
