import * as transforms from "../data/transforms/index.ts";
import type { Transform } from "../data/transforms/index.ts";
import type { ImageShape } from "./data.ts";

export const augmentations = ["none", "crop", "standard"] as const;
export type Augmentation = (typeof augmentations)[number];

/**
 * How training pictures become what a network gets: its size, and what chance does to them.
 *
 * @param fit What makes pictures of any size fit; empty where all are as large as the network's input.
 */
export function augment(how: Augmentation, fit: readonly Transform[], [, height, width]: ImageShape): Transform[] {
  if (how === "none") return [...fit];
  const size = [height, width] as const;
  const crop =
    fit.length > 0
      ? transforms.randomResizedCrop({ size, scale: [0.35, 1] })
      : transforms.randomCrop({ size, padding: Math.max(1, Math.round(Math.min(height, width) / 8)) }); // 4 of 32, as usual
  return how === "crop" ? [crop] : [crop, transforms.horizontalFlip()];
}
