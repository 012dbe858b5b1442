import "../tensor.ts"; // gradients are written with tensor methods

export { countParameters } from "../nn/count.ts";
export {
  create,
  inputShape,
  isModelName,
  modelNames,
  type ModelName,
  type ModelOf,
  type ModelOptions,
} from "./_registry.ts";
export { countConnections, LeNet5Original } from "./lenet5-1998.ts";
export { LeNet5, lenet5, type LeNet5Options } from "./lenet5.ts";
