import { FoveaError, UsageError } from "../base/errors.ts";
import type { AnySample, Dataset, Picture } from "../data/sample.ts";
import {
  contactSheet,
  horizontalFlip,
  randAugment,
  randomResizedCrop,
  transformFrom,
  trivialAugmentWide,
  type Transform,
  type TransformSpec,
} from "../data/transforms/index.ts";

const standard = () => [randomResizedCrop({ size: 224, scale: [0.35, 1] }), horizontalFlip()];

/** What `--augment` of `fovea data` may be, beside a JSON list of transforms. */
const policies: Readonly<Record<string, () => readonly Transform[]>> = {
  none: () => [],
  standard,
  randaugment: () => [randAugment()],
  trivialaugment: () => [trivialAugmentWide()],
};

/** A policy by name, or transforms as JSON: `[{"name": "rotate", "options": {"degrees": 20}}]`. */
export function parseAugmentation(text: string): Transform {
  const policy = Object.hasOwn(policies, text) ? policies[text]! : null;
  if (policy !== null) return transformFrom(policy());
  if (!/^\s*[[{]/.test(text)) {
    throw new UsageError(
      `"${text}" is none of ${Object.keys(policies).join(", ")}, and no JSON such as [{"name": "rotate", "options": {"degrees": 20}}]`,
    );
  }
  try {
    return transformFrom(JSON.parse(text) as TransformSpec | TransformSpec[]);
  } catch (error) {
    if (error instanceof FoveaError) throw error;
    throw new UsageError(`${(error as Error).message}; wanted a list of { "name", "options" }`);
  }
}

/** A contact sheet of samples from all over the dataset; those that cannot be read are passed over. */
export async function augmentationSheet(
  data: Dataset<AnySample>,
  transform: Transform,
  seed: number,
  rows = 8,
): Promise<Picture> {
  const indices: number[] = [];
  const step = Math.max(1, data.length / rows);
  for (let at = 0; at < data.length && indices.length < rows; at += step) {
    const index = Math.floor(at);
    try {
      if (!("image" in (await data.sample(index)))) throw new UsageError(`${data.name} holds no pictures to draw`);
      indices.push(index);
    } catch (error) {
      if (!(error instanceof FoveaError) || error instanceof UsageError) throw error;
    }
  }
  if (indices.length === 0) throw new FoveaError(`${data.name}: none of the pictures for the sheet can be read`);
  return contactSheet(data as Dataset, transform, { indices, seed });
}
