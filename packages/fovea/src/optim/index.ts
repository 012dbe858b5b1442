import "../tensor.ts"; // gradients are written with tensor methods

export { clipGradNorm, clipGradValue, clippedByNorm, clippedByValue, globalNorm } from "./clip.ts";
export { Adam, AdamW, type AdamOptions } from "./adam.ts";
export {
  Optimizer,
  type MinimizeOptions,
  type OptimizerOptions,
  type OptimizerState,
  type ParameterGroup,
  type Update,
} from "./optimizer.ts";
export { constant, cosine, step, warmup, type CosineOptions, type Schedule, type StepOptions } from "./schedules.ts";
export { SGD, type SGDOptions } from "./sgd.ts";
