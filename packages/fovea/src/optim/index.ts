import "../tensor.ts"; // gradients are written with tensor methods

export { Adadelta, type AdadeltaOptions } from "./adadelta.ts";
export { Adagrad, type AdagradOptions } from "./adagrad.ts";
export { clipGradNorm, clipGradValue, clippedByNorm, clippedByValue, globalNorm } from "./clip.ts";
export { Adam, AdamW, type AdamOptions } from "./adam.ts";
export { Adamax, type AdamaxOptions } from "./adamax.ts";
export { LAMB, type LAMBOptions } from "./lamb.ts";
export { LARS, type LARSOptions } from "./lars.ts";
export { Lion, type LionOptions } from "./lion.ts";
export { Muon, type MuonOptions } from "./muon.ts";
export { NAdam, type NAdamOptions } from "./nadam.ts";
export {
  Optimizer,
  type MinimizeOptions,
  type OptimizerOptions,
  type OptimizerState,
  type ParameterGroup,
  type Update,
} from "./optimizer.ts";
export { RMSprop, type RMSpropOptions } from "./rmsprop.ts";
export { oneCycle, oneCycleMomentum, type OneCycleMomentumOptions, type OneCycleOptions } from "./oneCycle.ts";
export { parameterGroups, type LayerGroup, type ParameterGroupsOptions } from "./parameterGroups.ts";
export { Plateau, type PlateauOptions, type PlateauState } from "./plateau.ts";
export {
  constant,
  cosine,
  cosineRestarts,
  exponential,
  linear,
  multiStep,
  polynomial,
  step,
  warmup,
  type CosineOptions,
  type CosineRestartsOptions,
  type ExponentialOptions,
  type LinearOptions,
  type MultiStepOptions,
  type PolynomialOptions,
  type Schedule,
  type StepOptions,
} from "./schedules.ts";
export { SGD, type SGDOptions } from "./sgd.ts";
