/** `fovea/io` in Node: also what touches files and the network. */
export * from "./index.ts";
export { cacheFolder, download, type Checksums, type DownloadOptions } from "./download.ts";
export { readFile, writeFileAtomic } from "./files.ts";
export { hubCacheFolder, hubDownload, type HubFile, type HubOptions } from "./hub.ts";
export type { LockOwner } from "./lock.ts";
export { dataBeside, readOnnx } from "./onnx/file.ts";
export { readWeights, type ReadWeightsOptions } from "./weights.ts";
