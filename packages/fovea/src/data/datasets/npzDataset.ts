import { FormatError } from "../../base/errors.ts";
import type { NpyArray } from "../../io/npy.ts";
import { parseNpz } from "../../io/npz.ts";
import { ArrayDataset } from "../arrayDataset.ts";

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
  const arrays = parseNpz(bytes, name);
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
    name,
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
