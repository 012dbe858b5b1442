import type { Preprocessing } from "../data/preprocess.ts";
import type { WeightsSource } from "../io/weightsSource.ts";
import type { Published } from "./_family.ts";
import type { ModelName } from "./_registry.ts";
import { squeezenetFromCaffe, withoutDots } from "./_weightNames.ts";

/** Classes that weights know. */
export type LabelSet = "ImageNet" | "CIFAR-10";

/** Published weights: of which network, from where, and how they are used. */
export interface WeightsEntry<N extends ModelName = ModelName> {
  readonly model: N;
  /** For `create`, where the weights want something special. */
  readonly options?: object;
  readonly source: WeightsSource;
  readonly preprocessing: Preprocessing;
  readonly labels: LabelSet;
  /** Percent of the test images with the right class first, and among the first five. */
  readonly metrics: Published & { readonly top5?: number };
  readonly licence: string;
  /** A file of Keras Applications: layers by their order, kernels with the channels last. */
  readonly layout?: "keras";
  /** Our name of a tensor of the file, where they differ. */
  readonly rename?: (name: string) => string;
  /** Tensors of the file that the network has no place for. */
  readonly ignore?: RegExp;
}

interface Details {
  /** Shorter side and crop; default [256, 224]. */
  readonly size?: readonly [resize: number, crop: number];
  readonly interpolation?: "bicubic";
  readonly options?: object;
  readonly rename?: (name: string) => string;
  readonly ignore?: RegExp;
}

function preprocessing({ size = [256, 224], interpolation }: Details): Preprocessing {
  return { resize: size[0], crop: size[1], interpolation: interpolation ?? "bilinear", values: "torch" };
}

/** torchvision's weights: the eight digits in a file's name begin its sha256. */
function torchvision<const N extends ModelName>(
  model: N,
  file: string,
  [top1, top5]: readonly [top1: number, top5: number],
  details: Details = {},
): WeightsEntry<N> {
  const { options, rename, ignore } = details;
  return {
    model,
    ...(options && { options }),
    source: { url: `https://download.pytorch.org/models/${file}`, sha256: /-([0-9a-f]{8})\.pth$/.exec(file)![1]! },
    preprocessing: preprocessing(details),
    labels: "ImageNet",
    metrics: { top1, top5, on: "ImageNet", source: "torchvision 0.14" },
    licence: "BSD-3-Clause",
    ...(rename && { rename }),
    ...(ignore && { ignore }),
  };
}

/** timm's weights on the hub, for networks whose layers it names as torchvision does. */
function timm<const N extends ModelName>(
  model: N,
  tag: string,
  [top1, top5]: readonly [top1: number, top5: number],
  size: readonly [resize: number, crop: number],
): WeightsEntry<N> {
  return {
    model,
    source: { repo: `timm/${tag}`, file: "model.safetensors" },
    preprocessing: preprocessing({ size, interpolation: "bicubic" }),
    labels: "ImageNet",
    metrics: { top1, top5, on: "ImageNet", source: "timm results-imagenet.csv" },
    licence: "Apache-2.0",
  };
}

const GOOGLE = "https://storage.googleapis.com/tensorflow/keras-applications";

/** Keras ported some weights from others, and names their licences; of the rest it says no more than its own. */
function ported(model: string): string {
  if (model.startsWith("vgg")) return "CC-BY (VGG, Oxford)";
  return /^resnet\d+\.keras/.test(model) ? "MIT (Kaiming He)" : "see keras.io/api/applications";
}

/**
 * Keras Applications' weights. Keras publishes md5 sums of them, in keras/src/applications, but none of MobileNet's. The
 * whole picture is resized to a square of `side` pixels, as its examples do.
 */
function keras<const N extends ModelName>(
  model: N,
  file: string,
  md5: string | null,
  [top1, top5]: readonly [top1: number, top5: number],
  mode: "caffe" | "tf",
  side = 224,
): WeightsEntry<N> {
  return {
    model,
    source: { url: `${GOOGLE}/${file}`, ...(md5 !== null && { md5 }) },
    preprocessing: { resize: [side, side], crop: null, interpolation: "bilinear", values: mode },
    labels: "ImageNet",
    metrics: { top1, top5, on: "ImageNet", source: "Keras Applications" },
    licence: ported(model),
    layout: "keras",
  };
}

/** The weights of HRNet's authors as timm has them on the hub. */
function hrnet<const N extends `hrnet-${string}` & ModelName>(
  model: N,
  accuracy: readonly [top1: number, top5: number],
): WeightsEntry<N> {
  const entry = timm(model, `${model.replace("-", "_")}.ms_in1k`, accuracy, [256, 224]);
  return { ...entry, preprocessing: preprocessing({}), licence: "MIT" };
}

/** Idelbayev's CIFAR-10 networks: 32 × 32 images as they are. */
function cifar<const N extends ModelName>(model: N, file: string, top1: number): WeightsEntry<N> {
  const folder = "https://github.com/akamaster/pytorch_resnet_cifar10/raw/master/pretrained_models";
  return {
    model,
    source: { url: `${folder}/${file}`, sha256: /-([0-9a-f]{8})\.th$/.exec(file)![1]! },
    preprocessing: { resize: [32, 32], crop: null, interpolation: "bilinear", values: "torch" },
    labels: "CIFAR-10",
    metrics: { top1, on: "CIFAR-10", source: "akamaster/pytorch_resnet_cifar10" },
    licence: "BSD-2-Clause",
  };
}

const googles: Pick<Details, "options" | "ignore"> = {
  options: { transformInput: true },
  ignore: /^(aux[12]|AuxLogits)\./,
};
const old: Pick<Details, "rename"> = { rename: withoutDots };

/** Weights by name: `<network>.imagenet1k-v1` and `-v2` are torchvision's, `.timm-…` timm's, `.keras-imagenet` Keras'. */
export const weights = {
  "alexnet.imagenet1k-v1": torchvision("alexnet.torchvision", "alexnet-owt-7be5be79.pth", [56.522, 79.066]),
  "densenet121.imagenet1k-v1": torchvision("densenet121", "densenet121-a639ec97.pth", [74.434, 91.972], old),
  "densenet161.imagenet1k-v1": torchvision("densenet161", "densenet161-8d451a50.pth", [77.138, 93.56], old),
  "densenet169.imagenet1k-v1": torchvision("densenet169", "densenet169-b2777c0a.pth", [75.6, 92.806], old),
  "densenet201.imagenet1k-v1": torchvision("densenet201", "densenet201-c1103571.pth", [76.896, 93.37], old),
  "googlenet.imagenet1k-v1": torchvision("googlenet.torchvision", "googlenet-1378be20.pth", [69.778, 89.53], {
    ...googles,
  }),
  "inceptionv3.imagenet1k-v1": torchvision(
    "inceptionv3.torchvision",
    "inception_v3_google-0cc3c7bd.pth",
    [77.294, 93.45],
    { size: [342, 299], ...googles },
  ),
  "mobilenetv2.imagenet1k-v1": torchvision("mobilenetv2", "mobilenet_v2-b0353104.pth", [71.878, 90.286]),
  "mobilenetv2.imagenet1k-v2": torchvision("mobilenetv2", "mobilenet_v2-7ebf99e0.pth", [72.154, 90.822], {
    size: [232, 224],
  }),
  "resnet101.imagenet1k-v1": torchvision("resnet101.torchvision", "resnet101-63fe2227.pth", [77.374, 93.546]),
  "resnet101.imagenet1k-v2": torchvision("resnet101.torchvision", "resnet101-cd907fc2.pth", [81.886, 95.78], {
    size: [232, 224],
  }),
  "resnet152.imagenet1k-v1": torchvision("resnet152.torchvision", "resnet152-394f9c45.pth", [78.312, 94.046]),
  "resnet152.imagenet1k-v2": torchvision("resnet152.torchvision", "resnet152-f82ba261.pth", [82.284, 96.002], {
    size: [232, 224],
  }),
  "resnet18.imagenet1k-v1": torchvision("resnet18.torchvision", "resnet18-f37072fd.pth", [69.758, 89.078]),
  "resnet34.imagenet1k-v1": torchvision("resnet34.torchvision", "resnet34-b627a593.pth", [73.314, 91.42]),
  "resnet50.imagenet1k-v1": torchvision("resnet50.torchvision", "resnet50-0676ba61.pth", [76.13, 92.862]),
  "resnet50.imagenet1k-v2": torchvision("resnet50.torchvision", "resnet50-11ad3fa6.pth", [80.858, 95.434], {
    size: [232, 224],
  }),
  "resnext50.imagenet1k-v1": torchvision("resnext50.torchvision", "resnext50_32x4d-7cdf4587.pth", [77.618, 93.698]),
  "resnext50.imagenet1k-v2": torchvision("resnext50.torchvision", "resnext50_32x4d-1a0047aa.pth", [81.198, 95.34], {
    size: [232, 224],
  }),
  "squeezenet1.0.imagenet1k-v1": torchvision(
    "squeezenet1.0.torchvision",
    "squeezenet1_0-b66bff10.pth",
    [58.092, 80.42],
  ),
  "squeezenet1.1.imagenet1k-v1": torchvision(
    "squeezenet1.1.torchvision",
    "squeezenet1_1-b8a52dc0.pth",
    [58.178, 80.624],
  ),
  "vgg11-bn.imagenet1k-v1": torchvision("vgg11.bn", "vgg11_bn-6002323d.pth", [70.37, 89.81]),
  "vgg11.imagenet1k-v1": torchvision("vgg11", "vgg11-8a719046.pth", [69.02, 88.628]),
  "vgg13-bn.imagenet1k-v1": torchvision("vgg13.bn", "vgg13_bn-abd245e5.pth", [71.586, 90.374]),
  "vgg13.imagenet1k-v1": torchvision("vgg13", "vgg13-19584684.pth", [69.928, 89.246]),
  "vgg16-bn.imagenet1k-v1": torchvision("vgg16.bn", "vgg16_bn-6c64b313.pth", [73.36, 91.516]),
  "vgg16.imagenet1k-v1": torchvision("vgg16", "vgg16-397923af.pth", [71.592, 90.382]),
  "vgg19-bn.imagenet1k-v1": torchvision("vgg19.bn", "vgg19_bn-c79401a0.pth", [74.218, 91.842]),
  "vgg19.imagenet1k-v1": torchvision("vgg19", "vgg19-dcbb9e9d.pth", [72.376, 90.876]),
  "wide-resnet50-2.imagenet1k-v1": torchvision(
    "wide-resnet50-2.torchvision",
    "wide_resnet50_2-95faca4d.pth",
    [78.468, 94.086],
  ),
  "wide-resnet50-2.imagenet1k-v2": torchvision(
    "wide-resnet50-2.torchvision",
    "wide_resnet50_2-9ba9bcbe.pth",
    [81.602, 95.758],
    { size: [232, 224] },
  ),
  "convnext-base.imagenet1k-v1": torchvision(
    "convnext-base.torchvision",
    "convnext_base-6075fbad.pth",
    [84.062, 96.87],
    { size: [232, 224] },
  ),
  "convnext-small.imagenet1k-v1": torchvision(
    "convnext-small.torchvision",
    "convnext_small-0c510722.pth",
    [83.616, 96.65],
    { size: [230, 224] },
  ),
  "convnext-tiny.imagenet1k-v1": torchvision(
    "convnext-tiny.torchvision",
    "convnext_tiny-983f1562.pth",
    [82.52, 96.146],
    { size: [236, 224] },
  ),
  "efficientnet-b0.imagenet1k-v1": torchvision(
    "efficientnet-b0.torchvision",
    "efficientnet_b0_rwightman-3dd342df.pth",
    [77.692, 93.532],
    { interpolation: "bicubic" },
  ),
  "efficientnet-b1.imagenet1k-v1": torchvision(
    "efficientnet-b1.torchvision",
    "efficientnet_b1_rwightman-533bc792.pth",
    [78.642, 94.186],
    { size: [256, 240], interpolation: "bicubic" },
  ),
  "efficientnet-b1.imagenet1k-v2": torchvision(
    "efficientnet-b1.torchvision",
    "efficientnet_b1-c27df63c.pth",
    [79.838, 94.934],
    { size: [255, 240] },
  ),
  "efficientnet-b2.imagenet1k-v1": torchvision(
    "efficientnet-b2.torchvision",
    "efficientnet_b2_rwightman-bcdf34b7.pth",
    [80.608, 95.31],
    { size: [288, 288], interpolation: "bicubic" },
  ),
  "efficientnet-b3.imagenet1k-v1": torchvision(
    "efficientnet-b3.torchvision",
    "efficientnet_b3_rwightman-cf984f9c.pth",
    [82.008, 96.054],
    { size: [320, 300], interpolation: "bicubic" },
  ),
  "efficientnet-b4.imagenet1k-v1": torchvision(
    "efficientnet-b4.torchvision",
    "efficientnet_b4_rwightman-7eb33cd5.pth",
    [83.384, 96.594],
    { size: [384, 380], interpolation: "bicubic" },
  ),
  "mobilenetv3-large.imagenet1k-v1": torchvision(
    "mobilenetv3-large.torchvision",
    "mobilenet_v3_large-8738ca79.pth",
    [74.042, 91.34],
  ),
  "mobilenetv3-large.imagenet1k-v2": torchvision(
    "mobilenetv3-large.torchvision",
    "mobilenet_v3_large-5c1a4163.pth",
    [75.274, 92.566],
    { size: [232, 224] },
  ),
  "mobilenetv3-small.imagenet1k-v1": torchvision(
    "mobilenetv3-small.torchvision",
    "mobilenet_v3_small-047dcff4.pth",
    [67.668, 87.402],
  ),
  "regnety-16gf.imagenet1k-v1": torchvision("regnety-16gf.torchvision", "regnet_y_16gf-9e6ed7dd.pth", [80.424, 95.24]),
  "regnety-16gf.imagenet1k-v2": torchvision(
    "regnety-16gf.torchvision",
    "regnet_y_16gf-3e4a00f9.pth",
    [82.886, 96.328],
    { size: [232, 224] },
  ),
  "regnety-1.6gf.imagenet1k-v1": torchvision(
    "regnety-1.6gf.torchvision",
    "regnet_y_1_6gf-b11a554e.pth",
    [77.95, 93.966],
  ),
  "regnety-1.6gf.imagenet1k-v2": torchvision(
    "regnety-1.6gf.torchvision",
    "regnet_y_1_6gf-0d7bc02a.pth",
    [80.876, 95.444],
    { size: [232, 224] },
  ),
  "regnety-32gf.imagenet1k-v1": torchvision("regnety-32gf.torchvision", "regnet_y_32gf-4dee3f7a.pth", [80.878, 95.34]),
  "regnety-32gf.imagenet1k-v2": torchvision(
    "regnety-32gf.torchvision",
    "regnet_y_32gf-8db6d4b5.pth",
    [83.368, 96.498],
    { size: [232, 224] },
  ),
  "regnety-3.2gf.imagenet1k-v1": torchvision(
    "regnety-3.2gf.torchvision",
    "regnet_y_3_2gf-b5a9779c.pth",
    [78.948, 94.576],
  ),
  "regnety-3.2gf.imagenet1k-v2": torchvision(
    "regnety-3.2gf.torchvision",
    "regnet_y_3_2gf-9180c971.pth",
    [81.982, 95.972],
    { size: [232, 224] },
  ),
  "regnety-400mf.imagenet1k-v1": torchvision(
    "regnety-400mf.torchvision",
    "regnet_y_400mf-c65dace8.pth",
    [74.046, 91.716],
  ),
  "regnety-400mf.imagenet1k-v2": torchvision(
    "regnety-400mf.torchvision",
    "regnet_y_400mf-e6988f5f.pth",
    [75.804, 92.742],
    { size: [232, 224] },
  ),
  "regnety-800mf.imagenet1k-v1": torchvision(
    "regnety-800mf.torchvision",
    "regnet_y_800mf-1b27b58c.pth",
    [76.42, 93.136],
  ),
  "regnety-800mf.imagenet1k-v2": torchvision(
    "regnety-800mf.torchvision",
    "regnet_y_800mf-58fc7688.pth",
    [78.828, 94.502],
    { size: [232, 224] },
  ),
  "regnety-8gf.imagenet1k-v1": torchvision("regnety-8gf.torchvision", "regnet_y_8gf-d0d0e4a8.pth", [80.032, 95.048]),
  "regnety-8gf.imagenet1k-v2": torchvision("regnety-8gf.torchvision", "regnet_y_8gf-dc2b1b54.pth", [82.828, 96.33], {
    size: [232, 224],
  }),
  "densenet121.timm-ra": timm("densenet121", "densenet121.ra_in1k", [76.5, 93.368], [303, 288]),
  "resnet18.timm-a1": timm("resnet18.torchvision", "resnet18.a1_in1k", [73.158, 91.026], [288, 288]),
  "resnet34.timm-a1": timm("resnet34.torchvision", "resnet34.a1_in1k", [77.918, 93.766], [288, 288]),
  "resnet50.timm-a1": timm("resnet50.torchvision", "resnet50.a1_in1k", [81.214, 95.102], [288, 288]),
  "resnet101.timm-a1": timm("resnet101.torchvision", "resnet101.a1_in1k", [82.322, 95.632], [288, 288]),
  "resnext50.timm-a1h": timm("resnext50.torchvision", "resnext50_32x4d.a1h_in1k", [82.014, 95.934], [288, 288]),
  "wide-resnet50-2.timm-racm": timm(
    "wide-resnet50-2.torchvision",
    "wide_resnet50_2.racm_in1k",
    [82.28, 96.064],
    [303, 288],
  ),
  "hrnet-w18.timm-ms": hrnet("hrnet-w18", [76.752, 93.444]),
  "hrnet-w30.timm-ms": hrnet("hrnet-w30", [78.192, 94.222]),
  "hrnet-w32.timm-ms": hrnet("hrnet-w32", [78.444, 94.188]),
  "hrnet-w40.timm-ms": hrnet("hrnet-w40", [78.93, 94.464]),
  "hrnet-w44.timm-ms": hrnet("hrnet-w44", [78.892, 94.364]),
  "hrnet-w48.timm-ms": hrnet("hrnet-w48", [79.302, 94.516]),
  "hrnet-w64.timm-ms": hrnet("hrnet-w64", [79.474, 94.646]),
  "resnet20.cifar10": cifar("resnet20.cifar", "resnet20-12fca82f.th", 91.73),
  "resnet32.cifar10": cifar("resnet32.cifar", "resnet32-d509ac18.th", 92.63),
  "resnet44.cifar10": cifar("resnet44.cifar", "resnet44-014dd654.th", 93.1),
  "resnet56.cifar10": cifar("resnet56.cifar", "resnet56-4bfd9763.th", 93.39),
  "resnet110.cifar10": cifar("resnet110.cifar", "resnet110-1d1ed7c2.th", 93.68),
  "resnet50.keras-imagenet": keras(
    "resnet50.keras",
    "resnet/resnet50_weights_tf_dim_ordering_tf_kernels.h5",
    "2cb95161c43110f7111970584f804107",
    [74.9, 92.1],
    "caffe",
  ),
  "resnet101.keras-imagenet": keras(
    "resnet101.keras",
    "resnet/resnet101_weights_tf_dim_ordering_tf_kernels.h5",
    "f1aeb4b969a6efcfb50fad2f0c20cfc5",
    [76.4, 92.8],
    "caffe",
  ),
  "resnet152.keras-imagenet": keras(
    "resnet152.keras",
    "resnet/resnet152_weights_tf_dim_ordering_tf_kernels.h5",
    "100835be76be38e30d865e96f2aaae62",
    [76.6, 93.1],
    "caffe",
  ),
  "resnet50v2.keras-imagenet": keras(
    "resnet50v2.keras",
    "resnet/resnet50v2_weights_tf_dim_ordering_tf_kernels.h5",
    "3ef43a0b657b3be2300d5770ece849e0",
    [76, 93],
    "tf",
  ),
  "resnet101v2.keras-imagenet": keras(
    "resnet101v2.keras",
    "resnet/resnet101v2_weights_tf_dim_ordering_tf_kernels.h5",
    "6343647c601c52e1368623803854d971",
    [77.2, 93.8],
    "tf",
  ),
  "resnet152v2.keras-imagenet": keras(
    "resnet152v2.keras",
    "resnet/resnet152v2_weights_tf_dim_ordering_tf_kernels.h5",
    "a49b44d1979771252814e80f8ec446f9",
    [78, 94.2],
    "tf",
  ),
  "vgg16.keras-imagenet": keras(
    "vgg16",
    "vgg16/vgg16_weights_tf_dim_ordering_tf_kernels.h5",
    "64373286793e3c8b2b4e3219cbf3544b",
    [71.3, 90.1],
    "caffe",
  ),
  "vgg19.keras-imagenet": keras(
    "vgg19",
    "vgg19/vgg19_weights_tf_dim_ordering_tf_kernels.h5",
    "cbe5617147190e668d6c5d5026f83318",
    [71.3, 90.0],
    "caffe",
  ),
  "inceptionv3.keras-imagenet": keras(
    "inceptionv3.keras",
    "inception_v3/inception_v3_weights_tf_dim_ordering_tf_kernels.h5",
    "9a0d58056eeedaa3f26cb7ebd46da564",
    [77.9, 93.7],
    "tf",
    299,
  ),
  "inception-resnet-v2.keras-imagenet": keras(
    "inception-resnet-v2.keras",
    "inception_resnet_v2/inception_resnet_v2_weights_tf_dim_ordering_tf_kernels.h5",
    "e693bd0210a403b3192acc6073ad2e96",
    [80.3, 95.3],
    "tf",
    299,
  ),
  "xception.keras-imagenet": keras(
    "xception.keras",
    "xception/xception_weights_tf_dim_ordering_tf_kernels.h5",
    "0a58e3b7378bc2990ea3b43d5981f1f6",
    [79, 94.5],
    "tf",
    299,
  ),
  "mobilenetv1.keras-imagenet": keras(
    "mobilenetv1.keras",
    "mobilenet/mobilenet_1_0_224_tf.h5",
    null,
    [70.4, 89.5],
    "tf",
  ),
  "mobilenetv1-0.75.keras-imagenet": keras(
    "mobilenetv1-0.75.keras",
    "mobilenet/mobilenet_7_5_224_tf.h5",
    null,
    [68.412, 88.242],
    "tf",
  ),
  "mobilenetv1-0.5.keras-imagenet": keras(
    "mobilenetv1-0.5.keras",
    "mobilenet/mobilenet_5_0_224_tf.h5",
    null,
    [64.292, 85.624],
    "tf",
  ),
  "mobilenetv1-0.25.keras-imagenet": keras(
    "mobilenetv1-0.25.keras",
    "mobilenet/mobilenet_2_5_224_tf.h5",
    null,
    [51.582, 75.792],
    "tf",
  ),
  "squeezenet1.0.deep-compression": {
    model: "squeezenet1.0.caffe",
    source: {
      fileName: "squeezenet_v1.0_decoded.safetensors",
      howToGet:
        "songhan/SqueezeNet-Deep-Compression on GitHub publishes it as codebooks and indices (compressed_SqueezeNet.net); " +
        "write the weights that its decode.py gives as safetensors, under Caffe's names",
    },
    preprocessing: {
      resize: [256, 256],
      crop: 227,
      interpolation: "bilinear",
      values: { order: "BGR", divisor: 1, mean: [104, 117, 123], std: [1, 1, 1] },
    },
    labels: "ImageNet",
    metrics: { top1: 57.5, top5: 80.3, on: "ImageNet", source: "songhan/SqueezeNet-Deep-Compression" },
    licence: "BSD-2-Clause",
    rename: squeezenetFromCaffe,
  },
} as const satisfies Readonly<Record<string, WeightsEntry>>;

export type WeightsName = keyof typeof weights;

/** Names that `load` takes. */
export const weightsNames = Object.keys(weights) as WeightsName[];
