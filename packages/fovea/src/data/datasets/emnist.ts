import { FormatError } from "../../base/errors.ts";
import { ImageDataset } from "../dataset.ts";
import { readIdxPair, type FileSource } from "./mnist.ts";

const digits = "0123456789";
const upper = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const lower = upper.toLowerCase();

/** Classes of each of EMNIST's six parts, in the order of their labels. */
const parts = {
  byclass: [...digits, ...upper, ...lower],
  // Letters whose two cases look alike are one class.
  bymerge: [...digits, ...upper, ..."abdefghnqrt"],
  balanced: [...digits, ...upper, ..."abdefghnqrt"],
  letters: [...lower],
  digits: [...digits],
  mnist: [...digits],
} as const satisfies Record<string, readonly string[]>;

export type EmnistPart = keyof typeof parts;

/** Whether EMNIST has a part of that name. */
export function isEmnistPart(name: string): name is EmnistPart {
  return Object.hasOwn(parts, name);
}

/**
 * EMNIST (Cohen, Afshar, Tapson, van Schaik, 2017): handwritten letters and digits in files named as
 * `emnist-letters-train-images-idx3-ubyte`. Pictures are stored on their side there; here they stand upright.
 */
export async function emnist(source: FileSource, part: EmnistPart, split: "train" | "test"): Promise<ImageDataset> {
  const prefixed: FileSource = (names) => source(names.map((name) => `emnist-${part}-${name.replace("t10k", "test")}`));
  const { images, labels, shape } = await readIdxPair(prefixed, split);
  const classes: readonly string[] = parts[part];
  // Letters count from 1.
  const first = part === "letters" ? 1 : 0;
  const wrong = labels.findIndex((label) => label < first || label >= classes.length + first);
  if (wrong >= 0) {
    throw new FormatError(
      `emnist ${part}: label ${labels[wrong]} of image ${wrong} is out of range; it has ${classes.length} classes`,
    );
  }
  const [, height, width] = shape;
  const upright = new Uint8Array(images.length);
  for (let start = 0; start < images.length; start += height * width) {
    for (let y = 0; y < height; y++)
      for (let x = 0; x < width; x++) upright[start + x * height + y] = images[start + y * width + x]!;
  }
  return new ImageDataset({
    name: `emnist ${part} ${split}`,
    images: upright,
    labels: labels.map((label) => label - first),
    shape: [1, width, height],
    classes,
  });
}
