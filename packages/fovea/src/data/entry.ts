import type { Sample } from "./sample.ts";

/** Where a sample comes from, as plain data: any thread can make the sample of it (`readEntry`). */
export type Entry = PictureEntry | FramesEntry | WaveEntry;

/** A picture file, with what is known of it. */
export interface PictureEntry extends Omit<Sample, "image" | "mask"> {
  readonly kind: "picture";
  /** Path of a JPEG, PNG or WebP file. */
  readonly file: string;
  /** 3 (RGB, default) or 1 (grey). */
  readonly channels?: 1 | 3;
  readonly mask?: MaskFile | MaskShapes;
}

/** Classes of pixels as a picture. */
export interface MaskFile {
  readonly file: string;
  /** Which grey stands for each class; default: the grey is the class. Others become 255, which does not count. */
  readonly greys?: readonly number[];
  /** Or which colour, 0xRRGGBB. */
  readonly colors?: readonly number[];
}

/** Classes of pixels as outlines; later ones cover earlier ones, and what none covers is class 0. */
export interface MaskShapes {
  readonly shapes: readonly MaskShape[];
}

export interface MaskShape {
  readonly label: number;
  /** Polygons x1, y1, x2, y2, … in pixels; a pixel is inside where its middle is (even–odd). */
  readonly polygons?: readonly (readonly number[])[];
  /** Or lengths of runs, down the columns, outside first; as COCO has them. */
  readonly rle?: { readonly height: number; readonly width: number; readonly counts: readonly number[] };
}

/** Picture files that are one sample [channels, frames, height, width], 0 … 1. */
export interface FramesEntry {
  readonly kind: "frames";
  readonly files: readonly string[];
  /** Height and width that frames are scaled to. */
  readonly size: readonly [height: number, width: number];
  readonly channels: 1 | 3;
  readonly label?: number;
}

/** A sound file as one sample [1, length], −1 … 1: its channels' mean, cut or filled up with zeros at its end. */
export interface WaveEntry {
  readonly kind: "wave";
  readonly file: string;
  /** Samples per second that the file must have. */
  readonly sampleRate: number;
  readonly length: number;
  readonly label?: number;
}

/** The files that an entry is read from. */
export function filesOf(entry: Entry): readonly string[] {
  if (entry.kind === "frames") return entry.files;
  const mask = entry.kind === "picture" && entry.mask !== undefined && "file" in entry.mask ? [entry.mask.file] : [];
  return [entry.file, ...mask];
}
