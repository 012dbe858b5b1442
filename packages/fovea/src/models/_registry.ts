import { UsageError } from "../base/errors.ts";
import { nearest } from "../base/nearest.ts";
import type { Module } from "../nn/module.ts";
import { squareImage } from "./_classifier.ts";
import { alexnet } from "./alexnet.ts";
import { cifarResnet110, cifarResnet20, cifarResnet32, cifarResnet44, cifarResnet56 } from "./cifarResnet.ts";
import { densenet121, densenet161, densenet169, densenet201 } from "./densenet.ts";
import { googlenet } from "./googlenet.ts";
import { inceptionv3 } from "./inceptionv3.ts";
import { lenet5, lenet5InputShape } from "./lenet5.ts";
import { mobilenetv2 } from "./mobilenetv2.ts";
import { resnet101, resnet152, resnet18, resnet34, resnet50, resnext50, wideResnet50 } from "./resnet.ts";
import { unet } from "./unet.ts";
import { vgg11, vgg13, vgg16, vgg19, type VGGOptions } from "./vgg.ts";

/** What the zoo knows of a model. */
interface Entry<Options> {
  /** One line for people who choose. */
  readonly summary: string;
  create(options?: Options): Module;
  /** Shape of one input, without the batch. */
  inputShape(options?: Options): readonly number[];
}

function entry<M extends Module, O extends object>(
  summary: string,
  create: (options?: O) => M,
  inputShape: (options?: O) => readonly number[],
): { readonly summary: string; create(options?: O): M; inputShape(options?: O): readonly number[] } {
  return { summary, create, inputShape };
}

const at32 = squareImage(32);
const at224 = squareImage(224);
const at256 = squareImage(256);
const at299 = squareImage(299);

type VGGNormOptions = Omit<VGGOptions, "batchNorm">;
const normalized =
  (create: (options: VGGOptions) => ReturnType<typeof vgg16>) =>
  (options: VGGNormOptions = {}) =>
    create({ ...options, batchNorm: true });

/**
 * Every model by name: the network, and after a dot whose form of it where there are several.
 *
 * `resnet50.torchvision` and Keras' ResNet-50 differ in strides, biases and arithmetic; a name says which one it is.
 */
export const registry = {
  "alexnet.torchvision": entry("AlexNet (2012) in torchvision's widths", alexnet, at224),
  densenet121: entry("DenseNet-121 (2016)", densenet121, at224),
  densenet161: entry("DenseNet-161 (2016)", densenet161, at224),
  densenet169: entry("DenseNet-169 (2016)", densenet169, at224),
  densenet201: entry("DenseNet-201 (2016)", densenet201, at224),
  "googlenet.torchvision": entry("GoogLeNet (2014) with batch normalisation, as in torchvision", googlenet, at224),
  "inceptionv3.torchvision": entry("Inception v3 (2015) as in torchvision", inceptionv3, at299),
  lenet5: entry(
    "LeNet-5 (1998): two convolutions, three fully connected layers; digits in seconds",
    lenet5,
    lenet5InputShape,
  ),
  mobilenetv2: entry("MobileNet v2 (2018): depthwise convolutions, small and quick", mobilenetv2, at224),
  "resnet101.torchvision": entry("ResNet-101 (2015), v1.5", resnet101, at224),
  "resnet110.cifar": entry("ResNet-110 for CIFAR-10 (2015)", cifarResnet110, at32),
  "resnet152.torchvision": entry("ResNet-152 (2015), v1.5", resnet152, at224),
  "resnet18.torchvision": entry("ResNet-18 (2015)", resnet18, at224),
  "resnet20.cifar": entry("ResNet-20 for CIFAR-10 (2015)", cifarResnet20, at32),
  "resnet32.cifar": entry("ResNet-32 for CIFAR-10 (2015)", cifarResnet32, at32),
  "resnet34.torchvision": entry("ResNet-34 (2015)", resnet34, at224),
  "resnet44.cifar": entry("ResNet-44 for CIFAR-10 (2015)", cifarResnet44, at32),
  "resnet50.torchvision": entry("ResNet-50 (2015), v1.5", resnet50, at224),
  "resnet56.cifar": entry("ResNet-56 for CIFAR-10 (2015)", cifarResnet56, at32),
  "resnext50.torchvision": entry("ResNeXt-50 32×4d (2016)", resnext50, at224),
  "unet.milesial": entry("U-Net (2015) with padding and batch normalisation: a class for every pixel", unet, at256),
  vgg11: entry("VGG-11 (2014), configuration A", vgg11, at224),
  "vgg11.bn": entry("VGG-11 with batch normalisation", normalized(vgg11), at224),
  vgg13: entry("VGG-13 (2014), configuration B", vgg13, at224),
  "vgg13.bn": entry("VGG-13 with batch normalisation", normalized(vgg13), at224),
  vgg16: entry("VGG-16 (2014), configuration D", vgg16, at224),
  "vgg16.bn": entry("VGG-16 with batch normalisation", normalized(vgg16), at224),
  vgg19: entry("VGG-19 (2014), configuration E", vgg19, at224),
  "vgg19.bn": entry("VGG-19 with batch normalisation", normalized(vgg19), at224),
  "wide-resnet50-2.torchvision": entry("Wide ResNet-50-2 (2016)", wideResnet50, at224),
} as const satisfies Record<string, Entry<never>>;

export type ModelName = keyof typeof registry;
export type ModelOptions<N extends ModelName> = NonNullable<Parameters<(typeof registry)[N]["create"]>[0]>;
export type ModelOf<N extends ModelName> = ReturnType<(typeof registry)[N]["create"]>;

/** Names that `create` takes. */
export const modelNames = Object.keys(registry) as ModelName[];

/** Names that `create` takes, or those that fit a pattern with `*` for anything: `list("resnet*")`. */
export function list(pattern = "*"): ModelName[] {
  const parts = pattern.split("*").map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`));
  const expression = new RegExp(`^${parts.join(".*")}$`);
  return modelNames.filter((name) => expression.test(name));
}

/** A model by name: `create("resnet50.torchvision", { numClasses: 10 })`. */
export function create<N extends ModelName>(name: N, options?: ModelOptions<N>): ModelOf<N> {
  return entryOf(name).create(options) as ModelOf<N>;
}

/** Shape of one input of the model, without the batch. */
export function inputShape<N extends ModelName>(name: N, options?: ModelOptions<N>): readonly number[] {
  return entryOf(name).inputShape(options);
}

/** True for a name that `create` takes. */
export function isModelName(name: string): name is ModelName {
  return Object.hasOwn(registry, name);
}

/** The entry, seen as one that takes any options: `create` and `inputShape` have checked them by name. */
function entryOf(name: string): Entry<object> {
  if (isModelName(name)) return registry[name] as Entry<object>;
  const near = modelNames.find((known) => known.startsWith(`${name}.`)) ?? nearest(name, modelNames);
  throw new UsageError(
    `there is no model "${name}"${near === null ? "" : `; did you mean "${near}"?`} Models are: ${modelNames.join(", ")}`,
  );
}
