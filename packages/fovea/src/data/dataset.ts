import { FormatError, UsageError } from "../base/errors.ts";
import { RandomStream } from "../base/random.ts";
import type { Normalizer } from "./normalizer.ts";
import type { Dataset, Sample } from "./sample.ts";
import type { Stack } from "./stack.ts";

/** What an `ImageDataset` is made of. */
export interface ImageData {
  /** Name for messages and reports. */
  readonly name: string;
  /** All images one after the other, each [C, H, W], 0 … 255. */
  readonly images: Uint8Array;
  /** Class of each image, 0 … classes − 1. */
  readonly labels: Uint8Array | Int32Array;
  /** Channels, height and width of one image. */
  readonly shape: readonly [number, number, number];
  /** Names of the classes. */
  readonly classes: readonly string[];
}

/** Labelled images in memory, as bytes. Immutable; `subset` and `split` copy the rows they take. */
export class ImageDataset implements Dataset {
  readonly name: string;
  readonly images: Uint8Array;
  readonly labels: Uint8Array | Int32Array;
  readonly shape: readonly [number, number, number];
  readonly classes: readonly string[];
  /** Number of images. */
  readonly length: number;

  constructor({ name, images, labels, shape, classes }: ImageData) {
    const size = shape[0] * shape[1] * shape[2];
    if (images.length !== size * labels.length) {
      throw new FormatError(
        `${name}: ${images.length / size} images of [${shape.join(", ")}] but ${labels.length} labels`,
      );
    }
    for (let i = 0; i < labels.length; i++) {
      const label = labels[i]!;
      if (label < 0 || label >= classes.length) {
        throw new FormatError(
          `${name}: label ${label} of image ${i} is not one of the ${classes.length} classes (0 … ${classes.length - 1})`,
        );
      }
    }
    this.name = name;
    this.images = images;
    this.labels = labels;
    this.shape = shape;
    this.classes = classes;
    this.length = labels.length;
  }

  /** The pixels of one image, [C, H, W], without copying. */
  image(index: number): Uint8Array {
    this.#check(index);
    const size = this.shape[0] * this.shape[1] * this.shape[2];
    return this.images.subarray(index * size, (index + 1) * size);
  }

  /** One image with its class. Interleaved, so images of several channels are copied. */
  sample(index: number): Sample {
    const [channels, height, width] = this.shape;
    const planes = this.image(index);
    const label = this.labels[index]!;
    if (channels === 1) return { image: { width, height, channels, pixels: planes }, label };
    const pixels = new Uint8Array(planes.length);
    for (let c = 0, from = 0; c < channels; c++) {
      for (let to = c; to < pixels.length; to += channels) pixels[to] = planes[from++]!;
    }
    return { image: { width, height, channels, pixels }, label };
  }

  /** @internal A batch without the way through samples. */
  gather(indices: Uint32Array, normalizer: Normalizer): Stack {
    const [channels, height, width] = this.shape;
    const { images, labels } = this;
    const plane = height * width;
    const table = normalizer.bytes(channels);
    const x = new Float32Array(indices.length * channels * plane);
    const y = new Int32Array(indices.length);
    let to = 0;
    for (let i = 0; i < indices.length; i++) {
      y[i] = labels[indices[i]!]!;
      let from = indices[i]! * channels * plane;
      for (let c = 0; c < channels; c++) {
        const values = table.subarray(c * 256, c * 256 + 256);
        for (let end = to + plane; to < end; to++) x[to] = values[images[from++]!]!;
      }
    }
    return { x, y, shape: [indices.length, channels, height, width], yShape: [indices.length] };
  }

  /** The images at `indices`, in that order; or the first `n` for a number. */
  subset(indices: ArrayLike<number> | number, name: string = this.name): ImageDataset {
    const chosen =
      typeof indices === "number" ? Array.from({ length: Math.min(indices, this.length) }, (_, i) => i) : indices;
    const size = this.shape[0] * this.shape[1] * this.shape[2];
    const images = new Uint8Array(chosen.length * size);
    const labels = this.labels instanceof Int32Array ? new Int32Array(chosen.length) : new Uint8Array(chosen.length);
    for (let i = 0; i < chosen.length; i++) {
      images.set(this.image(chosen[i]!), i * size);
      labels[i] = this.labels[chosen[i]!]!;
    }
    return new ImageDataset({ name, images, labels, shape: this.shape, classes: this.classes });
  }

  /** Two datasets without a common image: the first has `fraction` of the images, chosen by `seed`. */
  split(fraction: number, seed: number | bigint = 0): [ImageDataset, ImageDataset] {
    if (!(fraction >= 0 && fraction <= 1)) {
      throw new UsageError(`ImageDataset.split: the fraction must be in 0 … 1, got ${fraction}`);
    }
    const order = new RandomStream(seed).fork("split").permutation(this.length);
    const cut = Math.round(fraction * this.length);
    return [this.subset(order.subarray(0, cut)), this.subset(order.subarray(cut))];
  }

  #check(index: number): void {
    if (!Number.isInteger(index) || index < 0 || index >= this.length) {
      throw new UsageError(
        `${this.name}: there is no image ${index}; there are ${this.length} (0 … ${this.length - 1})`,
      );
    }
  }
}
