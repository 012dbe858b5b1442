export { validateOnnx } from "./check.ts";
export { UnsupportedNodeError } from "./errors.ts";
export {
  readGraph,
  type AttributeValue,
  type OnnxGraph,
  type OnnxNode,
  type Subgraph,
  type ValueInfo,
} from "./graph.ts";
export { loadOnnx, OnnxModel, type LoadOnnxOptions } from "./module.ts";
export { onnxOperators } from "./ops/index.ts";
export { onnxTensor, readOnnxTensor } from "./tensorFile.ts";
export type { Constant as OnnxConstant, ExternalData } from "./tensors.ts";
export { exportOnnx, type ExportOnnxOptions } from "./write.ts";
