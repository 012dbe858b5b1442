/**
 * VGG: "Very Deep Convolutional Networks for Large-Scale Image Recognition" (Simonyan, Zisserman, 2014),
 * https://arxiv.org/abs/1409.1556
 *
 * The six configurations of the paper's table 1 with 11, 11, 13, 16, 16 and 19 layers with weights: A, A-LRN (local
 * response normalisation after the first convolution), B, C (three of its convolutions are 1×1), D and E; A, B, D and E
 * also with a batch normalisation after every convolution. Layers are named and weights start as in torchvision.
 */
import { ReLU } from "../nn/activation.ts";
import { AdaptiveAvgPool2d } from "../nn/adaptivePooling.ts";
import { BatchNorm2d } from "../nn/batchNorm.ts";
import { Conv2d } from "../nn/conv.ts";
import { Dropout } from "../nn/dropout.ts";
import { kaimingNormal, normal, zeros } from "../nn/init.ts";
import { Linear } from "../nn/linear.ts";
import { LocalResponseNorm } from "../nn/localResponseNorm.ts";
import type { Module } from "../nn/module.ts";
import { MaxPool2d } from "../nn/pooling.ts";
import { Sequential } from "../nn/sequential.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { ImageClassifier, squareImage, type ClassifierOptions } from "./_classifier.ts";
import { family, published, torchvision } from "./_family.ts";

export interface VGGOptions extends ClassifierOptions {
  /** Normalise after every convolution; default false. */
  batchNorm?: boolean;
  /** Probability to drop an output of the first two fully connected layers; default 0.5. */
  dropout?: number;
}

/** Number of convolutions before each of the five poolings. */
const configurations = {
  A: [1, 1, 2, 2, 2],
  "A-LRN": [1, 1, 2, 2, 2],
  B: [2, 2, 2, 2, 2],
  C: [2, 2, 3, 3, 3],
  D: [2, 2, 3, 3, 3],
  E: [2, 2, 4, 4, 4],
} as const;

const widths = [64, 128, 256, 512, 512] as const;

export class VGG extends ImageClassifier {
  readonly features: Sequential;
  readonly avgpool = new AdaptiveAvgPool2d(7);
  readonly classifier: Sequential;
  readonly stages: readonly string[];

  constructor(
    configuration: keyof typeof configurations,
    { numClasses = 1000, inChannels = 3, batchNorm = false, dropout = 0.5 }: VGGOptions = {},
  ) {
    super();
    const layers: Module[] = [];
    const stages: string[] = [];
    let channels = inChannels;
    configurations[configuration].forEach((convolutions, stage) => {
      const width = widths[stage]!;
      for (let i = 0; i < convolutions; i++) {
        const kernel = configuration === "C" && i === 2 ? 1 : 3;
        layers.push(new Conv2d(channels, width, kernel, { padding: (kernel - 1) / 2 }));
        if (batchNorm) layers.push(new BatchNorm2d(width));
        layers.push(new ReLU());
        if (configuration === "A-LRN" && stage === 0) {
          layers.push(new LocalResponseNorm(5, { alpha: 1e-4, beta: 0.75, k: 2, divideBySize: false }));
        }
        channels = width;
      }
      stages.push(`features.${layers.length - 1}`);
      layers.push(new MaxPool2d(2));
    });
    this.stages = stages;
    this.features = new Sequential(...layers);
    this.classifier = new Sequential(
      new Linear(512 * 7 * 7, 4096),
      new ReLU(),
      new Dropout(dropout),
      new Linear(4096, 4096),
      new ReLU(),
      new Dropout(dropout),
      new Linear(4096, numClasses),
    );
    for (const layer of [...this.features.layers, ...this.classifier.layers]) {
      if (layer instanceof Conv2d) kaimingNormal(layer.weight, { mode: "fanOut" });
      else if (layer instanceof Linear) normal(layer.weight, 0, 0.01);
      else continue;
      zeros(layer.bias!);
    }
  }

  /** [N, 3, 224, 224] → [N, 512, 7, 7] */
  override forwardFeatures(x: Tensor): Tensor {
    return this.features.forward(x);
  }

  override forwardHead(features: Tensor): Tensor {
    return this.classifier.forward(this.avgpool.forward(features).flatten(1));
  }
}

/** Configuration A: 11 layers, 132,863,336 parameters. */
export const vgg11 = (options: VGGOptions = {}): VGG => new VGG("A", options);
/** Configuration B: 13 layers, 133,047,848 parameters. */
export const vgg13 = (options: VGGOptions = {}): VGG => new VGG("B", options);
/** Configuration D: 16 layers, 138,357,544 parameters. */
export const vgg16 = (options: VGGOptions = {}): VGG => new VGG("D", options);
/** Configuration E: 19 layers, 143,667,240 parameters. */
export const vgg19 = (options: VGGOptions = {}): VGG => new VGG("E", options);

const at224 = squareImage(224);

type VGGNormOptions = Omit<VGGOptions, "batchNorm">;
const normalized =
  (create: (options: VGGOptions) => VGG) =>
  (options: VGGNormOptions = {}) =>
    create({ ...options, batchNorm: true });

export const vggs = family(
  "VGG",
  {
    title: "Very Deep Convolutional Networks for Large-Scale Image Recognition",
    year: 2014,
    url: "https://arxiv.org/abs/1409.1556",
  },
  {
    vgg11: {
      summary: "VGG-11, configuration A",
      create: vgg11,
      inputShape: at224,
      published: torchvision(69.02),
    },
    "vgg11.bn": {
      summary: "VGG-11 with batch normalisation",
      create: normalized(vgg11),
      inputShape: at224,
      published: torchvision(70.37),
    },
    "vgg11.lrn": {
      summary: "VGG-11 with local response normalisation, configuration A-LRN",
      create: (options?: VGGNormOptions) => new VGG("A-LRN", options),
      inputShape: at224,
      published: published(70.3, "the paper, table 3"),
    },
    vgg13: {
      summary: "VGG-13, configuration B",
      create: vgg13,
      inputShape: at224,
      published: torchvision(69.928),
    },
    "vgg13.bn": {
      summary: "VGG-13 with batch normalisation",
      create: normalized(vgg13),
      inputShape: at224,
      published: torchvision(71.586),
    },
    vgg16: {
      summary: "VGG-16, configuration D",
      create: vgg16,
      inputShape: at224,
      published: torchvision(71.592),
    },
    "vgg16.bn": {
      summary: "VGG-16 with batch normalisation",
      create: normalized(vgg16),
      inputShape: at224,
      published: torchvision(73.36),
    },
    "vgg16.c": {
      summary: "VGG-16 with three 1×1 convolutions, configuration C",
      create: (options?: VGGNormOptions) => new VGG("C", options),
      inputShape: at224,
      published: published(72.7, "the paper, table 3: 384 pixels"),
    },
    vgg19: {
      summary: "VGG-19, configuration E",
      create: vgg19,
      inputShape: at224,
      published: torchvision(72.376),
    },
    "vgg19.bn": {
      summary: "VGG-19 with batch normalisation",
      create: normalized(vgg19),
      inputShape: at224,
      published: torchvision(74.218),
    },
  },
);
