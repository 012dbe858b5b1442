import type { RandomStream } from "../../base/random.ts";
import type { Picture, Sample } from "../sample.ts";
import {
  adjustBrightness,
  adjustContrast,
  adjustSaturation,
  adjustSharpness,
  autocontrasted,
  equalized,
  posterized,
  solarized,
} from "./adjust.ts";
import { checkWarping, type WarpingOptions } from "./affine.ts";
import { inverseAffine, projectiveSource, type AffineParameters } from "./projective.ts";
import { withImage } from "./tables.ts";
import { defineTransform } from "./transform.ts";
import { warpSample } from "./warp.ts";

export interface RandAugmentOptions extends WarpingOptions {
  /** Changes per sample; default 2. */
  readonly numOps?: number;
  /** Strength, 0 … numMagnitudeBins − 1; default 9. */
  readonly magnitude?: number;
  /** Steps of the strength; default 31. */
  readonly numMagnitudeBins?: number;
}

export interface TrivialAugmentOptions extends WarpingOptions {
  /** Steps of the strength; default 31. */
  readonly numMagnitudeBins?: number;
}

type Warping = ReturnType<typeof checkWarping>;
type Change = (sample: Sample, strength: number, warping: Warping) => Sample;

/** The changes that both choose from. Strengths of `signed` ones are made negative by chance. */
const changes = {
  identity: { signed: false, change: (sample) => sample },
  shearX: { signed: true, change: sheared(0) },
  shearY: { signed: true, change: sheared(1) },
  translateX: { signed: true, change: shifted(0) },
  translateY: { signed: true, change: shifted(1) },
  rotate: { signed: true, change: (sample, degrees, warping) => moved(sample, { angle: -degrees }, warping) },
  brightness: { signed: true, change: colored((picture, v) => adjustBrightness(picture, 1 + v)) },
  color: { signed: true, change: colored((picture, v) => adjustSaturation(picture, 1 + v)) },
  contrast: { signed: true, change: colored((picture, v) => adjustContrast(picture, 1 + v)) },
  sharpness: { signed: true, change: colored((picture, v) => adjustSharpness(picture, 1 + v)) },
  posterize: { signed: false, change: colored((picture, v) => posterized(picture, v)) },
  solarize: { signed: false, change: colored((picture, v) => solarized(picture, v)) },
  autocontrast: { signed: false, change: colored((picture) => autocontrasted(picture)) },
  equalize: { signed: false, change: colored((picture) => equalized(picture)) },
} as const satisfies Record<string, { readonly signed: boolean; readonly change: Change }>;

type ChangeName = keyof typeof changes;
const changeNames = Object.keys(changes) as ChangeName[];

/**
 * Some changes out of fourteen, all of one strength (Cubuk et al., 2019, "RandAugment: practical automated data
 * augmentation with a reduced search space"). Changes and strengths are torchvision's; boxes, mask and key points move along.
 */
export const randAugment = defineTransform<RandAugmentOptions>(
  "randAugment",
  { numOps: 2, magnitude: 9, numMagnitudeBins: 31, interpolation: "nearest", fill: 0, minVisibility: 0 },
  (options, check) => {
    const count = check.whole("numOps", options.numOps, 0, 100);
    const bins = check.whole("numMagnitudeBins", options.numMagnitudeBins, 2, 1000);
    const magnitude = check.whole("magnitude", options.magnitude, 0, bins - 1);
    const warping = checkWarping(options, check);
    const level = magnitude / (bins - 1);
    return (sample, random) => {
      for (let i = 0; i < count; i++) {
        const { width, height } = sample.image;
        sample = applyRandom(sample, random, warping, () => ({
          ...colorStrengths(level, 0.9, 4),
          shear: 0.3 * level,
          translate: [(150 / 331) * width * level, (150 / 331) * height * level],
          rotate: 30 * level,
        }));
      }
      return sample;
    };
  },
);

/**
 * One change out of fourteen, of random strength (Müller and Hutter, 2021, "TrivialAugment: tuning-free yet
 * state-of-the-art data augmentation"), in its wide variant.
 */
export const trivialAugmentWide = defineTransform<TrivialAugmentOptions>(
  "trivialAugmentWide",
  { numMagnitudeBins: 31, interpolation: "nearest", fill: 0, minVisibility: 0 },
  (options, check) => {
    const bins = check.whole("numMagnitudeBins", options.numMagnitudeBins, 2, 1000);
    const warping = checkWarping(options, check);
    return (sample, random) =>
      applyRandom(sample, random, warping, () => {
        const level = random.int(bins) / (bins - 1);
        return {
          ...colorStrengths(level, 0.99, 6),
          shear: 0.99 * level,
          translate: [32 * level, 32 * level],
          rotate: 135 * level,
        };
      });
  },
);

interface Strengths {
  /** Tangent of the angle. */
  readonly shear: number;
  /** Pixels. */
  readonly translate: readonly [x: number, y: number];
  /** Degrees. */
  readonly rotate: number;
  readonly enhance: number;
  /** Bits that stay. */
  readonly bits: number;
  readonly threshold: number;
}

function colorStrengths(level: number, enhance: number, bitsOff: number) {
  return { enhance: enhance * level, bits: 8 - roundHalfEven(level * bitsOff), threshold: 255 * (1 - level) };
}

/** As torch rounds. */
function roundHalfEven(v: number): number {
  const floor = Math.floor(v);
  return v - floor === 0.5 ? floor + (floor % 2) : Math.round(v);
}

function strengthOf(name: ChangeName, { shear, translate, rotate, enhance, bits, threshold }: Strengths): number {
  switch (name) {
    case "shearX":
    case "shearY":
      return shear;
    case "translateX":
      return translate[0];
    case "translateY":
      return translate[1];
    case "rotate":
      return rotate;
    case "brightness":
    case "color":
    case "contrast":
    case "sharpness":
      return enhance;
    case "posterize":
      return bits;
    case "solarize":
      return threshold;
    case "identity":
    case "autocontrast":
    case "equalize":
      return 0;
    default:
      throw new Error(name satisfies never);
  }
}

function applyRandom(sample: Sample, random: RandomStream, warping: Warping, strengths: () => Strengths): Sample {
  const name = changeNames[random.int(changeNames.length)]!;
  const { signed, change } = changes[name];
  const strength = strengthOf(name, strengths());
  return change(sample, signed && random.int(2) === 1 ? -strength : strength, warping);
}

function colored(change: (picture: Picture, strength: number) => Picture): Change {
  return (sample, strength) => withImage(sample, change(sample.image, strength));
}

/** Shifts by whole pixels. */
function shifted(axis: 0 | 1): Change {
  return (sample, pixels, warping) => {
    const by = Math.trunc(pixels);
    return moved(sample, { translate: axis === 0 ? [by, 0] : [0, by] }, warping);
  };
}

/** A row y shows the source from x + strength · y on, as in AutoAugment; or columns alike. */
function sheared(axis: 0 | 1): Change {
  return (sample, tangent, warping) =>
    warpSample(
      sample,
      projectiveSource(axis === 0 ? [1, tangent, 0, 0, 1, 0, 0, 0, 1] : [1, 0, 0, tangent, 1, 0, 0, 0, 1]),
      warping,
    );
}

function moved(sample: Sample, how: Partial<AffineParameters>, warping: Warping): Sample {
  const { width, height } = sample.image;
  const still = { angle: 0, translate: [0, 0], scale: 1, shear: [0, 0], center: [width / 2, height / 2] } as const;
  return warpSample(sample, projectiveSource(inverseAffine({ ...still, ...how })), warping);
}
