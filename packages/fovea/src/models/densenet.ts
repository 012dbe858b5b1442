/**
 * DenseNet: "Densely Connected Convolutional Networks" (Huang, Liu, van der Maaten, Weinberger, 2016),
 * https://arxiv.org/abs/1608.06993
 *
 * DenseNet-BC: every layer sees the outputs of all layers before it in its block, through a 1×1 bottleneck, and
 * transitions halve the channels. Layers are named and weights start as in torchvision.
 */
import { ReLU } from "../nn/activation.ts";
import { BatchNorm2d } from "../nn/batchNorm.ts";
import { Conv2d } from "../nn/conv.ts";
import { Dropout } from "../nn/dropout.ts";
import { kaimingNormal, zeros } from "../nn/init.ts";
import { Linear } from "../nn/linear.ts";
import { Module } from "../nn/module.ts";
import { AvgPool2d, MaxPool2d } from "../nn/pooling.ts";
import { Sequential } from "../nn/sequential.ts";
import { concat } from "../ops/movement.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { ImageClassifier, squareImage, type ClassifierOptions } from "./_classifier.ts";
import { family, torchvision } from "./_family.ts";

export interface DenseNetOptions extends ClassifierOptions {
  /** Probability to drop an output of each layer; default 0. */
  dropout?: number;
}

/** Normalise, ReLU, 1×1 to four times the growth; normalise, ReLU, 3×3 to `growth` new channels. */
class DenseLayer extends Module {
  readonly norm1: BatchNorm2d;
  readonly conv1: Conv2d;
  readonly norm2: BatchNorm2d;
  readonly conv2: Conv2d;
  readonly dropout: Dropout;

  constructor(inChannels: number, growth: number, dropout: number) {
    super();
    this.norm1 = new BatchNorm2d(inChannels);
    this.conv1 = new Conv2d(inChannels, 4 * growth, 1, { bias: false });
    this.norm2 = new BatchNorm2d(4 * growth);
    this.conv2 = new Conv2d(4 * growth, growth, 3, { padding: 1, bias: false });
    this.dropout = new Dropout(dropout);
  }

  forward(x: Tensor): Tensor {
    x = this.conv1.forward(this.norm1.forward(x).relu()); // [N, 4 · growth, H, W]
    x = this.conv2.forward(this.norm2.forward(x).relu()); // [N, growth, H, W]
    return this.dropout.forward(x);
  }
}

/** Layers `denselayer1`, `denselayer2`, …, each adding its channels to all before. */
class DenseBlock extends Sequential {
  constructor(layers: number, inChannels: number, growth: number, dropout: number) {
    const layer = (_: unknown, i: number) =>
      [`denselayer${i + 1}`, new DenseLayer(inChannels + i * growth, growth, dropout)] as const;
    super(Object.fromEntries(Array.from({ length: layers }, layer)));
  }

  override forward(x: Tensor): Tensor {
    const features = [x];
    for (const layer of this.layers) features.push(layer.forward(concat(features, 1)));
    return concat(features, 1);
  }
}

/** Half the channels, half the size. */
function transition(inChannels: number): Sequential {
  return new Sequential({
    norm: new BatchNorm2d(inChannels),
    relu: new ReLU(),
    conv: new Conv2d(inChannels, inChannels / 2, 1, { bias: false }),
    pool: new AvgPool2d(2),
  });
}

export class DenseNet extends ImageClassifier {
  readonly features: Sequential;
  readonly classifier: Linear;
  readonly stages = ["denseblock1", "denseblock2", "denseblock3", "denseblock4"].map((name) => `features.${name}`);

  /**
   * @param blocks Layers of each of the four blocks.
   * @param growth Channels that each layer adds (the paper's k).
   * @param stem Channels of the first convolution.
   */
  constructor(
    blocks: readonly [number, number, number, number],
    growth: number,
    stem: number,
    { numClasses = 1000, inChannels = 3, dropout = 0 }: DenseNetOptions = {},
  ) {
    super();
    const features: Record<string, Module> = {
      conv0: new Conv2d(inChannels, stem, 7, { stride: 2, padding: 3, bias: false }),
      norm0: new BatchNorm2d(stem),
      relu0: new ReLU(),
      pool0: new MaxPool2d(3, { stride: 2, padding: 1 }),
    };
    let channels = stem;
    blocks.forEach((layers, i) => {
      if (i > 0) {
        features[`transition${i}`] = transition(channels);
        channels /= 2;
      }
      features[`denseblock${i + 1}`] = new DenseBlock(layers, channels, growth, dropout);
      channels += layers * growth;
    });
    features["norm5"] = new BatchNorm2d(channels);
    this.features = new Sequential(features);
    this.classifier = new Linear(channels, numClasses);
    zeros(this.classifier.bias!);
    for (const module of this.namedModules().values()) {
      if (module instanceof Conv2d) kaimingNormal(module.weight);
    }
  }

  /** [N, 3, 224, 224] → [N, C, 7, 7] with C = 1024 in DenseNet-121, 1664 in 169, 1920 in 201, 2208 in 161 */
  override forwardFeatures(x: Tensor): Tensor {
    return this.features.forward(x).relu();
  }

  override forwardHead(features: Tensor): Tensor {
    return this.classifier.forward(features.mean([2, 3]));
  }
}

/** 121 layers, 7,978,856 parameters. */
export const densenet121 = (options: DenseNetOptions = {}): DenseNet => new DenseNet([6, 12, 24, 16], 32, 64, options);
/** 161 layers, wider than the others; 28,681,000 parameters. */
export const densenet161 = (options: DenseNetOptions = {}): DenseNet => new DenseNet([6, 12, 36, 24], 48, 96, options);
/** 169 layers, 14,149,480 parameters. */
export const densenet169 = (options: DenseNetOptions = {}): DenseNet => new DenseNet([6, 12, 32, 32], 32, 64, options);
/** 201 layers, 20,013,928 parameters. */
export const densenet201 = (options: DenseNetOptions = {}): DenseNet => new DenseNet([6, 12, 48, 32], 32, 64, options);

export const densenets = family(
  "DenseNet",
  {
    title: "Densely Connected Convolutional Networks",
    year: 2016,
    url: "https://arxiv.org/abs/1608.06993",
  },
  {
    densenet121: {
      summary: "DenseNet-121",
      create: densenet121,
      inputShape: squareImage(224),
      published: torchvision(74.434),
    },
    densenet161: {
      summary: "DenseNet-161, wider than the others",
      create: densenet161,
      inputShape: squareImage(224),
      published: torchvision(77.138),
    },
    densenet169: {
      summary: "DenseNet-169",
      create: densenet169,
      inputShape: squareImage(224),
      published: torchvision(75.6),
    },
    densenet201: {
      summary: "DenseNet-201",
      create: densenet201,
      inputShape: squareImage(224),
      published: torchvision(76.896),
    },
  },
);
