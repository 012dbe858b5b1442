import "../../tensor.ts"; // gradients are written with tensor methods

/** Keras' layers with Keras' arguments (camelCase), on the same ops and weights as `fovea/nn`. */
export {
  Activation,
  ELU,
  LeakyReLU,
  PReLU,
  ReLU,
  Softmax,
  ThresholdedReLU,
  type PReLUArguments,
  type ReLUArguments,
} from "./activationLayers.ts";
export { activations, type ActivationArgument, type ActivationFunction } from "./activations.ts";
export {
  Cropping1D,
  Cropping2D,
  Cropping3D,
  UpSampling1D,
  UpSampling2D,
  UpSampling3D,
  ZeroPadding1D,
  ZeroPadding2D,
  ZeroPadding3D,
  type Cropping1DArguments,
  type Cropping2DArguments,
  type Cropping3DArguments,
  type Interpolation,
  type UpSampling2DArguments,
  type UpSamplingArguments,
  type ZeroPadding1DArguments,
  type ZeroPadding2DArguments,
  type ZeroPadding3DArguments,
} from "./borders.ts";
export { constraints, type ConstraintArgument, type KernelAxis } from "./constraints.ts";
export { Conv1D, Conv2D, Conv3D, type ConvArguments, type WeightArguments, type WindowArguments } from "./conv.ts";
export { Conv1DTranspose, Conv2DTranspose, Conv3DTranspose, type ConvTransposeArguments } from "./convTranspose.ts";
export type { DataFormat } from "./dataFormat.ts";
export { Dense, type DenseArguments } from "./dense.ts";
export {
  DepthwiseConv1D,
  DepthwiseConv2D,
  SeparableConv1D,
  SeparableConv2D,
  type DepthwiseConvArguments,
  type SeparableConvArguments,
} from "./depthwise.ts";
export { Functional, type FunctionalNode } from "./functional.ts";
export { initializers, type Initializer, type InitializerArgument } from "./initializers.ts";
export { Layer, type KerasShape, type LayerInput, type LayerOptions, type LayerWeight } from "./layer.ts";
export { LocallyConnected1D, LocallyConnected2D, type LocallyConnectedArguments } from "./locallyConnected.ts";
export { losses } from "./losses.ts";
export { Add, Average, Concatenate, Dot, Maximum, Minimum, Multiply, Subtract } from "./merge.ts";
export {
  Dropout,
  GaussianDropout,
  GaussianNoise,
  SpatialDropout1D,
  SpatialDropout2D,
  SpatialDropout3D,
  type DropoutArguments,
  type SpatialDropoutArguments,
} from "./noise.ts";
export { Normalization, type NormalizationArguments } from "./featureNormalization.ts";
export {
  BatchNormalization,
  GroupNormalization,
  LayerNormalization,
  type BatchNormalizationArguments,
  type GroupNormalizationArguments,
  type LayerNormalizationArguments,
  type ScaleArguments,
} from "./normalization.ts";
export {
  AveragePooling1D,
  AveragePooling2D,
  AveragePooling3D,
  GlobalAveragePooling1D,
  GlobalAveragePooling2D,
  GlobalAveragePooling3D,
  GlobalMaxPooling1D,
  GlobalMaxPooling2D,
  GlobalMaxPooling3D,
  MaxPooling1D,
  MaxPooling2D,
  MaxPooling3D,
  MaxPooling2D as MaxPool2D,
  type GlobalPoolingArguments,
  type PoolingArguments,
} from "./pooling.ts";
export { regularizers, type RegularizerArgument } from "./regularizers.ts";
export { Rescaling, type RescalingArguments } from "./rescaling.ts";
export { Flatten, Permute, RepeatVector, Reshape } from "./reshaping.ts";
export { Input, Sequential, type InputSpec } from "./sequential.ts";
export {
  convKernel,
  denseAfterFlatten,
  denseKernel,
  depthwiseKernel,
  fromKeras,
  locallyConnectedBias,
  locallyConnectedKernel,
  sameLayout,
  toKeras,
  type WeightLayout,
} from "./weights.ts";
