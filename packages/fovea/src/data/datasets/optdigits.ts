import { FormatError } from "../../base/errors.ts";
import { ImageDataset } from "../dataset.ts";
import type { FileSource } from "./mnist.ts";

/**
 * UCI's optical recognition of handwritten digits (Alpaydin and Kaynak, 1998): 8 × 8 pictures of counts 0 … 16, which
 * become 0 … 255. Training is `optdigits.tra`, testing `optdigits.tes`: 64 counts and the digit to a line.
 *
 * Lines that are not 65 numbers, such as comments, are skipped.
 */
export async function optdigits(source: FileSource, split: "train" | "test"): Promise<ImageDataset> {
  const { name, bytes } = await source([split === "train" ? "optdigits.tra" : "optdigits.tes"]);
  const images: number[] = [];
  const labels: number[] = [];
  for (const line of new TextDecoder().decode(bytes).split("\n")) {
    const cells = line.trim().split(",");
    const numbers = cells.map(Number);
    if (numbers.length !== 65 || cells.includes("") || numbers.some(Number.isNaN)) continue;
    const counts = numbers.slice(0, 64);
    const label = numbers[64]!;
    if (!counts.every((n) => n >= 0 && n <= 16) || !(Number.isInteger(label) && label >= 0 && label <= 9)) {
      throw new FormatError(`${name}: record ${labels.length} is not 64 counts of 0 … 16 and a digit: ${line.trim()}`);
    }
    images.push(...counts.map((n) => Math.round((n * 255) / 16)));
    labels.push(label);
  }
  if (labels.length === 0) throw new FormatError(`${name} has no line of 64 counts and a digit`);
  return new ImageDataset({
    name: `optdigits ${split}`,
    images: Uint8Array.from(images),
    labels: Uint8Array.from(labels),
    shape: [1, 8, 8],
    classes: Array.from({ length: 10 }, (_, digit) => String(digit)),
  });
}
