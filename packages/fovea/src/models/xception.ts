/**
 * Xception: "Xception: Deep Learning with Depthwise Separable Convolutions" (Chollet, 2016),
 * https://arxiv.org/abs/1610.02357
 *
 * Inception taken to its end: every 3×3 convolution sees one channel, 1×1 convolutions mix them, and shortcuts go around.
 * The form of Keras Applications, whose layer names are the paths with `_` for `.`; shortcuts, which have none there, are
 * `block2.shortcut`.
 */
import { BatchNorm2d } from "../nn/batchNorm.ts";
import { Conv2d } from "../nn/conv.ts";
import { Linear } from "../nn/linear.ts";
import { Module } from "../nn/module.ts";
import { MaxPool2d } from "../nn/pooling.ts";
import { SeparableConv2d } from "../nn/separable.ts";
import { Sequential } from "../nn/sequential.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { ImageClassifier, squareImage, type ClassifierOptions } from "./_classifier.ts";
import { family, keras } from "./_family.ts";

const plain = { bias: false, init: "keras" } as const;
const batchNorm = (channels: number) => new BatchNorm2d(channels, { convention: "keras" });

/** 3×3 in each channel, then 1×1. */
const separable = (inChannels: number, outChannels: number) =>
  new SeparableConv2d(inChannels, outChannels, 3, { padding: 1, ...plain });

/** Separable convolutions with normalisation and a ReLU before each; halves the size where `shrink` says so. */
class Block extends Module {
  readonly sepconv1: SeparableConv2d;
  readonly sepconv1_bn: BatchNorm2d;
  readonly sepconv2: SeparableConv2d;
  readonly sepconv2_bn: BatchNorm2d;
  readonly sepconv3: SeparableConv2d | null;
  readonly sepconv3_bn: BatchNorm2d | null;
  readonly pool: MaxPool2d | null;
  readonly shortcut: Sequential | null;
  readonly #reluFirst: boolean;

  /** @param widths Output channels of the two or three convolutions. */
  constructor(inChannels: number, widths: readonly number[], { shrink = true, reluFirst = true } = {}) {
    super();
    const [one, two, three] = widths as readonly [number, number, number?];
    this.sepconv1 = separable(inChannels, one);
    this.sepconv1_bn = batchNorm(one);
    this.sepconv2 = separable(one, two);
    this.sepconv2_bn = batchNorm(two);
    this.sepconv3 = three === undefined ? null : separable(two, three);
    this.sepconv3_bn = three === undefined ? null : batchNorm(three);
    this.pool = shrink ? new MaxPool2d(3, { stride: 2, padding: "same" }) : null;
    this.shortcut = shrink
      ? new Sequential(new Conv2d(inChannels, two, 1, { stride: 2, ...plain }), batchNorm(two))
      : null;
    this.#reluFirst = reluFirst;
  }

  forward(x: Tensor): Tensor {
    let y = this.sepconv1_bn.forward(this.sepconv1.forward(this.#reluFirst ? x.relu() : x));
    y = this.sepconv2_bn.forward(this.sepconv2.forward(y.relu()));
    if (this.sepconv3 !== null) y = this.sepconv3_bn!.forward(this.sepconv3.forward(y.relu()));
    return (this.pool?.forward(y) ?? y).add(this.shortcut?.forward(x) ?? x);
  }
}

export class Xception extends ImageClassifier {
  readonly block1_conv1: Conv2d;
  readonly block1_conv1_bn = batchNorm(32);
  readonly block1_conv2 = new Conv2d(32, 64, 3, plain);
  readonly block1_conv2_bn = batchNorm(64);
  readonly block2 = new Block(64, [128, 128], { reluFirst: false });
  readonly block3 = new Block(128, [256, 256]);
  readonly block4 = new Block(256, [728, 728]);
  readonly block5 = new Block(728, [728, 728, 728], { shrink: false });
  readonly block6 = new Block(728, [728, 728, 728], { shrink: false });
  readonly block7 = new Block(728, [728, 728, 728], { shrink: false });
  readonly block8 = new Block(728, [728, 728, 728], { shrink: false });
  readonly block9 = new Block(728, [728, 728, 728], { shrink: false });
  readonly block10 = new Block(728, [728, 728, 728], { shrink: false });
  readonly block11 = new Block(728, [728, 728, 728], { shrink: false });
  readonly block12 = new Block(728, [728, 728, 728], { shrink: false });
  readonly block13 = new Block(728, [728, 1024]);
  readonly block14_sepconv1 = separable(1024, 1536);
  readonly block14_sepconv1_bn = batchNorm(1536);
  readonly block14_sepconv2 = separable(1536, 2048);
  readonly block14_sepconv2_bn = batchNorm(2048);
  readonly predictions: Linear;
  readonly stages = ["block1_conv2_bn", "block2", "block3", "block12", "block14_sepconv2_bn"];

  constructor({ numClasses = 1000, inChannels = 3 }: ClassifierOptions = {}) {
    super();
    this.block1_conv1 = new Conv2d(inChannels, 32, 3, { stride: 2, ...plain });
    this.predictions = new Linear(2048, numClasses, { init: "keras" });
  }

  get classifier(): Linear {
    return this.predictions;
  }

  /** [N, 3, 299, 299] → [N, 2048, 10, 10] */
  override forwardFeatures(x: Tensor): Tensor {
    x = this.block1_conv1_bn.forward(this.block1_conv1.forward(x)).relu(); // [N, 32, 149, 149]
    x = this.block1_conv2_bn.forward(this.block1_conv2.forward(x)).relu(); // [N, 64, 147, 147]
    x = this.block4.forward(this.block3.forward(this.block2.forward(x))); // [N, 728, 19, 19]
    const { block5, block6, block7, block8, block9, block10, block11, block12 } = this;
    for (const block of [block5, block6, block7, block8, block9, block10, block11, block12]) x = block.forward(x);
    x = this.block13.forward(x); // [N, 1024, 10, 10]
    x = this.block14_sepconv1_bn.forward(this.block14_sepconv1.forward(x)).relu(); // [N, 1536, 10, 10]
    return this.block14_sepconv2_bn.forward(this.block14_sepconv2.forward(x)).relu(); // [N, 2048, 10, 10]
  }

  override forwardHead(features: Tensor): Tensor {
    return this.predictions.forward(features.mean([2, 3]));
  }
}

export const xceptions = family(
  "Xception",
  {
    title: "Xception: Deep Learning with Depthwise Separable Convolutions",
    year: 2016,
    url: "https://arxiv.org/abs/1610.02357",
  },
  {
    "xception.keras": {
      summary: "Xception: separable convolutions with shortcuts",
      create: (options?: ClassifierOptions) => new Xception(options),
      inputShape: squareImage(299),
      published: keras(79),
    },
  },
);
