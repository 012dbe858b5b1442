/**
 * ResNet: "Deep Residual Learning for Image Recognition" (He, Zhang, Ren, Sun, 2015), https://arxiv.org/abs/1512.03385
 *
 * torchvision's form, also called v1.5: a bottleneck has its stride in the 3×3 convolution, where the paper (and Keras)
 * has it in the first 1×1. The paper's plain networks are the same without shortcuts. Relatives that differ in widths only:
 * ResNeXt, "Aggregated Residual Transformations for Deep Neural Networks" (Xie et al., 2016), https://arxiv.org/abs/1611.05431
 * Wide ResNet, "Wide Residual Networks" (Zagoruyko, Komodakis, 2016), https://arxiv.org/abs/1605.07146
 */
import { BatchNorm2d } from "../nn/batchNorm.ts";
import { Conv2d } from "../nn/conv.ts";
import { kaimingNormal, zeros } from "../nn/init.ts";
import { Linear } from "../nn/linear.ts";
import { Module } from "../nn/module.ts";
import { MaxPool2d } from "../nn/pooling.ts";
import { Sequential } from "../nn/sequential.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { ImageClassifier, squareImage, type ClassifierOptions } from "./_classifier.ts";
import { family, torchvision } from "./_family.ts";

export interface ResNetOptions extends ClassifierOptions {
  /** Start every residual branch at zero, so that blocks start as identities; default false. */
  zeroInitResidual?: boolean;
}

/** What relatives of the ResNets do otherwise. */
interface Form {
  /** No shortcuts; only for basic blocks. Default false. */
  plain?: boolean;
  /** Groups of each convolution; default 1. */
  groups?: number;
  /** Channels per group in the first stage; default 64. They double from stage to stage. */
  widthPerGroup?: number;
}

function conv3x3(inChannels: number, outChannels: number, stride = 1, groups = 1): Conv2d {
  return new Conv2d(inChannels, outChannels, 3, { stride, padding: 1, groups, bias: false });
}

function conv1x1(inChannels: number, outChannels: number, stride = 1): Conv2d {
  return new Conv2d(inChannels, outChannels, 1, { stride, bias: false });
}

/** What the shortcut does where the block changes the shape; null where it does not. */
function projection(inChannels: number, outChannels: number, stride: number): Sequential | null {
  if (stride === 1 && inChannels === outChannels) return null;
  return new Sequential(conv1x1(inChannels, outChannels, stride), new BatchNorm2d(outChannels));
}

/** Two 3×3 convolutions and a shortcut (not in plain networks): the blocks of ResNet-18 and 34. */
export class BasicBlock extends Module {
  static readonly expansion = 1;
  readonly conv1: Conv2d;
  readonly bn1: BatchNorm2d;
  readonly conv2: Conv2d;
  readonly bn2: BatchNorm2d;
  readonly downsample: Sequential | null;
  readonly #plain: boolean;

  constructor(inChannels: number, width: number, stride: number, { plain = false }: Form) {
    super();
    this.conv1 = conv3x3(inChannels, width, stride);
    this.bn1 = new BatchNorm2d(width);
    this.conv2 = conv3x3(width, width);
    this.bn2 = new BatchNorm2d(width);
    this.downsample = plain ? null : projection(inChannels, width, stride);
    this.#plain = plain;
  }

  forward(x: Tensor): Tensor {
    let y = this.bn1.forward(this.conv1.forward(x)).relu();
    y = this.bn2.forward(this.conv2.forward(y));
    if (this.#plain) return y.relu();
    return y.add(this.downsample?.forward(x) ?? x).relu();
  }

  get lastNorm(): BatchNorm2d {
    return this.bn2;
  }
}

/** 1×1 to fewer channels, 3×3 there, 1×1 back to four times as many, and a shortcut: the blocks of ResNet-50 and deeper. */
export class Bottleneck extends Module {
  static readonly expansion = 4;
  readonly conv1: Conv2d;
  readonly bn1: BatchNorm2d;
  readonly conv2: Conv2d;
  readonly bn2: BatchNorm2d;
  readonly conv3: Conv2d;
  readonly bn3: BatchNorm2d;
  readonly downsample: Sequential | null;

  constructor(inChannels: number, width: number, stride: number, { groups = 1, widthPerGroup = 64 }: Form) {
    super();
    const inner = Math.trunc((width * widthPerGroup) / 64) * groups;
    const outChannels = width * Bottleneck.expansion;
    this.conv1 = conv1x1(inChannels, inner);
    this.bn1 = new BatchNorm2d(inner);
    this.conv2 = conv3x3(inner, inner, stride, groups);
    this.bn2 = new BatchNorm2d(inner);
    this.conv3 = conv1x1(inner, outChannels);
    this.bn3 = new BatchNorm2d(outChannels);
    this.downsample = projection(inChannels, outChannels, stride);
  }

  forward(x: Tensor): Tensor {
    let y = this.bn1.forward(this.conv1.forward(x)).relu();
    y = this.bn2.forward(this.conv2.forward(y)).relu();
    y = this.bn3.forward(this.conv3.forward(y));
    return y.add(this.downsample?.forward(x) ?? x).relu();
  }

  get lastNorm(): BatchNorm2d {
    return this.bn3;
  }
}

export class ResNet extends ImageClassifier {
  readonly conv1: Conv2d;
  readonly bn1 = new BatchNorm2d(64);
  readonly maxpool = new MaxPool2d(3, { stride: 2, padding: 1 });
  readonly layer1: Sequential;
  readonly layer2: Sequential;
  readonly layer3: Sequential;
  readonly layer4: Sequential;
  readonly fc: Linear;
  readonly stages = ["layer1", "layer2", "layer3", "layer4"];

  /** @param blocks Blocks of each of the four stages. */
  constructor(
    block: typeof BasicBlock | typeof Bottleneck,
    blocks: readonly [number, number, number, number],
    { numClasses = 1000, inChannels = 3, zeroInitResidual = false, ...form }: ResNetOptions & Form = {},
  ) {
    super();
    this.conv1 = new Conv2d(inChannels, 64, 7, { stride: 2, padding: 3, bias: false });
    let channels = 64;
    const stage = (width: number, count: number, stride: number) => {
      const layers = Array.from({ length: count }, (_, i) => {
        const layer = new block(channels, width, i === 0 ? stride : 1, form);
        channels = width * block.expansion;
        return layer;
      });
      return new Sequential(...layers);
    };
    this.layer1 = stage(64, blocks[0], 1);
    this.layer2 = stage(128, blocks[1], 2);
    this.layer3 = stage(256, blocks[2], 2);
    this.layer4 = stage(512, blocks[3], 2);
    this.fc = new Linear(channels, numClasses);
    for (const module of this.namedModules().values()) {
      if (module instanceof Conv2d) kaimingNormal(module.weight, { mode: "fanOut" });
      const residual = module instanceof BasicBlock || module instanceof Bottleneck;
      if (zeroInitResidual && residual) zeros(module.lastNorm.weight!);
    }
  }

  get classifier(): Linear {
    return this.fc;
  }

  /** [N, 3, 224, 224] → [N, 512, 7, 7], with bottlenecks [N, 2048, 7, 7] */
  override forwardFeatures(x: Tensor): Tensor {
    x = this.bn1.forward(this.conv1.forward(x)).relu(); // [N, 64, 112, 112]
    x = this.maxpool.forward(x); // [N, 64, 56, 56]
    x = this.layer1.forward(x); // [N, 64 | 256, 56, 56]
    x = this.layer2.forward(x); // [N, 128 | 512, 28, 28]
    x = this.layer3.forward(x); // [N, 256 | 1024, 14, 14]
    return this.layer4.forward(x); // [N, 512 | 2048, 7, 7]
  }

  override forwardHead(features: Tensor): Tensor {
    return this.fc.forward(features.mean([2, 3]));
  }
}

/** 18 layers, 11,689,512 parameters. */
export const resnet18 = (options: ResNetOptions = {}): ResNet => new ResNet(BasicBlock, [2, 2, 2, 2], options);
/** 34 layers, 21,797,672 parameters. */
export const resnet34 = (options: ResNetOptions = {}): ResNet => new ResNet(BasicBlock, [3, 4, 6, 3], options);
/** ResNet-18 without shortcuts. */
export const plain18 = (options: ResNetOptions = {}): ResNet =>
  new ResNet(BasicBlock, [2, 2, 2, 2], { ...options, plain: true });
/** ResNet-34 without shortcuts. */
export const plain34 = (options: ResNetOptions = {}): ResNet =>
  new ResNet(BasicBlock, [3, 4, 6, 3], { ...options, plain: true });
/** 50 layers, 25,557,032 parameters. */
export const resnet50 = (options: ResNetOptions = {}): ResNet => new ResNet(Bottleneck, [3, 4, 6, 3], options);
/** 101 layers, 44,549,160 parameters. */
export const resnet101 = (options: ResNetOptions = {}): ResNet => new ResNet(Bottleneck, [3, 4, 23, 3], options);
/** 152 layers, 60,192,808 parameters. */
export const resnet152 = (options: ResNetOptions = {}): ResNet => new ResNet(Bottleneck, [3, 8, 36, 3], options);
/** ResNeXt-50 32×4d: 32 groups of 4 channels, 25,028,904 parameters. */
export const resnext50 = (options: ResNetOptions = {}): ResNet =>
  new ResNet(Bottleneck, [3, 4, 6, 3], { ...options, groups: 32, widthPerGroup: 4 });
/** Wide ResNet-50-2: bottlenecks twice as wide, 68,883,240 parameters. */
export const wideResnet50 = (options: ResNetOptions = {}): ResNet =>
  new ResNet(Bottleneck, [3, 4, 6, 3], { ...options, widthPerGroup: 128 });

const at224 = squareImage(224);

export const resnets = family(
  "ResNet",
  {
    title: "Deep Residual Learning for Image Recognition",
    year: 2015,
    url: "https://arxiv.org/abs/1512.03385",
  },
  {
    plain18: { summary: "ResNet-18 without its shortcuts", create: plain18, inputShape: at224 },
    plain34: { summary: "ResNet-34 without its shortcuts", create: plain34, inputShape: at224 },
    "resnet18.torchvision": {
      summary: "ResNet-18, basic blocks",
      create: resnet18,
      inputShape: at224,
      published: torchvision(69.758),
    },
    "resnet34.torchvision": {
      summary: "ResNet-34, basic blocks",
      create: resnet34,
      inputShape: at224,
      published: torchvision(73.314),
    },
    "resnet50.torchvision": {
      summary: "ResNet-50, v1.5: strides in the 3×3 convolutions",
      create: resnet50,
      inputShape: at224,
      published: torchvision(76.13),
    },
    "resnet101.torchvision": {
      summary: "ResNet-101, v1.5: strides in the 3×3 convolutions",
      create: resnet101,
      inputShape: at224,
      published: torchvision(77.374),
    },
    "resnet152.torchvision": {
      summary: "ResNet-152, v1.5: strides in the 3×3 convolutions",
      create: resnet152,
      inputShape: at224,
      published: torchvision(78.312),
    },
  },
);

export const resnexts = family(
  "ResNeXt",
  {
    title: "Aggregated Residual Transformations for Deep Neural Networks",
    year: 2016,
    url: "https://arxiv.org/abs/1611.05431",
  },
  {
    "resnext50.torchvision": {
      summary: "ResNeXt-50 32×4d: 32 groups of 4 channels",
      create: resnext50,
      inputShape: at224,
      published: torchvision(77.618),
    },
  },
);

export const wideResnets = family(
  "Wide ResNet",
  { title: "Wide Residual Networks", year: 2016, url: "https://arxiv.org/abs/1605.07146" },
  {
    "wide-resnet50-2.torchvision": {
      summary: "Wide ResNet-50-2: bottlenecks twice as wide",
      create: wideResnet50,
      inputShape: at224,
      published: torchvision(78.468),
    },
  },
);
