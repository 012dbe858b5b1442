import { FormatError } from "../../base/errors.ts";
import type { NpyArray } from "../../io/npy.ts";
import { parseNpz } from "../../io/npz.ts";
import { ArrayDataset } from "../arrayDataset.ts";
import { ImageDataset } from "../dataset.ts";

export interface NpzOptions {
  /** Name of the samples' array [N, …]; default "x" or "x_train", else the one array with more than one axis. */
  readonly x?: string;
  /** Name of the answers' array: whole numbers [N] are classes, others are numbers to predict; default "y" or "y_train", else none. */
  readonly y?: string;
  /** Names of the classes. */
  readonly classes?: readonly string[];
}

/** Samples of an .npz file (NumPy's `savez`), as numbers; bytes are not scaled. `name` is for errors. */
export function npzDataset(bytes: Uint8Array, name: string, options: NpzOptions = {}): ArrayDataset {
  return fromArrays(parseNpz(bytes, name), name, options);
}

/** The parts of arrays named as Keras' data sets name them: x_train, y_train, x_val, y_val, x_test, y_test; else x and y. */
export function npzSplits(
  arrays: ReadonlyMap<string, NpyArray>,
  name: string,
): { readonly train: ArrayDataset; readonly validation?: ArrayDataset; readonly test?: ArrayDataset } {
  const train = fromArrays(arrays, name, {});
  const { classes } = train;
  const other = (part: string): ArrayDataset | undefined =>
    arrays.has(`x_${part}`)
      ? fromArrays(arrays, name, { x: `x_${part}`, ...(train.labels && { y: `y_${part}`, classes }) }, ` ${part}`)
      : undefined;
  const [validation, test] = [other("val"), other("test")];
  return { train, ...(validation && { validation }), ...(test && { test }) };
}

/** Bytes [H, W], [H, W, C] or [C, H, W] of 1 or 3 channels with classes, as pictures; null where that is not what there is. */
export function npzPictures({ name, x, shape, labels, classes, length }: ArrayDataset): ImageDataset | null {
  if (!(x instanceof Uint8Array) || labels === undefined) return null;
  const isChannels = (count: number | undefined) => count === 1 || count === 3;
  const [a, b, c] = shape as [number, number, number];
  if (shape.length === 2) return new ImageDataset({ name, images: x, labels, shape: [1, a, b], classes });
  if (shape.length !== 3) return null;
  if (!isChannels(c))
    return isChannels(a) ? new ImageDataset({ name, images: x, labels, shape: [a, b, c], classes }) : null;
  const [size, plane] = [a * b * c, a * b];
  const images = new Uint8Array(x.length);
  for (let n = 0; n < length; n++) {
    for (let at = 0; at < plane; at++) {
      for (let k = 0; k < c; k++) images[n * size + k * plane + at] = x[n * size + at * c + k]!;
    }
  }
  return new ImageDataset({ name, images, labels, shape: [c, a, b], classes });
}

function fromArrays(arrays: ReadonlyMap<string, NpyArray>, name: string, options: NpzOptions, part = ""): ArrayDataset {
  const list = [...arrays.keys()].map((key) => `${key} [${arrays.get(key)!.shape.join(", ")}]`).join(", ");
  const find = (wanted: string | undefined, usual: readonly string[]): NpyArray | undefined => {
    if (wanted !== undefined && !arrays.has(wanted))
      throw new FormatError(`${name} has no array ${wanted}; it has ${list}`);
    return arrays.get(wanted ?? usual.find((key) => arrays.has(key)) ?? "");
  };
  const large = [...arrays.values()].filter(({ shape }) => shape.length > 1);
  const x = find(options.x, ["x", "x_train"]) ?? (large.length === 1 ? large[0] : undefined);
  if (x === undefined) throw new FormatError(`${name}: name the array of samples with x; it has ${list || "none"}`);
  const y = find(options.y, ["y", "y_train"]);
  const [count, ...shape] = x.shape;
  if (count === undefined || count === 0 || shape.includes(0)) {
    throw new FormatError(`${name}: samples are [${x.shape.join(", ")}]; wanted [N, …] without 0`);
  }
  if (y !== undefined && y.shape[0] !== count) {
    throw new FormatError(`${name}: ${count} samples, but answers [${y.shape.join(", ")}]; it has ${list}`);
  }
  const { classes } = options;
  return new ArrayDataset({
    name: `${name}${part}`,
    x: x.data,
    shape: shape.length === 0 ? [1] : shape,
    ...(y && (isClasses(y) ? { labels: Int32Array.from(y.data) } : { targets: Float32Array.from(y.data) })),
    ...(classes && { classes }),
  });
}

/** Whole numbers, one per sample (or in a column, as Keras' datasets have them). */
function isClasses({ dtype, shape, data }: NpyArray): boolean {
  return /^[iub]/.test(dtype) && data.length === shape[0];
}
