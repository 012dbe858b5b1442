/**
 * ResNets of Keras Applications. Version 1, "Deep Residual Learning for Image Recognition" (He, Zhang, Ren, Sun, 2015),
 * https://arxiv.org/abs/1512.03385: a bottleneck has its stride in the first 1×1 convolution, and convolutions have
 * biases. Version 2, "Identity Mappings in Deep Residual Networks" (the same, 2016), https://arxiv.org/abs/1603.05027:
 * normalisation and ReLU come before each convolution, and a stage has its stride in its last block.
 *
 * With `_` for `.`, the path of a layer is its name in Keras: `conv2.block1.1_conv` is `conv2_block1_1_conv`.
 */
import { BatchNorm2d } from "../nn/batchNorm.ts";
import { Conv2d, type Conv2dOptions } from "../nn/conv.ts";
import { Linear } from "../nn/linear.ts";
import { Module } from "../nn/module.ts";
import { ZeroPad2d } from "../nn/padding.ts";
import { MaxPool2d } from "../nn/pooling.ts";
import { Sequential } from "../nn/sequential.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { ImageClassifier, squareImage, type ClassifierOptions } from "./_classifier.ts";
import { family, keras } from "./_family.ts";

const batchNorm = (channels: number) => new BatchNorm2d(channels, { convention: "keras", eps: 1.001e-5 });

function conv(inChannels: number, outChannels: number, kernel: number, options: Conv2dOptions = {}): Conv2d {
  return new Conv2d(inChannels, outChannels, kernel, { ...options, init: "keras" });
}

/** Version 1: convolution, normalisation, ReLU; the sum goes through a ReLU. */
class Block1 extends Module {
  readonly "0_conv": Conv2d | null;
  readonly "0_bn": BatchNorm2d | null;
  readonly "1_conv": Conv2d;
  readonly "1_bn": BatchNorm2d;
  readonly "2_conv": Conv2d;
  readonly "2_bn": BatchNorm2d;
  readonly "3_conv": Conv2d;
  readonly "3_bn": BatchNorm2d;

  constructor(inChannels: number, width: number, stride: number, first: boolean) {
    super();
    this["0_conv"] = first ? conv(inChannels, 4 * width, 1, { stride }) : null;
    this["0_bn"] = first ? batchNorm(4 * width) : null;
    this["1_conv"] = conv(inChannels, width, 1, { stride });
    this["1_bn"] = batchNorm(width);
    this["2_conv"] = conv(width, width, 3, { padding: 1 });
    this["2_bn"] = batchNorm(width);
    this["3_conv"] = conv(width, 4 * width, 1);
    this["3_bn"] = batchNorm(4 * width);
  }

  forward(x: Tensor): Tensor {
    const shortcut = this["0_bn"]?.forward(this["0_conv"]!.forward(x)) ?? x;
    let y = this["1_bn"].forward(this["1_conv"].forward(x)).relu();
    y = this["2_bn"].forward(this["2_conv"].forward(y)).relu();
    y = this["3_bn"].forward(this["3_conv"].forward(y));
    return shortcut.add(y).relu();
  }
}

/** Version 2: normalisation, ReLU, convolution; the sum is passed on as it is. */
class Block2 extends Module {
  readonly preact_bn: BatchNorm2d;
  readonly "0_conv": Conv2d | null;
  readonly "1_conv": Conv2d;
  readonly "1_bn": BatchNorm2d;
  readonly "2_conv": Conv2d;
  readonly "2_bn": BatchNorm2d;
  readonly "3_conv": Conv2d;
  /** Every second pixel, where the stride is 2. */
  readonly #shrink: MaxPool2d | null;

  constructor(inChannels: number, width: number, stride: number, first: boolean) {
    super();
    this.preact_bn = batchNorm(inChannels);
    this["0_conv"] = first ? conv(inChannels, 4 * width, 1, { stride }) : null;
    this["1_conv"] = conv(inChannels, width, 1, { bias: false });
    this["1_bn"] = batchNorm(width);
    this["2_conv"] = conv(width, width, 3, { stride, padding: 1, bias: false });
    this["2_bn"] = batchNorm(width);
    this["3_conv"] = conv(width, 4 * width, 1);
    this.#shrink = !first && stride > 1 ? new MaxPool2d(1, { stride }) : null;
  }

  forward(x: Tensor): Tensor {
    const active = this.preact_bn.forward(x).relu();
    const shortcut = this["0_conv"]?.forward(active) ?? this.#shrink?.forward(x) ?? x;
    let y = this["1_bn"].forward(this["1_conv"].forward(active)).relu();
    y = this["2_bn"].forward(this["2_conv"].forward(y)).relu();
    return shortcut.add(this["3_conv"].forward(y));
  }
}

export class KerasResNet extends ImageClassifier {
  readonly conv1_conv: Conv2d;
  /** Version 1 only. */
  readonly conv1_bn: BatchNorm2d | null;
  readonly pool1_pad = new ZeroPad2d(1);
  readonly pool1_pool = new MaxPool2d(3, { stride: 2 });
  readonly conv2: Sequential;
  readonly conv3: Sequential;
  readonly conv4: Sequential;
  readonly conv5: Sequential;
  /** Version 2 only. */
  readonly post_bn: BatchNorm2d | null;
  readonly predictions: Linear;
  readonly stages = ["conv2", "conv3", "conv4", "conv5"];

  /** @param blocks Blocks of each of the four stages. */
  constructor(
    version: 1 | 2,
    blocks: readonly [number, number, number, number],
    { numClasses = 1000, inChannels = 3 }: ClassifierOptions = {},
  ) {
    super();
    this.conv1_conv = conv(inChannels, 64, 7, { stride: 2, padding: 3 });
    this.conv1_bn = version === 1 ? batchNorm(64) : null;
    let channels = 64;
    const stage = (width: number, count: number, stride: number) => {
      const block = (i: number) => {
        const strided = version === 1 ? i === 0 : i === count - 1;
        const layer = new (version === 1 ? Block1 : Block2)(channels, width, strided ? stride : 1, i === 0);
        channels = 4 * width;
        return [`block${i + 1}`, layer] as const;
      };
      return new Sequential(Object.fromEntries(Array.from({ length: count }, (_, i) => block(i))));
    };
    // The first stage of version 1 and the last of version 2 keep the size.
    const strides = version === 1 ? ([1, 2, 2, 2] as const) : ([2, 2, 2, 1] as const);
    this.conv2 = stage(64, blocks[0], strides[0]);
    this.conv3 = stage(128, blocks[1], strides[1]);
    this.conv4 = stage(256, blocks[2], strides[2]);
    this.conv5 = stage(512, blocks[3], strides[3]);
    this.post_bn = version === 2 ? batchNorm(2048) : null;
    this.predictions = new Linear(2048, numClasses, { init: "keras" });
  }

  get classifier(): Linear {
    return this.predictions;
  }

  /** [N, 3, 224, 224] → [N, 2048, 7, 7] */
  override forwardFeatures(x: Tensor): Tensor {
    x = this.conv1_conv.forward(x); // [N, 64, 112, 112]
    x = this.conv1_bn?.forward(x).relu() ?? x;
    x = this.pool1_pool.forward(this.pool1_pad.forward(x)); // [N, 64, 56, 56]
    x = this.conv2.forward(x); // [N, 256, 56 | 28, …]
    x = this.conv3.forward(x); // [N, 512, 28 | 14, …]
    x = this.conv4.forward(x); // [N, 1024, 14 | 7, …]
    x = this.conv5.forward(x); // [N, 2048, 7, 7]
    return this.post_bn?.forward(x).relu() ?? x;
  }

  override forwardHead(features: Tensor): Tensor {
    return this.predictions.forward(features.mean([2, 3]));
  }
}

const depths = { 50: [3, 4, 6, 3], 101: [3, 4, 23, 3], 152: [3, 8, 36, 3] } as const;

/** The registry's entry of a depth. */
const variant = (version: 1 | 2, depth: keyof typeof depths, top1: number) => ({
  summary:
    version === 1
      ? `ResNet-${depth} of Keras: strides in 1×1 convolutions, biases`
      : `ResNet-${depth} V2: normalisation before convolutions`,
  create: (options?: ClassifierOptions) => new KerasResNet(version, depths[depth], options),
  inputShape: squareImage(224),
  published: keras(top1),
});

export const kerasResnets = family(
  "ResNet of Keras",
  {
    title: "Deep Residual Learning for Image Recognition",
    year: 2015,
    url: "https://arxiv.org/abs/1512.03385",
  },
  {
    "resnet50.keras": variant(1, 50, 74.9),
    "resnet101.keras": variant(1, 101, 76.4),
    "resnet152.keras": variant(1, 152, 76.6),
  },
);

export const resnetv2s = family(
  "ResNet v2",
  {
    title: "Identity Mappings in Deep Residual Networks",
    year: 2016,
    url: "https://arxiv.org/abs/1603.05027",
  },
  {
    "resnet50v2.keras": variant(2, 50, 76),
    "resnet101v2.keras": variant(2, 101, 77.2),
    "resnet152v2.keras": variant(2, 152, 78),
  },
);
