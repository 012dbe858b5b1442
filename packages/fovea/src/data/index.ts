export * as audio from "./audio/index.ts";
export { ArrayDataset, type ArrayData } from "./arrayDataset.ts";
export { ImageDataset, type ImageData } from "./dataset.ts";
export {
  cifar10,
  cifar100,
  parseCifar,
  type Cifar10Options,
  type Cifar100Options,
  type CifarOptions,
} from "./datasets/cifar.ts";
export { formatCsv, parseCsv } from "./datasets/csv.ts";
export { emnist, type EmnistPart } from "./datasets/emnist.ts";
export { fashionMnist, idxDataset, mnist } from "./datasets/mnist.ts";
export { optdigits } from "./datasets/optdigits.ts";
export { npzDataset, type NpzOptions } from "./datasets/npzDataset.ts";
export { strokes, strokesImage } from "./datasets/strokes.ts";
export { timeSeries, type TimeSeriesOptions } from "./datasets/timeSeries.ts";
export { readWav, type Wave } from "./datasets/wav.ts";
export type { Entry, FramesEntry, MaskFile, MaskShape, MaskShapes, PictureEntry, WaveEntry } from "./entry.ts";
export { parseIdx } from "./idx.ts";
export { DataLoader, type BadSample, type Batch, type BatchTransform, type DataLoaderOptions } from "./loader.ts";
export type { Sampler } from "./order.ts";
export type {
  AnySample,
  ArraySample,
  Box,
  Dataset,
  Keypoint,
  Mask,
  Picture,
  Sample,
  SampleTransform,
} from "./sample.ts";
export type { Target } from "./stack.ts";
export { cropCentre, resizeImage, type Interpolation, type RgbImage } from "./image.ts";
export { imagenetClasses, type ImageNetClass } from "./imagenetClasses.ts";
export { decodePredictions, topClasses, type ImageNetPrediction, type Prediction } from "./predictions.ts";
export {
  fitImage,
  preprocessImages,
  preprocessInput,
  valueRules,
  type Preprocessing,
  type PreprocessInputOptions,
  type PreprocessMode,
  type ValueRule,
} from "./preprocess.ts";
export { pictureOptions } from "./pictureOptions.ts";
export { split, splitIndices, subset, type SplitOptions } from "./subset.ts";
export * as transforms from "./transforms/index.ts";
export { channelStatistics, type ChannelStatistics, type ChannelStatisticsOptions } from "./statistics.ts";
