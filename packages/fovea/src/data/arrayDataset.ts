import { FormatError, UsageError } from "../base/errors.ts";
import { showShape } from "../base/shape.ts";
import type { Normalizer } from "./normalizer.ts";
import type { ArraySample, Dataset } from "./sample.ts";
import type { Stack } from "./stack.ts";

/** What an `ArrayDataset` is made of. */
export interface ArrayData {
  /** Name for messages and reports; default "array". */
  readonly name?: string;
  /** All samples one after the other, in row-major order. Integers are taken as numbers; nothing is scaled. */
  readonly x: Float32Array | Float64Array | Int32Array | Int16Array | Int8Array | Uint16Array | Uint8Array;
  /** Shape of one sample: [F], [C, L], [C, H, W], [C, D, H, W] … The first axis is the channels of `mean` and `std`. */
  readonly shape: readonly number[];
  /** Class of each sample, 0 … classes − 1. */
  readonly labels?: Uint8Array | Int32Array;
  /** Names of the classes; default "0" … the largest label. */
  readonly classes?: readonly string[];
  /** In place of labels: numbers to predict, equally many for each sample. */
  readonly targets?: Float32Array;
}

/** Samples in memory of any shape, with classes or with numbers to predict: waves, volumes, rows of tables. */
export class ArrayDataset implements Dataset<ArraySample> {
  readonly name: string;
  readonly x: ArrayData["x"];
  readonly shape: readonly number[];
  readonly labels?: Uint8Array | Int32Array;
  readonly targets?: Float32Array;
  readonly classes: readonly string[];
  /** Number of samples. */
  readonly length: number;
  readonly #size: number;

  constructor({ name = "array", x, shape, labels, classes, targets }: ArrayData) {
    if (shape.length === 0 || !shape.every((d) => Number.isInteger(d) && d >= 1)) {
      throw new UsageError(`${name}: the shape of a sample must be whole numbers ≥ 1, got ${showShape(shape)}`);
    }
    this.#size = shape.reduce((product, d) => product * d, 1);
    this.length = x.length / this.#size;
    if (!Number.isInteger(this.length)) {
      throw new FormatError(`${name}: ${x.length} numbers are no whole number of samples ${showShape(shape)}`);
    }
    if (labels !== undefined && targets !== undefined) {
      throw new UsageError(`${name}: give labels (classes) or targets (numbers), not both`);
    }
    if (labels !== undefined) {
      if (labels.length !== this.length) {
        throw new FormatError(`${name}: ${this.length} samples but ${labels.length} labels`);
      }
      this.labels = labels;
    }
    this.classes = classes ?? Array.from({ length: 1 + largest(labels ?? []) }, (_, label) => String(label));
    const wrong = labels?.findIndex((label) => label < 0 || label >= this.classes.length) ?? -1;
    if (wrong >= 0) {
      throw new FormatError(
        `${name}: label ${labels![wrong]} of sample ${wrong} is not one of the ${this.classes.length} classes`,
      );
    }
    if (targets !== undefined) {
      if (targets.length === 0 || targets.length % this.length !== 0) {
        throw new FormatError(`${name}: ${targets.length} targets cannot be shared out among ${this.length} samples`);
      }
      this.targets = targets;
    }
    this.name = name;
    this.x = x;
    this.shape = shape;
  }

  sample(index: number): ArraySample {
    this.#check(index);
    const { shape, labels, targets } = this;
    const x = Float32Array.from(this.x.subarray(index * this.#size, (index + 1) * this.#size));
    if (labels !== undefined) return { x, shape, label: labels[index]! };
    if (targets === undefined) return { x, shape };
    const each = targets.length / this.length;
    return { x, shape, target: targets.slice(index * each, (index + 1) * each) };
  }

  /** @internal A batch without the way through samples. */
  gather(indices: Uint32Array, normalizer: Normalizer): Stack {
    const size = indices.length;
    const x = new Float32Array(size * this.#size);
    for (let i = 0; i < size; i++) {
      normalizer.numbers(this.x, indices[i]! * this.#size, x, i * this.#size, this.#size, this.shape[0]!);
    }
    return { x, shape: [size, ...this.shape], ...this.#answers(indices) };
  }

  #answers(indices: Uint32Array): Pick<Stack, "y" | "yShape"> {
    const { labels, targets } = this;
    const size = indices.length;
    if (targets === undefined) {
      return { y: Int32Array.from(indices, (index) => labels?.[index] ?? -1), yShape: [size] };
    }
    const each = targets.length / this.length;
    const y = new Float32Array(size * each);
    for (let i = 0; i < size; i++) y.set(targets.subarray(indices[i]! * each, (indices[i]! + 1) * each), i * each);
    return { y, yShape: [size, each] };
  }

  #check(index: number): void {
    if (!Number.isInteger(index) || index < 0 || index >= this.length) {
      throw new UsageError(
        `${this.name}: there is no sample ${index}; there are ${this.length} (0 … ${this.length - 1})`,
      );
    }
  }
}

function largest(labels: ArrayLike<number>): number {
  let most = -1;
  for (let i = 0; i < labels.length; i++) most = Math.max(most, labels[i]!);
  return most;
}
