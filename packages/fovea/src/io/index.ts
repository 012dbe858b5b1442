export { parseNpy, type NpyArray } from "./npy.ts";
export * from "./onnx/index.ts";
export { encodeSafetensors, parseSafetensors } from "./safetensors.ts";
export { toHostTensor, toStoredTensor } from "./stored-dtype.ts";
export { readTar, type TarEntry } from "./tar.ts";
