import "../tensor.ts"; // gradients are written with tensor methods

export {
  CELU,
  ELU,
  GELU,
  GLU,
  LeakyReLU,
  LogSigmoid,
  LogSoftmax,
  Maxout,
  Mish,
  PReLU,
  ReLU,
  SELU,
  Sigmoid,
  SiLU,
  Softmax,
  Softplus,
  Softsign,
  Tanh,
} from "./activation.ts";
export { BatchNorm1d, BatchNorm2d, BatchNorm3d, type BatchNormOptions } from "./batchNorm.ts";
export { Conv2d, type Conv2dOptions } from "./conv.ts";
export {
  applyConstraints,
  maxNorm,
  minMaxNorm,
  nonNeg,
  unitNorm,
  type Constraint,
  type MinMaxNormOptions,
} from "./constraints.ts";
export { countParameters } from "./count.ts";
export {
  AlphaDropout,
  DropBlock2d,
  Dropout,
  Dropout1d,
  Dropout2d,
  Dropout3d,
  StochasticDepth,
  type StochasticDepthMode,
} from "./dropout.ts";
export * as init from "./init.ts";
export {
  Hardshrink,
  Hardsigmoid,
  Hardswish,
  Hardtanh,
  ReLU6,
  Softshrink,
  Tanhshrink,
  Threshold,
} from "./hardActivation.ts";
export { Linear, type LinearOptions } from "./linear.ts";
export {
  BCELoss,
  BCEWithLogitsLoss,
  ContrastiveLoss,
  CosineEmbeddingLoss,
  crossEntropy,
  CrossEntropyLoss,
  DiceLoss,
  FocalLoss,
  HingeLoss,
  HuberLoss,
  JaccardLoss,
  KLDivLoss,
  L1Loss,
  MSELoss,
  mseLoss,
  MultiMarginLoss,
  NLLLoss,
  SigmoidFocalLoss,
  SmoothL1Loss,
  TripletMarginLoss,
  type LossOptions,
  type Reduction,
} from "./losses.ts";
export { Module, observeForward, type AnyModule, type ForwardObserver } from "./module.ts";
export {
  GroupNorm,
  InstanceNorm1d,
  InstanceNorm2d,
  InstanceNorm3d,
  LayerNorm,
  type GroupNormOptions,
  type InstanceNormOptions,
  type LayerNormOptions,
} from "./normalization.ts";
export { Buffer, Parameter } from "./parameter.ts";
export { AvgPool2d, MaxPool2d } from "./pooling.ts";
export { recomputeBatchNorm, type Batches, type RecomputeOptions } from "./recomputeBatchNorm.ts";
export { l1, l1l2, l2, orthogonalPenalty, penalized, regularization, type Regularizer } from "./regularizers.ts";
export { Sequential } from "./sequential.ts";
export { ChannelShuffle, Flatten, Identity, PixelShuffle, PixelUnshuffle, Unflatten } from "./shape.ts";
export type { LoadOptions, LoadResult } from "./stateDict.ts";
