/**
 * Inception-ResNet v2: "Inception-v4, Inception-ResNet and the Impact of Residual Connections on Learning" (Szegedy,
 * Ioffe, Vanhoucke, Alemi, 2016), https://arxiv.org/abs/1602.07261
 *
 * Inception modules whose result, scaled down, is added to their input. Layers are named as in timm; Keras' form has
 * normalisations without a scale, and is the same otherwise.
 */
import { BatchNorm2d } from "../nn/batchNorm.ts";
import { Conv2d } from "../nn/conv.ts";
import { Dropout } from "../nn/dropout.ts";
import { Linear } from "../nn/linear.ts";
import { Module } from "../nn/module.ts";
import { AvgPool2d, MaxPool2d } from "../nn/pooling.ts";
import { Sequential } from "../nn/sequential.ts";
import type { Pair } from "../ops/windows.ts";
import { concat } from "../ops/movement.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { ImageClassifier, squareImage, type ClassifierOptions } from "./_classifier.ts";
import { family, keras, published } from "./_family.ts";

export interface InceptionResNetV2Options extends ClassifierOptions {
  /** Probability to drop an input of the last layer; default 0. */
  dropout?: number;
}

/** A convolution without bias, batch normalisation (ε 0.001), ReLU. */
class BasicConv2d extends Module {
  readonly conv: Conv2d;
  readonly bn: BatchNorm2d;

  constructor(scale: boolean, inChannels: number, outChannels: number, kernelSize: Pair, stride: number, pad: boolean) {
    super();
    const [rows, columns] = typeof kernelSize === "number" ? [kernelSize, kernelSize] : kernelSize;
    const padding = pad ? ([(rows - 1) / 2, (columns - 1) / 2] as const) : 0;
    this.conv = new Conv2d(inChannels, outChannels, kernelSize, { stride, padding, bias: false, init: "keras" });
    this.bn = new BatchNorm2d(outChannels, { eps: 0.001, scale });
  }

  forward(x: Tensor): Tensor {
    return this.bn.forward(this.conv.forward(x)).relu();
  }
}

/** Two to four modules side by side, their results joined. */
class Mixed extends Module {
  readonly branch0: Module;
  readonly branch1: Module;
  readonly branch2: Module | null;
  readonly branch3: Module | null;

  constructor(branch0: Module, branch1: Module, branch2: Module | null = null, branch3: Module | null = null) {
    super();
    this.branch0 = branch0;
    this.branch1 = branch1;
    this.branch2 = branch2;
    this.branch3 = branch3;
  }

  forward(x: Tensor): Tensor {
    return this.join(x);
  }

  protected join(x: Tensor): Tensor {
    const branches = [this.branch0, this.branch1, this.branch2, this.branch3];
    return concat(
      branches.flatMap((branch) => branch?.forward(x) ?? []),
      1,
    );
  }
}

/** What a residual block adds to its input, and how. */
interface Sum {
  /** Channels of the joined branches, and of the input. */
  readonly channels: readonly [joined: number, input: number];
  readonly scale: number;
  /** Default true. */
  readonly relu?: boolean;
}

/** The input plus a small multiple of a 1×1 convolution of the joined branches. */
class Residual extends Mixed {
  readonly conv2d: Conv2d;
  readonly #scale: number;
  readonly #relu: boolean;

  constructor({ channels, scale, relu = true }: Sum, ...branches: readonly [Module, Module, Module?]) {
    super(...branches);
    this.conv2d = new Conv2d(channels[0], channels[1], 1, { init: "keras" });
    this.#scale = scale;
    this.#relu = relu;
  }

  override forward(x: Tensor): Tensor {
    const y = x.add(this.conv2d.forward(this.join(x)).mul(this.#scale));
    return this.#relu ? y.relu() : y;
  }
}

const repeated = (count: number, make: () => Module) => new Sequential(...Array.from({ length: count }, make));

export class InceptionResNetV2 extends ImageClassifier {
  readonly conv2d_1a: BasicConv2d;
  readonly conv2d_2a: BasicConv2d;
  readonly conv2d_2b: BasicConv2d;
  readonly maxpool_3a = new MaxPool2d(3, { stride: 2 });
  readonly conv2d_3b: BasicConv2d;
  readonly conv2d_4a: BasicConv2d;
  readonly maxpool_5a = new MaxPool2d(3, { stride: 2 });
  readonly mixed_5b: Mixed;
  readonly repeat: Sequential;
  readonly mixed_6a: Mixed;
  readonly repeat_1: Sequential;
  readonly mixed_7a: Mixed;
  readonly repeat_2: Sequential;
  readonly block8: Residual;
  readonly conv2d_7b: BasicConv2d;
  readonly dropout: Dropout;
  readonly classif: Linear;
  readonly stages = ["conv2d_2b", "conv2d_4a", "repeat", "repeat_1", "conv2d_7b"];

  /** @param scale Whether the normalisations have one. */
  constructor(scale: boolean, { numClasses = 1000, inChannels = 3, dropout = 0 }: InceptionResNetV2Options = {}) {
    super();
    /** Keeps the size. */
    const same = (from: number, to: number, kernel: Pair) => new BasicConv2d(scale, from, to, kernel, 1, true);
    /** Without padding. */
    const valid = (from: number, to: number, stride = 1) => new BasicConv2d(scale, from, to, 3, stride, false);
    this.conv2d_1a = valid(inChannels, 32, 2);
    this.conv2d_2a = valid(32, 32);
    this.conv2d_2b = same(32, 64, 3);
    this.conv2d_3b = same(64, 80, 1);
    this.conv2d_4a = valid(80, 192);
    this.mixed_5b = new Mixed(
      same(192, 96, 1),
      new Sequential(same(192, 48, 1), same(48, 64, 5)),
      new Sequential(same(192, 64, 1), same(64, 96, 3), same(96, 96, 3)),
      new Sequential(new AvgPool2d(3, { stride: 1, padding: 1, countIncludePad: false }), same(192, 64, 1)),
    );
    this.repeat = repeated(10, () => {
      return new Residual(
        { channels: [128, 320], scale: 0.17 },
        same(320, 32, 1),
        new Sequential(same(320, 32, 1), same(32, 32, 3)),
        new Sequential(same(320, 32, 1), same(32, 48, 3), same(48, 64, 3)),
      );
    });
    this.mixed_6a = new Mixed(
      valid(320, 384, 2),
      new Sequential(same(320, 256, 1), same(256, 256, 3), valid(256, 384, 2)),
      new MaxPool2d(3, { stride: 2 }),
    );
    this.repeat_1 = repeated(20, () => {
      return new Residual(
        { channels: [384, 1088], scale: 0.1 },
        same(1088, 192, 1),
        new Sequential(same(1088, 128, 1), same(128, 160, [1, 7]), same(160, 192, [7, 1])),
      );
    });
    this.mixed_7a = new Mixed(
      new Sequential(same(1088, 256, 1), valid(256, 384, 2)),
      new Sequential(same(1088, 256, 1), valid(256, 288, 2)),
      new Sequential(same(1088, 256, 1), same(256, 288, 3), valid(288, 320, 2)),
      new MaxPool2d(3, { stride: 2 }),
    );
    const block8 = (sum: Omit<Sum, "channels">) =>
      new Residual(
        { channels: [448, 2080], ...sum },
        same(2080, 192, 1),
        new Sequential(same(2080, 192, 1), same(192, 224, [1, 3]), same(224, 256, [3, 1])),
      );
    this.repeat_2 = repeated(9, () => block8({ scale: 0.2 }));
    this.block8 = block8({ scale: 1, relu: false });
    this.conv2d_7b = same(2080, 1536, 1);
    this.dropout = new Dropout(dropout);
    this.classif = new Linear(1536, numClasses, { init: "keras" });
  }

  get classifier(): Linear {
    return this.classif;
  }

  /** [N, 3, 299, 299] → [N, 1536, 8, 8] */
  override forwardFeatures(x: Tensor): Tensor {
    x = this.conv2d_2a.forward(this.conv2d_1a.forward(x)); // [N, 32, 147, 147]
    x = this.maxpool_3a.forward(this.conv2d_2b.forward(x)); // [N, 64, 73, 73]
    x = this.maxpool_5a.forward(this.conv2d_4a.forward(this.conv2d_3b.forward(x))); // [N, 192, 35, 35]
    x = this.repeat.forward(this.mixed_5b.forward(x)); // [N, 320, 35, 35]
    x = this.repeat_1.forward(this.mixed_6a.forward(x)); // [N, 1088, 17, 17]
    x = this.repeat_2.forward(this.mixed_7a.forward(x)); // [N, 2080, 8, 8]
    return this.conv2d_7b.forward(this.block8.forward(x)); // [N, 1536, 8, 8]
  }

  override forwardHead(features: Tensor): Tensor {
    return this.classif.forward(this.dropout.forward(features.mean([2, 3])));
  }
}

export const inceptionResnets = family(
  "Inception-ResNet v2",
  {
    title: "Inception-v4, Inception-ResNet and the Impact of Residual Connections on Learning",
    year: 2016,
    url: "https://arxiv.org/abs/1602.07261",
  },
  {
    "inception-resnet-v2.keras": {
      summary: "Inception-ResNet v2 with normalisations that have no scale",
      create: (options?: InceptionResNetV2Options) => new InceptionResNetV2(false, options),
      inputShape: squareImage(299),
      published: keras(80.3),
    },
    "inception-resnet-v2.timm": {
      summary: "Inception-ResNet v2 with normalisations that have one",
      create: (options?: InceptionResNetV2Options) => new InceptionResNetV2(true, options),
      inputShape: squareImage(299),
      published: published(80.43, "timm"),
    },
  },
);
