import type { RandomStream } from "../base/random.ts";
import type { Entry } from "./entry.ts";
import type { Normalizer } from "./normalizer.ts";
import type { Stack } from "./stack.ts";

/** A picture of any number of channels: interleaved, rows top to bottom, 0 … 255. An `RgbImage` says no channels: it has 3. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly channels: number;
  readonly pixels: Uint8Array;
}

/**
 * One thing to learn from: a picture and what is known of it. Transforms change all parts together.
 *
 * Places are in pixels of the picture, from its top left corner: a pixel covers the square from (x, y) to (x + 1, y + 1),
 * so a box over the whole picture is [0, 0, width, height].
 */
export interface Sample {
  readonly image: Picture;
  /** Class of the whole picture. */
  readonly label?: number;
  readonly boxes?: readonly Box[];
  /** Class of each pixel, as large as the picture; 255 where it does not count. */
  readonly mask?: Mask;
  readonly keypoints?: readonly Keypoint[];
}

/** A thing in a picture: corners (x1, y1) and (x2, y2), x1 < x2 and y1 < y2, and its class. */
export interface Box {
  readonly box: readonly [x1: number, y1: number, x2: number, y2: number];
  readonly label: number;
  /** COCO's `iscrowd`, VOC's `difficult`: left out of scores. */
  readonly ignored?: boolean;
}

export interface Mask {
  readonly width: number;
  readonly height: number;
  readonly classes: Uint8Array;
}

/** `visible` is false where the point is not labelled, hidden, or has left the picture. */
export interface Keypoint {
  readonly x: number;
  readonly y: number;
  readonly visible: boolean;
  /** Which point it is, such as "left wrist". A flip changes left and right by `flipPairs`. */
  readonly name?: string;
}

/** One thing to learn from that is no picture: a wave [C, L], frames [C, D, H, W], a row of a table [F]. */
export interface ArraySample {
  /** The numbers as a network gets them, in row-major order. */
  readonly x: Float32Array;
  readonly shape: readonly number[];
  readonly label?: number;
  /** Numbers to predict, in place of a class. */
  readonly target?: Float32Array;
}

export type AnySample = Sample | ArraySample;

/** Samples by number. `sample` may read and decode: a loader does the same in worker threads where it can. */
export interface Dataset<S extends AnySample = Sample> {
  /** For messages and reports. */
  readonly name: string;
  readonly length: number;
  /** Names of the classes; empty where samples have none. */
  readonly classes: readonly string[];
  /** Class of each sample, where it is known without reading the samples. */
  readonly labels?: ArrayLike<number>;
  /** Of every sample, [C, H, W] for pictures, where they are equal. */
  readonly shape?: readonly number[];
  sample(index: number): S | Promise<S>;
  /** Where a sample comes from, so that a worker thread can read it. */
  entry?(index: number): Entry;
  /** Untransformed samples as a batch, where that is faster than one by one. */
  gather?(indices: Uint32Array, normalizer: Normalizer): Stack;
  /** What a message calls a sample: the path of its file. */
  nameOf?(index: number): string;
}

/** Changes samples; everything random in it comes from `random`. */
export interface SampleTransform<S extends AnySample = AnySample> {
  readonly name: string;
  /** Plain data: a worker thread makes the same transform from name and options. */
  readonly options?: object;
  apply(sample: S, random: RandomStream): S;
}
