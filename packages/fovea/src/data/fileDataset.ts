import { relative } from "node:path";
import { UsageError } from "../base/errors.ts";
import { filesOf, type Entry } from "./entry.ts";
import { readEntry } from "./readEntry.ts";
import type { AnySample, Dataset, Sample } from "./sample.ts";

// Node only: nothing that a browser loads imports this file.

/** Samples that are read from files when they are asked for. The readers of folders and annotations make these. */
export class FileDataset<S extends AnySample = Sample> implements Dataset<S> {
  readonly name: string;
  readonly classes: readonly string[];
  readonly entries: readonly Entry[];
  readonly labels?: Int32Array;
  /** Where the files are: messages name them from here. */
  readonly folder: string;

  constructor(parts: { name: string; folder: string; classes: readonly string[]; entries: readonly Entry[] }) {
    this.name = parts.name;
    this.folder = parts.folder;
    this.classes = parts.classes;
    this.entries = parts.entries;
    if (parts.entries.every(({ label }) => label !== undefined)) {
      this.labels = Int32Array.from(parts.entries, ({ label }) => label!);
    }
  }

  /** Number of samples. */
  get length(): number {
    return this.entries.length;
  }

  /** Where a sample comes from, which a worker thread reads. */
  entry(index: number): Entry {
    const entry = this.entries[index];
    if (entry !== undefined) return entry;
    throw new UsageError(
      `${this.name}: there is no sample ${index}; there are ${this.length} (0 … ${this.length - 1})`,
    );
  }

  async sample(index: number): Promise<S> {
    return (await readEntry(this.entry(index))) as S;
  }

  nameOf(index: number): string {
    return relative(".", filesOf(this.entry(index))[0]!);
  }
}
