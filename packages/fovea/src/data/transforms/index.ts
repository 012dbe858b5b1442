export { compose, randomApply, randomChoice, type RandomApplyOptions, type RandomChoiceOptions } from "./compose.ts";
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
export { horizontalFlip, verticalFlip, type FlipOptions } from "./flip.ts";
export type { Fill, Size } from "./options.ts";
export type { FlipPairs } from "./places.ts";
export { transformFrom, type TransformName } from "./registry.ts";
export { resize, type ResizeOptions } from "./resize.ts";
export { defineTransform, type Transform, type TransformFactory, type TransformSpec } from "./transform.ts";
export type { PaddingMode } from "./window.ts";
