export { validateOnnx } from "./check.ts";
export { UnsupportedNodeError } from "./errors.ts";
export { readGraph, type AttributeValue, type OnnxGraph, type OnnxNode, type Subgraph, type ValueInfo } from "./graph.ts";
export { loadOnnx, OnnxModel, type LoadOnnxOptions } from "./module.ts";
export { onnxOperators } from "./ops/index.ts";
export { readOnnxTensor } from "./tensorFile.ts";
export type { Constant, ExternalData } from "./tensors.ts";
export { Value } from "./value.ts";
export { exportOnnx, type ExportOnnxOptions } from "./write.ts";
