import { FoveaError, UsageError } from "../base/errors.ts";
import type { AnySample, Dataset, Picture } from "../data/sample.ts";
import { contactSheet, resize, transformFrom, type Transform, type TransformSpec } from "../data/transforms/index.ts";
import { augment, augmentations } from "./augment.ts";

/** The size of pictures on the sheet. */
const SHAPE = [3, 224, 224] as const;

/** A policy by name, or transforms as JSON: `[{"name": "rotate", "options": {"degrees": 20}}]`. */
export function parseAugmentation(text: string): Transform {
  const policy = augmentations.find((name) => name === text);
  if (policy !== undefined) return transformFrom(augment(policy, [resize({ size: [SHAPE[1], SHAPE[2]] })], SHAPE));
  if (!/^\s*[[{]/.test(text)) {
    throw new UsageError(
      `"${text}" is none of ${augmentations.join(", ")}, and no JSON such as [{"name": "rotate", "options": {"degrees": 20}}]`,
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
