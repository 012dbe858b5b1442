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

/** Samples by number. `sample` may read and decode: a loader calls it in worker threads where it can. */
export interface Dataset {
  /** For messages and reports. */
  readonly name: string;
  readonly length: number;
  /** Names of the classes; empty where samples have none. */
  readonly classes: readonly string[];
  sample(index: number): Sample | Promise<Sample>;
}
