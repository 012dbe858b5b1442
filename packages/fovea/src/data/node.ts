/** `fovea/data` in Node: also what reads folders and downloads. */
export * from "./index.ts";
export { downloadSource, folderSource } from "./datasets/sources.ts";
export { decodeImage, readImage, type ReadImageOptions } from "./readImage.ts";
