import type { BatchTransform } from "../data/loader.ts";
import * as transforms from "../data/transforms/index.ts";
import type { Transform } from "../data/transforms/index.ts";
import type { ImageShape } from "./data.ts";

interface Place {
  /** What makes pictures of any size fit; empty where all are as large as the network's input. */
  readonly fit: readonly Transform[];
  readonly size: readonly [height: number, width: number];
}

const crop = ({ fit, size }: Place): Transform =>
  fit.length > 0
    ? transforms.randomResizedCrop({ size, scale: [0.35, 1] })
    : transforms.randomCrop({ size, padding: Math.max(1, Math.round(Math.min(...size) / 8)) }); // 4 of 32, as usual

const standard = (place: Place): Transform[] => [crop(place), transforms.horizontalFlip()];

/** What chance does to training pictures, by name. */
const policies = {
  none: ({ fit }) => fit,
  crop: (place) => [crop(place)],
  standard,
  randaugment: (place) => [...standard(place), transforms.randAugment()],
  trivialaugment: (place) => [...standard(place), transforms.trivialAugmentWide()],
} as const satisfies Record<string, (place: Place) => readonly Transform[]>;

export type Augmentation = keyof typeof policies;
export const augmentations = Object.keys(policies) as Augmentation[];
export const augmentHelp =
  "none, crop (moved a little), standard (also mirrored), randaugment or trivialaugment (standard, and colours, shears, turns)";

/**
 * How training pictures become what a network gets: its size, and what chance does to them.
 *
 * @param fit What makes pictures of any size fit; empty where all are as large as the network's input.
 */
export function augment(how: Augmentation, fit: readonly Transform[], [, height, width]: ImageShape): Transform[] {
  return [...policies[how]({ fit, size: [height, width] })];
}

/** What is done to batches: MixUp, CutMix, or one of them for each batch, by chance. */
export function mixing(mixup: number | null, cutmix: number | null): BatchTransform[] {
  const ways = [
    ...(mixup === null ? [] : [transforms.mixUp({ alpha: mixup })]),
    ...(cutmix === null ? [] : [transforms.cutMix({ alpha: cutmix })]),
  ];
  if (ways.length < 2) return ways;
  return [
    {
      name: "mixUp or cutMix",
      applyBatch: (batch, random, classes) => ways[random.int(ways.length)]!.applyBatch(batch, random, classes),
    },
  ];
}
