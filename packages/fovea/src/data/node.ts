/** `fovea/data` in Node: also what reads folders and downloads. */
export * from "./index.ts";
export { imageFolder, type ImageFolder, type ImageFolderOptions } from "./datasets/imageFolder.ts";
export { downloadSource, folderSource } from "./datasets/sources.ts";
export { FileDataset } from "./fileDataset.ts";
export { readEntry } from "./readEntry.ts";
export { decodeImage, readImage, type ReadImageOptions } from "./readImage.ts";
export { encodePng, writeImage } from "./writeImage.ts";
