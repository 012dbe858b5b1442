/** `fovea/io` in Node: also what touches files and the network. */
export * from "./index.ts";
export { cacheFolder, download } from "./download.ts";
export { readFile, writeFileAtomic } from "./files.ts";
