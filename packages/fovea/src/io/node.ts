/** `fovea/io` in Node: also what touches files and the network. */
export * from "./index.ts";
export { cacheFolder, download } from "./download.ts";
export { readFile, writeFileAtomic } from "./files.ts";
export { dataBeside, readOnnx } from "./onnx/file.ts";
export { readWeights, type ReadWeightsOptions } from "./weights.ts";
