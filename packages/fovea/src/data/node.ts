/** `fovea/data` in Node: also what reads folders and downloads. */
export * from "./index.ts";
export { frameFolder, waveFolder, type FrameFolderOptions, type WaveFolderOptions } from "./datasets/clips.ts";
export { cocoDataset, type CocoOptions } from "./datasets/coco.ts";
export { imageFolder, type ImageFolder, type ImageFolderOptions } from "./datasets/imageFolder.ts";
export { maskFolder, type MaskFolderOptions } from "./datasets/maskFolder.ts";
export { openDataset, type OpenedDataset, type OpenOptions } from "./datasets/open.ts";
export { downloadSource, folderSource } from "./datasets/sources.ts";
export { vocDataset, type VocOptions } from "./datasets/voc.ts";
export { FileDataset } from "./fileDataset.ts";
export { readEntry } from "./readEntry.ts";
export { decodeImage, readImage, readSize, type ReadImageOptions } from "./readImage.ts";
export { splitFile, type SplitFileOptions } from "./suggestSplit.ts";
export {
  requireTrainable,
  summarizeDataset,
  type DatasetParts,
  type DatasetSummary,
  type Found,
  type SummarizeOptions,
} from "./summarize.ts";
export { encodePng, writeImage } from "./writeImage.ts";
