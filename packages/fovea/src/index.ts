import "./tensor.ts";

export type { Attrs, Backend, EngineName, MemoryStats, NdArray, TensorSpec } from "./backend/contract.ts";
export {
  availableEngines,
  currentEngine,
  engineNames,
  engineState,
  init,
  setEngine,
  setExact,
  setThreads,
  threads,
  withEngine,
  type EngineState,
  type InitOptions,
} from "./backend/engines.ts";
export type { DType, TypedArray } from "./base/dtype.ts";
export { FormatError, FoveaError, ShapeError, UnsupportedOpError, UsageError } from "./base/errors.ts";
export { defaultStream, manualSeed, RandomStream, restoreDefaultStream, type RandomState } from "./base/random.ts";
export type { Shape } from "./base/shape.ts";
export {
  compile,
  type Compiled,
  type CompiledPlan,
  type CompileOptions,
  type ExplainOptions,
  type TensorTree,
} from "./graph/compile.ts";
export { PlanReport, type PlanRow } from "./graph/planReport.ts";
export { countMacs } from "./graph/macs.ts";
export * as models from "./models/index.ts";
export {
  gradCheck,
  type GradCheckEntry,
  type GradCheckOptions,
  type GradCheckPoint,
  type GradCheckReport,
  type GradCheckTarget,
} from "./nn/gradCheck.ts";
export { featureNames, FeatureExtractor, features, type Features, type FeaturesOptions } from "./nn/features.ts";
export * as nn from "./nn/index.ts";
export * as keras from "./nn/keras/index.ts";
export {
  celu,
  elu,
  gelu,
  glu,
  hardShrink,
  hardSigmoid,
  hardSwish,
  hardTanh,
  leakyRelu,
  logSigmoid,
  maxout,
  mish,
  prelu,
  relu6,
  selu,
  silu,
  softplus,
  softShrink,
  softsign,
  tanhShrink,
  threshold,
  type GeluApproximation,
} from "./ops/activations.ts";
export {
  adaptiveAvgPool1d,
  adaptiveAvgPool2d,
  adaptiveAvgPool3d,
  adaptiveMaxPool1d,
  adaptiveMaxPool1dWithIndices,
  adaptiveMaxPool2d,
  adaptiveMaxPool2dWithIndices,
  adaptiveMaxPool3d,
  adaptiveMaxPool3dWithIndices,
  globalAvgPool,
  globalLpPool,
  globalMaxPool,
  type OutputPair,
  type OutputTriple,
} from "./ops/adaptivePool.ts";
export { assign } from "./ops/assign.ts";
export {
  avgPool1d,
  avgPool2d,
  avgPool3d,
  type AvgPool1dOptions,
  type AvgPool2dOptions,
  type AvgPool3dOptions,
  type AvgPoolOptions,
} from "./ops/avgPool.ts";
export { batchNorm, channelMoments } from "./ops/batchNorm.ts";
export { add, div, maximum, minimum, mul, pow, sub } from "./ops/binary.ts";
export {
  bceLoss,
  bceWithLogitsLoss,
  diceLoss,
  hingeLoss,
  jaccardLoss,
  sigmoidFocalLoss,
  type BceOptions,
  type BceWithLogitsOptions,
  type OverlapOptions,
  type SigmoidFocalLossOptions,
} from "./ops/binaryLosses.ts";
export { cast } from "./ops/cast.ts";
export {
  equal,
  greater,
  greaterEqual,
  less,
  lessEqual,
  logicalAnd,
  logicalNot,
  logicalOr,
  logicalXor,
  notEqual,
} from "./ops/compare.ts";
export { conv1d } from "./ops/conv1d.ts";
export { conv2d } from "./ops/conv2d.ts";
export { conv3d } from "./ops/conv3d.ts";
export { convArithmetic, type ConvArithmetic, type ConvArithmeticName } from "./ops/convArithmetic.ts";
export { convMatrix, sparseConvMatrix, toeplitz } from "./ops/convMatrix.ts";
export type { Conv1dOptions, Conv2dOptions, Conv3dOptions, ConvOptions } from "./ops/convShape.ts";
export {
  convTranspose1d,
  convTranspose2d,
  convTranspose3d,
  type ConvTranspose1dOptions,
  type ConvTranspose2dOptions,
  type ConvTranspose3dOptions,
  type ConvTransposeOptions,
} from "./ops/convTranspose.ts";
export { autocorrelate, convolve, correlate, flipKernel, type ConvolveMode } from "./ops/convolve.ts";
export { cumsum } from "./ops/cumsum.ts";
export { dropout } from "./ops/dropout.ts";
export { indexAdd, indexSelect, scatterAdd, takeAlongAxis } from "./ops/gather.ts";
export { gridSample, type GridSampleOptions } from "./ops/gridSample.ts";
export { interpolate, type InterpolateMode, type InterpolateOptions } from "./ops/interpolate.ts";
export { linear } from "./ops/linear.ts";
export { localResponseNorm, type LocalResponseNormOptions } from "./ops/localResponseNorm.ts";
export { locallyConnected1d, locallyConnected2d } from "./ops/locallyConnected.ts";
export {
  crossEntropy,
  focalLoss,
  klDiv,
  nllLoss,
  type CrossEntropyOptions,
  type FocalLossOptions,
  type KlDivOptions,
  type NllLossOptions,
} from "./ops/losses.ts";
export { lpPool1d, lpPool2d, lpPool3d, type LpPoolOptions } from "./ops/lpPool.ts";
export {
  contrastiveLoss,
  cosineEmbeddingLoss,
  multiMarginLoss,
  tripletMarginLoss,
  type MarginOptions,
  type MultiMarginOptions,
  type TripletMarginOptions,
} from "./ops/marginLosses.ts";
export { matmul, type MatmulOptions } from "./ops/matmul.ts";
export {
  maxPool1d,
  maxPool1dWithIndices,
  maxPool2dWithIndices,
  maxPool3d,
  maxPool3dWithIndices,
  type MaxPool1dOptions,
  type MaxPool3dOptions,
  type MaxPoolOptions,
  type ValuesAndIndices,
} from "./ops/maxPool.ts";
export { maxPool2d, maxPool2dIndices, type MaxPool2dOptions } from "./ops/maxPool2d.ts";
export { maxUnpool1d, maxUnpool2d, maxUnpool3d, type MaxUnpoolOptions } from "./ops/maxUnpool.ts";
export {
  at,
  concat,
  expand,
  flatten,
  flip,
  narrow,
  pad,
  permute,
  reshape,
  slice,
  split,
  squeeze,
  stack,
  transpose,
  unsqueeze,
} from "./ops/movement.ts";
export { batchedNms, boxIou, nms, softNms, suppress, type SoftNmsOptions, type SuppressOptions } from "./ops/nms.ts";
export { groupNorm, instanceNorm, layerNorm, type NormOptions } from "./ops/norm.ts";
export { padMode, type PaddingMode } from "./ops/padding.ts";
export {
  channelShuffle,
  chunk,
  depthToSpace,
  meshgrid,
  nonzero,
  oneHot,
  pixelShuffle,
  pixelUnshuffle,
  repeatInterleave,
  roll,
  spaceToDepth,
  tile,
  tril,
  triu,
  type DepthOrder,
} from "./ops/rearrange.ts";
export { argmax, argmin, max, mean, min, prod, sum, variance } from "./ops/reduce.ts";
export type { LossOptions, Reduction } from "./ops/reduction.ts";
export {
  huberLoss,
  l1Loss,
  mseLoss,
  smoothL1Loss,
  type HuberLossOptions,
  type SmoothL1LossOptions,
} from "./ops/regressionLosses.ts";
export { resize, type CoordinateMode, type NearestMode, type ResizeOptions } from "./ops/resize.ts";
export { roiAlign, type RoiAlignOptions } from "./ops/roiAlign.ts";
export { gatherND, scatter, scatterND, type ScatterMode } from "./ops/scatter.ts";
export { clamp, where } from "./ops/select.ts";
export {
  depthwiseConv1d,
  depthwiseConv2d,
  depthwiseConv3d,
  separableConv1d,
  separableConv2d,
} from "./ops/separable.ts";
export { logSoftmax, softmax } from "./ops/softmax.ts";
export { argsort, sort, topk, type Sorted } from "./ops/sort.ts";
export { SparseMatrix } from "./ops/sparseMatrix.ts";
export {
  abs,
  ceil,
  cos,
  erf,
  exp,
  floor,
  isFinite,
  isNaN,
  log,
  neg,
  reciprocal,
  relu,
  round,
  rsqrt,
  sigmoid,
  sign,
  sin,
  sqrt,
  square,
  tanh,
} from "./ops/unary.ts";
export { fold, unfold, type UnfoldOptions } from "./ops/unfold.ts";
export type {
  Padding,
  Padding1d,
  Padding2d,
  Padding3d,
  PaddingRule,
  Pair,
  Side,
  Single,
  Triple,
} from "./ops/windows.ts";
export * as optim from "./optim/index.ts";
export { Tensor } from "./tensor.ts";
export { apply, applyList, hostInput, isGradEnabled, noGrad } from "./tensor/apply.ts";
export { backward, grad, zeroGrad, type BackwardOptions } from "./tensor/autograd.ts";
export { arange, full, ones, tensor, zeros, type TensorOptions } from "./tensor/create.ts";
export { defineListOp, defineOp, type ListOpDefinition, type OpDefinition } from "./tensor/op.ts";
export { rand, randn, type RandomOptions } from "./tensor/random.ts";
export { scope } from "./tensor/scope.ts";
export type { NestedArray } from "./tensor/tensor.ts";
