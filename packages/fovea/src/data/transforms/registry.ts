import { UsageError } from "../../base/errors.ts";
import { addNoise, frequencyMask, timeMask, timeShift } from "../audio/augment.ts";
import { amplitudeToDb } from "../audio/decibels.ts";
import { melSpectrogram, mfcc } from "../audio/mel.ts";
import { resampleAudio } from "../audio/resample.ts";
import { spectrogram } from "../audio/spectrogram.ts";
import type { AnySample, Sample } from "../sample.ts";
import { affine, rotate } from "./affine.ts";
import { colorJitter, grayscale, lighting } from "./color.ts";
import { compose, composition, randomApply, randomChoice } from "./compose.ts";
import { centerCrop, pad, randomCrop, randomResizedCrop } from "./crop.ts";
import { elastic } from "./elastic.ts";
import { cutout, randomErasing } from "./erase.ts";
import { horizontalFlip, verticalFlip } from "./flip.ts";
import { perspective } from "./perspective.ts";
import { randAugment, trivialAugmentWide } from "./randAugment.ts";
import { resize } from "./resize.ts";
import { autocontrast, equalize, gaussianBlur, invert, posterize, sharpness, solarize } from "./tone.ts";
import type { Transform, TransformFactory, TransformSpec } from "./transform.ts";

/** Every transform that a name stands for. */
export const builtIn = {
  affine,
  autocontrast,
  centerCrop,
  colorJitter,
  compose: composition,
  cutout,
  elastic,
  equalize,
  gaussianBlur,
  grayscale,
  horizontalFlip,
  invert,
  lighting,
  pad,
  perspective,
  posterize,
  randAugment,
  randomApply,
  randomChoice,
  randomCrop,
  randomErasing,
  randomResizedCrop,
  resize,
  rotate,
  sharpness,
  solarize,
  trivialAugmentWide,
  verticalFlip,
  // Of waves and spectrograms:
  addNoise,
  amplitudeToDb,
  frequencyMask,
  melSpectrogram,
  mfcc,
  resampleAudio,
  spectrogram,
  timeMask,
  timeShift,
} as const;

/** Names of the built-in transforms. */
export type TransformName = keyof typeof builtIn;

/**
 * A transform from its name and options, as a worker thread or a file has them; from a list, `compose` of it.
 *
 * @param spec What `{ name, options }` of a built-in transform gave; or a transform, which is given back.
 */
export function transformFrom<S extends AnySample = Sample>(
  spec: TransformSpec | readonly TransformSpec[],
): Transform<S> {
  if (Array.isArray(spec)) return compose<S>(spec.map((one: TransformSpec) => transformFrom<S>(one)));
  const { name, options = {}, apply } = spec as TransformSpec & Partial<Transform<S>>;
  if (apply !== undefined) return spec as Transform<S>;
  if (!Object.hasOwn(builtIn, name)) {
    throw new UsageError(
      `transformFrom: no built-in transform is called ${JSON.stringify(name)}; there are ${Object.keys(builtIn).join(", ")}. ` +
        "A transform of your own cannot be sent to a worker thread: load without workers",
    );
  }
  const make = builtIn[name as TransformName] as unknown as TransformFactory<object, S>;
  const { transforms } = options as { readonly transforms?: readonly TransformSpec[] };
  return make(
    Array.isArray(transforms) ? { ...options, transforms: transforms.map((t) => transformFrom(t)) } : options,
  );
}
