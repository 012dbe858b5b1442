export { affine, rotate, type AffineOptions, type RotateOptions, type Spread, type WarpingOptions } from "./affine.ts";
export {
  colorJitter,
  grayscale,
  lighting,
  type ColorJitterOptions,
  type GrayscaleOptions,
  type LightingOptions,
} from "./color.ts";
export { compose, randomApply, randomChoice, type RandomApplyOptions, type RandomChoiceOptions } from "./compose.ts";
export { contactSheet, type ContactSheetOptions } from "./contactSheet.ts";
export {
  centerCrop,
  pad,
  randomCrop,
  randomResizedCrop,
  type CenterCropOptions,
  type Padding,
  type PadOptions,
  type RandomCropOptions,
  type RandomResizedCropOptions,
} from "./crop.ts";
export { elastic, type ElasticOptions } from "./elastic.ts";
export { cutout, randomErasing, type CutoutOptions, type RandomErasingOptions } from "./erase.ts";
export { horizontalFlip, verticalFlip, type FlipOptions } from "./flip.ts";
export { cutMix, mixUp, type MixOptions } from "./mix.ts";
export type { Fill, Size } from "./options.ts";
export { perspective, type PerspectiveOptions } from "./perspective.ts";
export type { FlipPairs } from "./places.ts";
export { randAugment, trivialAugmentWide, type RandAugmentOptions, type TrivialAugmentOptions } from "./randAugment.ts";
export { transformFrom, type TransformName } from "./registry.ts";
export { resize, type ResizeOptions } from "./resize.ts";
export {
  autocontrast,
  equalize,
  gaussianBlur,
  invert,
  posterize,
  sharpness,
  solarize,
  type AutocontrastOptions,
  type EqualizeOptions,
  type GaussianBlurOptions,
  type InvertOptions,
  type PosterizeOptions,
  type SharpnessOptions,
  type SolarizeOptions,
} from "./tone.ts";
export { defineTransform, type Transform, type TransformFactory, type TransformSpec } from "./transform.ts";
export type { PaddingMode } from "./window.ts";
