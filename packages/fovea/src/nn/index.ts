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
export {
  AdaptiveAvgPool1d,
  AdaptiveAvgPool2d,
  AdaptiveAvgPool3d,
  AdaptiveMaxPool1d,
  AdaptiveMaxPool2d,
  AdaptiveMaxPool3d,
} from "./adaptivePooling.ts";
export { BatchNorm1d, BatchNorm2d, BatchNorm3d, type BatchNormOptions } from "./batchNorm.ts";
export { Conv1d, Conv2d, Conv3d, type Conv1dOptions, type Conv2dOptions, type Conv3dOptions } from "./conv.ts";
export {
  ConvTranspose1d,
  ConvTranspose2d,
  ConvTranspose3d,
  type ConvTranspose1dOptions,
  type ConvTranspose2dOptions,
  type ConvTranspose3dOptions,
} from "./convTranspose.ts";
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
export { freeze, freezeTo, unfreeze } from "./freezing.ts";
export {
  gradCheck,
  type GradCheckEntry,
  type GradCheckOptions,
  type GradCheckPoint,
  type GradCheckReport,
  type GradCheckTarget,
} from "./gradCheck.ts";
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
export { LocalResponseNorm } from "./localResponseNorm.ts";
export {
  LocallyConnected1d,
  LocallyConnected2d,
  type LocallyConnected1dOptions,
  type LocallyConnected2dOptions,
} from "./locallyConnected.ts";
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
export { featureNames, FeatureExtractor, features, type Features, type FeaturesOptions } from "./features.ts";
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
export {
  CircularPad1d,
  CircularPad2d,
  CircularPad3d,
  ConstantPad1d,
  ConstantPad2d,
  ConstantPad3d,
  ReflectionPad1d,
  ReflectionPad2d,
  ReflectionPad3d,
  ReplicationPad1d,
  ReplicationPad2d,
  ReplicationPad3d,
  ZeroPad1d,
  ZeroPad2d,
  ZeroPad3d,
  type PadSides,
} from "./padding.ts";
export { Buffer, Parameter } from "./parameter.ts";
export {
  AvgPool1d,
  AvgPool2d,
  AvgPool3d,
  LPPool1d,
  LPPool2d,
  LPPool3d,
  MaxPool1d,
  MaxPool2d,
  MaxPool3d,
  MaxUnpool1d,
  MaxUnpool2d,
  MaxUnpool3d,
} from "./pooling.ts";
export { recomputeBatchNorm, type Batches, type RecomputeOptions } from "./recomputeBatchNorm.ts";
export {
  DepthwiseConv1d,
  DepthwiseConv2d,
  SeparableConv1d,
  SeparableConv2d,
  type DepthwiseConv1dOptions,
  type DepthwiseConv2dOptions,
} from "./separable.ts";
export { Sequential } from "./sequential.ts";
export { ChannelShuffle, Flatten, Identity, PixelShuffle, PixelUnshuffle, Unflatten } from "./shape.ts";
export type { LoadOptions, LoadResult } from "./stateDict.ts";
export { summarize, type Summary, type SummaryRow } from "./summary.ts";
export { Upsample, UpsamplingBilinear2d, UpsamplingNearest2d } from "./upsample.ts";
export { Fold, Unfold } from "./unfold.ts";
export {
  type Constraint,
  type MinMaxNormOptions,
  applyConstraints,
  maxNorm,
  minMaxNorm,
  nonNeg,
  unitNorm,
} from "./constraints.ts";
export {
  type Regularizer,
  l1,
  l1l2,
  l2,
  orthogonalPenalty,
  penalized,
  penalties,
  regularization,
} from "./regularizers.ts";
