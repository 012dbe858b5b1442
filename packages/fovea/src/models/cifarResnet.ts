/**
 * ResNets for CIFAR-10: section 4.2 of "Deep Residual Learning for Image Recognition" (He, Zhang, Ren, Sun, 2015),
 * https://arxiv.org/abs/1512.03385
 *
 * 6n + 2 layers in three stages of 16, 32 and 64 channels for 32×32 images. Layers are named as in
 * https://github.com/akamaster/pytorch_resnet_cifar10, whose trained weights load unchanged (without their `module.`).
 * The plain networks of the paper are the same without shortcuts: deep ones do not learn.
 */
import { BatchNorm2d } from "../nn/batchNorm.ts";
import { Conv2d } from "../nn/conv.ts";
import { kaimingNormal } from "../nn/init.ts";
import { Linear } from "../nn/linear.ts";
import { Module } from "../nn/module.ts";
import { Sequential } from "../nn/sequential.ts";
import { pad, slice } from "../ops/movement.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { ImageClassifier, squareImage, type ClassifierOptions } from "./_classifier.ts";
import { family, published } from "./_family.ts";

type Shortcut = "A" | "B" | "none";

export interface CifarResNetOptions extends ClassifierOptions {
  /** Number of classes; default 10. */
  numClasses?: number;
  /**
   * What a shortcut does where the shape changes. `A` (default, the paper's choice for CIFAR): every second pixel, and
   * zeros for the new channels; no parameters. `B`: a 1×1 convolution and batch normalisation. `none`: there are no
   * shortcuts anywhere, a plain network.
   */
  shortcut?: Shortcut;
}

/** Two 3×3 convolutions and a shortcut, if there are any. */
class Block extends Module {
  readonly conv1: Conv2d;
  readonly bn1: BatchNorm2d;
  readonly conv2: Conv2d;
  readonly bn2: BatchNorm2d;
  /** Option B where the shape changes, else null. */
  readonly shortcut: Sequential | null;
  /** Zeros before and after the channels: option A where the shape changes, else null. */
  readonly #zeros: number | null;
  readonly #plain: boolean;

  constructor(inChannels: number, channels: number, stride: number, shortcut: Shortcut) {
    super();
    this.conv1 = new Conv2d(inChannels, channels, 3, { stride, padding: 1, bias: false });
    this.bn1 = new BatchNorm2d(channels);
    this.conv2 = new Conv2d(channels, channels, 3, { padding: 1, bias: false });
    this.bn2 = new BatchNorm2d(channels);
    const same = inChannels === channels;
    this.shortcut =
      same || shortcut !== "B"
        ? null
        : new Sequential(
            new Conv2d(inChannels, channels, 1, { stride, bias: false }), //
            new BatchNorm2d(channels),
          );
    this.#zeros = same || shortcut !== "A" ? null : (channels - inChannels) / 2;
    this.#plain = shortcut === "none";
  }

  forward(x: Tensor): Tensor {
    let y = this.bn1.forward(this.conv1.forward(x)).relu();
    y = this.bn2.forward(this.conv2.forward(y));
    if (this.#plain) return y.relu();
    return y.add(this.#skip(x)).relu();
  }

  #skip(x: Tensor): Tensor {
    if (this.shortcut !== null) return this.shortcut.forward(x);
    if (this.#zeros === null) return x;
    const coarse = slice(x, [], [], [1, 1, 2, 2]);
    return pad(coarse, [[0, 0], [this.#zeros, this.#zeros], [0, 0], [0, 0]]); // prettier-ignore
  }
}

export class CifarResNet extends ImageClassifier {
  readonly conv1: Conv2d;
  readonly bn1 = new BatchNorm2d(16);
  readonly layer1: Sequential;
  readonly layer2: Sequential;
  readonly layer3: Sequential;
  readonly linear: Linear;
  readonly stages = ["layer1", "layer2", "layer3"];

  /** @param n Blocks per stage: the network has 6n + 2 layers. */
  constructor(n: number, { numClasses = 10, inChannels = 3, shortcut = "A" }: CifarResNetOptions = {}) {
    super();
    const stage = (from: number, to: number, stride: number) =>
      new Sequential(
        ...Array.from({ length: n }, (_, i) => new Block(i === 0 ? from : to, to, i === 0 ? stride : 1, shortcut)),
      );
    this.conv1 = new Conv2d(inChannels, 16, 3, { padding: 1, bias: false });
    this.layer1 = stage(16, 16, 1);
    this.layer2 = stage(16, 32, 2);
    this.layer3 = stage(32, 64, 2);
    this.linear = new Linear(64, numClasses);
    for (const module of this.namedModules().values()) {
      if (module instanceof Conv2d || module instanceof Linear) kaimingNormal(module.weight);
    }
  }

  get classifier(): Linear {
    return this.linear;
  }

  /** [N, 3, 32, 32] → [N, 64, 8, 8] */
  override forwardFeatures(x: Tensor): Tensor {
    x = this.bn1.forward(this.conv1.forward(x)).relu(); // [N, 16, 32, 32]
    x = this.layer1.forward(x); // [N, 16, 32, 32]
    x = this.layer2.forward(x); // [N, 32, 16, 16]
    return this.layer3.forward(x); // [N, 64, 8, 8]
  }

  override forwardHead(features: Tensor): Tensor {
    return this.linear.forward(features.mean([2, 3]));
  }
}

/** ResNet-20 for CIFAR-10: 269,722 parameters. */
export const cifarResnet20 = (options: CifarResNetOptions = {}): CifarResNet => new CifarResNet(3, options);
/** ResNet-32 for CIFAR-10: 464,154 parameters. */
export const cifarResnet32 = (options: CifarResNetOptions = {}): CifarResNet => new CifarResNet(5, options);
/** ResNet-44 for CIFAR-10: 658,586 parameters. */
export const cifarResnet44 = (options: CifarResNetOptions = {}): CifarResNet => new CifarResNet(7, options);
/** ResNet-56 for CIFAR-10: 853,018 parameters. */
export const cifarResnet56 = (options: CifarResNetOptions = {}): CifarResNet => new CifarResNet(9, options);
/** ResNet-110 for CIFAR-10: 1,727,962 parameters. */
export const cifarResnet110 = (options: CifarResNetOptions = {}): CifarResNet => new CifarResNet(18, options);
/** ResNet-1202 for CIFAR-10: 19,421,274 parameters. */
export const cifarResnet1202 = (options: CifarResNetOptions = {}): CifarResNet => new CifarResNet(200, options);

/** The network of n blocks per stage, by default with these shortcuts. */
const of =
  (n: number, shortcut: Shortcut = "A") =>
  (options: CifarResNetOptions = {}) =>
    new CifarResNet(n, { shortcut, ...options });

const at32 = squareImage(32);

export const cifarResnets = family(
  "ResNet for CIFAR-10",
  {
    title: "Deep Residual Learning for Image Recognition",
    year: 2015,
    url: "https://arxiv.org/abs/1512.03385",
  },
  {
    "resnet20.cifar": {
      summary: "ResNet-20 for CIFAR-10, shortcuts of option A",
      create: of(3),
      inputShape: at32,
      published: published(91.25, "the paper", "CIFAR-10"),
    },
    "resnet20.cifar-b": {
      summary: "ResNet-20 for CIFAR-10, shortcuts of option B",
      create: of(3, "B"),
      inputShape: at32,
    },
    "resnet32.cifar": {
      summary: "ResNet-32 for CIFAR-10, shortcuts of option A",
      create: of(5),
      inputShape: at32,
      published: published(92.49, "the paper", "CIFAR-10"),
    },
    "resnet32.cifar-b": {
      summary: "ResNet-32 for CIFAR-10, shortcuts of option B",
      create: of(5, "B"),
      inputShape: at32,
    },
    "resnet44.cifar": {
      summary: "ResNet-44 for CIFAR-10, shortcuts of option A",
      create: of(7),
      inputShape: at32,
      published: published(92.83, "the paper", "CIFAR-10"),
    },
    "resnet44.cifar-b": {
      summary: "ResNet-44 for CIFAR-10, shortcuts of option B",
      create: of(7, "B"),
      inputShape: at32,
    },
    "resnet56.cifar": {
      summary: "ResNet-56 for CIFAR-10, shortcuts of option A",
      create: of(9),
      inputShape: at32,
      published: published(93.03, "the paper", "CIFAR-10"),
    },
    "resnet56.cifar-b": {
      summary: "ResNet-56 for CIFAR-10, shortcuts of option B",
      create: of(9, "B"),
      inputShape: at32,
    },
    "resnet110.cifar": {
      summary: "ResNet-110 for CIFAR-10, shortcuts of option A",
      create: of(18),
      inputShape: at32,
      published: published(93.57, "the paper", "CIFAR-10"),
    },
    "resnet110.cifar-b": {
      summary: "ResNet-110 for CIFAR-10, shortcuts of option B",
      create: of(18, "B"),
      inputShape: at32,
    },
    "resnet1202.cifar": {
      summary: "ResNet-1202 for CIFAR-10, shortcuts of option A",
      create: of(200),
      inputShape: at32,
      published: published(92.07, "the paper", "CIFAR-10"),
    },
    "resnet1202.cifar-b": {
      summary: "ResNet-1202 for CIFAR-10, shortcuts of option B",
      create: of(200, "B"),
      inputShape: at32,
    },
    "plain20.cifar": {
      summary: "ResNet-20 for CIFAR-10 without its shortcuts",
      create: of(3, "none"),
      inputShape: at32,
    },
    "plain32.cifar": {
      summary: "ResNet-32 for CIFAR-10 without its shortcuts",
      create: of(5, "none"),
      inputShape: at32,
    },
    "plain44.cifar": {
      summary: "ResNet-44 for CIFAR-10 without its shortcuts",
      create: of(7, "none"),
      inputShape: at32,
    },
    "plain56.cifar": {
      summary: "ResNet-56 for CIFAR-10 without its shortcuts",
      create: of(9, "none"),
      inputShape: at32,
    },
    "plain110.cifar": {
      summary: "ResNet-110 for CIFAR-10 without its shortcuts",
      create: of(18, "none"),
      inputShape: at32,
    },
  },
);
