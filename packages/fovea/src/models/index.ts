import "../tensor.ts"; // gradients are written with tensor methods

export { countParameters } from "../nn/count.ts";
export { ImageClassifier, type ClassifierOptions, type Pooling } from "./_classifier.ts";
export type { Paper, Published } from "./_family.ts";
export {
  about,
  create,
  inputShape,
  isModelName,
  list,
  modelNames,
  type ModelInfo,
  type ModelName,
  type ModelOf,
  type ModelOptions,
  type TopOptions,
} from "./_registry.ts";
export { AlexNet, alexnet, OriginalAlexNet, type AlexNetOptions } from "./alexnet.ts";
export {
  CifarResNet,
  cifarResnet110,
  cifarResnet1202,
  cifarResnet20,
  cifarResnet32,
  cifarResnet44,
  cifarResnet56,
  type CifarResNetOptions,
} from "./cifarResnet.ts";
export { ConvNeXt, type ConvNeXtOptions } from "./convnext.ts";
export { CudaConvNet, type CudaConvNetOptions } from "./cudaConvnet.ts";
export { DenseNet, densenet121, densenet161, densenet169, densenet201, type DenseNetOptions } from "./densenet.ts";
export { EfficientNet, type EfficientNetOptions } from "./efficientnet.ts";
export { facts, type ModelFacts } from "./facts.ts";
export {
  prepareFineTuning,
  parameterCounts,
  trainable,
  tuningCounts,
  type PrepareOptions,
  type ParameterCounts,
  type TuningStrategy,
} from "./prepareFineTuning.ts";
export { GoogLeNet, googlenet, type GoogLeNetOptions, type GoogLeNetOutputs } from "./googlenet.ts";
export { HRNet } from "./hrnet.ts";
export { InceptionResNetV2, type InceptionResNetV2Options } from "./inceptionResnetV2.ts";
export { InceptionV3, inceptionv3, type InceptionV3Options, type InceptionV3Outputs } from "./inceptionv3.ts";
export { kerasTable, type KerasRow } from "./kerasTable.ts";
export { countConnections, LeNet5Original } from "./lenet5-1998.ts";
export { LeNet5, lenet5, type LeNet5Options } from "./lenet5.ts";
export { MobileNetV1, type MobileNetV1Options } from "./mobilenetv1.ts";
export {
  isWeightsName,
  listWeights,
  load,
  weightsInfo,
  type LoadPretrainedOptions,
  type Pretrained,
  type WeightsInfo,
  type WeightsName,
} from "./load.ts";
export { MobileNetV2, mobilenetv2, type MobileNetV2Options } from "./mobilenetv2.ts";
export { MobileNetV3, type MobileNetV3Options } from "./mobilenetv3.ts";
export { RegNet } from "./regnet.ts";
export {
  plain18,
  plain34,
  ResNet,
  resnet101,
  resnet152,
  resnet18,
  resnet34,
  resnet50,
  resnext50,
  wideResnet50,
  type ResNetOptions,
} from "./resnet.ts";
export { KerasResNet } from "./resnetKeras.ts";
export { SqueezeNet, type SqueezeNetOptions } from "./squeezenet.ts";
export { UNet, unet, type UNetOptions } from "./unet.ts";
export { VGG, vgg11, vgg13, vgg16, vgg19, type VGGOptions } from "./vgg.ts";
export { Xception } from "./xception.ts";
