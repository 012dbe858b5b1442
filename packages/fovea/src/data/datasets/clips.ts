import { basename, join } from "node:path";
import { FormatError, UsageError } from "../../base/errors.ts";
import { readFile } from "../../io/files.ts";
import type { FramesEntry, WaveEntry } from "../entry.ts";
import { FileDataset } from "../fileDataset.ts";
import type { ArraySample } from "../sample.ts";
import { isPicture, listFolder, walkFiles } from "./walk.ts";
import { readWav } from "./wav.ts";

// Node only: nothing that a browser loads imports this file.

export interface FrameFolderOptions {
  /** Frames of a sample, taken evenly from those of a clip. */
  readonly frames: number;
  /** Height and width that frames are scaled to. */
  readonly size: readonly [height: number, width: number];
  /** 3 (RGB, default) or 1 (grey). */
  readonly channels?: 1 | 3;
}

const inNumberOrder = new Intl.Collator("en", { numeric: true });

/**
 * Clips as folders of pictures, `class/clip/frame.jpg`: samples [channels, frames, height, width], 0 … 1. Frames are in the
 * order of the numbers in their names.
 */
export async function frameFolder(folder: string, options: FrameFolderOptions): Promise<FileDataset<ArraySample>> {
  const { frames, size, channels = 3 } = options;
  if (![frames, ...size].every((n) => Number.isInteger(n) && n >= 1)) {
    throw new UsageError(
      `frameFolder: frames and size must be whole numbers ≥ 1, got ${frames} and ${size.join(" × ")}`,
    );
  }
  const { folders: classes } = await listFolder(folder);
  const entries: FramesEntry[] = [];
  for (const [label, name] of classes.entries()) {
    for (const clip of (await listFolder(join(folder, name))).folders) {
      const path = join(folder, name, clip);
      const all = (await listFolder(path)).files.filter(isPicture).toSorted(inNumberOrder.compare);
      if (all.length < frames) throw new FormatError(`${path} has ${all.length} frames; wanted at least ${frames}`);
      const files = Array.from({ length: frames }, (_, k) => join(path, all[Math.floor((k * all.length) / frames)]!));
      entries.push({ kind: "frames", files, size, channels, label });
    }
  }
  if (entries.length === 0)
    throw new FormatError(`${folder} has no clips; wanted ${join(folder, "<class>/<clip>/*.jpg")}`);
  return new FileDataset<ArraySample>({ name: folder, folder, classes, entries });
}

export interface WaveFolderOptions {
  /** Numbers of a sample: longer sounds are cut, shorter ones filled up with zeros. */
  readonly length: number;
  /** Class of a file by its path below the folder; null leaves it out. Default: the name of its first folder. */
  readonly label?: (path: string) => string | null;
}

/** Sounds as samples [1, length], −1 … 1. All files must have the sample rate of the first one. */
export async function waveFolder(
  folder: string,
  { length, label }: WaveFolderOptions,
): Promise<FileDataset<ArraySample>> {
  if (!Number.isInteger(length) || length < 1)
    throw new UsageError(`waveFolder: length must be a whole number ≥ 1, got ${length}`);
  const files = (await walkFiles(folder)).filter((file) => /\.wav$/i.test(file));
  const labelOf = label ?? ((path: string) => (basename(path) === path ? null : path.split(/[/\\]/)[0]!));
  const named = files.flatMap((file) => {
    const name = labelOf(file.slice(folder.length).replace(/^[/\\]+/, ""));
    return name === null ? [] : [{ file, name }];
  });
  if (named.length === 0)
    throw new FormatError(
      `${folder} has no labelled .wav files; wanted ${join(folder, "<class>/*.wav")}, or give label`,
    );
  const classes = [...new Set(named.map(({ name }) => name))].toSorted();
  const first = named[0]!.file;
  const { sampleRate } = readWav(await readFile(first), first);
  const entries = named.map(({ file, name }): WaveEntry => ({
    kind: "wave",
    file,
    sampleRate,
    length,
    label: classes.indexOf(name),
  }));
  return new FileDataset<ArraySample>({ name: folder, folder, classes, entries });
}
