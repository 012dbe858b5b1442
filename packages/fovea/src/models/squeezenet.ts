/**
 * SqueezeNet: "SqueezeNet: AlexNet-level accuracy with 50x fewer parameters and <0.5MB model size" (Iandola, Han,
 * Moskewicz, Ashraf, Dally, Keutzer, 2016), https://arxiv.org/abs/1602.07360
 *
 * Fire modules squeeze the channels by 1×1 convolutions and expand them by 1×1 and 3×3 ones; the classifier is a
 * convolution. Layers are named and weights start as in torchvision. The authors' Caffe network differs in the padding
 * of 1 around the classifier's 1×1 convolution, which the mean then includes. Version 1.1 pools earlier and has 2.4
 * times less work.
 */
import { ReLU } from "../nn/activation.ts";
import { Conv2d } from "../nn/conv.ts";
import { Dropout } from "../nn/dropout.ts";
import { kaimingUniform, normal, zeros } from "../nn/init.ts";
import { Module } from "../nn/module.ts";
import { MaxPool2d } from "../nn/pooling.ts";
import { Sequential } from "../nn/sequential.ts";
import { concat } from "../ops/movement.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { ImageClassifier, squareImage, type ClassifierOptions } from "./_classifier.ts";
import { family, published, torchvision } from "./_family.ts";

export interface SqueezeNetOptions extends ClassifierOptions {
  /** Probability to drop an input of the classifier; default 0.5. */
  dropout?: number;
}

/** 1×1 to few channels, then 1×1 and 3×3 side by side. */
class Fire extends Module {
  readonly squeeze: Conv2d;
  readonly expand1x1: Conv2d;
  readonly expand3x3: Conv2d;

  constructor(inChannels: number, squeezed: number, expanded: number) {
    super();
    this.squeeze = new Conv2d(inChannels, squeezed, 1);
    this.expand1x1 = new Conv2d(squeezed, expanded, 1);
    this.expand3x3 = new Conv2d(squeezed, expanded, 3, { padding: 1 });
  }

  forward(x: Tensor): Tensor {
    x = this.squeeze.forward(x).relu();
    return concat([this.expand1x1.forward(x).relu(), this.expand3x3.forward(x).relu()], 1);
  }
}

const pool = () => new MaxPool2d(3, { stride: 2, ceilMode: true });

/** Everything before the classifier, for each version: [N, 3, 224, 224] → [N, 512, 13, 13]. */
const layers = {
  "1.0": (inChannels: number) => [
    new Conv2d(inChannels, 96, 7, { stride: 2 }), // [N, 96, 109, 109]
    new ReLU(),
    pool(), // [N, 96, 54, 54]
    new Fire(96, 16, 64),
    new Fire(128, 16, 64),
    new Fire(128, 32, 128),
    pool(), // [N, 256, 27, 27]
    new Fire(256, 32, 128),
    new Fire(256, 48, 192),
    new Fire(384, 48, 192),
    new Fire(384, 64, 256),
    pool(), // [N, 512, 13, 13]
    new Fire(512, 64, 256),
  ],
  "1.1": (inChannels: number) => [
    new Conv2d(inChannels, 64, 3, { stride: 2 }), // [N, 64, 111, 111]
    new ReLU(),
    pool(), // [N, 64, 55, 55]
    new Fire(64, 16, 64),
    new Fire(128, 16, 64),
    pool(), // [N, 128, 27, 27]
    new Fire(128, 32, 128),
    new Fire(256, 32, 128),
    pool(), // [N, 256, 13, 13]
    new Fire(256, 48, 192),
    new Fire(384, 48, 192),
    new Fire(384, 64, 256),
    new Fire(512, 64, 256),
  ],
} as const;

/** The last module before each pooling, and the last of all. */
const stages = {
  "1.0": ["features.1", "features.5", "features.10", "features.12"],
  "1.1": ["features.1", "features.4", "features.7", "features.12"],
} as const;

export class SqueezeNet extends ImageClassifier {
  readonly features: Sequential;
  readonly classifier: Sequential;
  readonly stages: readonly string[];

  /** @param padding Around the classifier's 1×1 convolution: 0 in torchvision, 1 in Caffe. */
  constructor(
    version: keyof typeof layers,
    padding: 0 | 1,
    { numClasses = 1000, inChannels = 3, dropout = 0.5 }: SqueezeNetOptions = {},
  ) {
    super();
    this.stages = stages[version];
    this.features = new Sequential(...layers[version](inChannels));
    const last = new Conv2d(512, numClasses, 1, { padding });
    this.classifier = new Sequential(new Dropout(dropout), last, new ReLU());
    for (const module of this.namedModules().values()) {
      if (!(module instanceof Conv2d)) continue;
      if (module === last) normal(module.weight, 0, 0.01);
      else kaimingUniform(module.weight);
      zeros(module.bias!);
    }
  }

  /** [N, 3, 224, 224] → [N, 512, 13, 13] */
  override forwardFeatures(x: Tensor): Tensor {
    return this.features.forward(x);
  }

  override forwardHead(features: Tensor): Tensor {
    return this.classifier.forward(features).mean([2, 3]);
  }
}

export const squeezenets = family(
  "SqueezeNet",
  {
    title: "SqueezeNet: AlexNet-level accuracy with 50x fewer parameters and <0.5MB model size",
    year: 2016,
    url: "https://arxiv.org/abs/1602.07360",
  },
  {
    "squeezenet1.0.caffe": {
      summary: "SqueezeNet 1.0 with the padding of its authors' Caffe network",
      create: (options?: SqueezeNetOptions) => new SqueezeNet("1.0", 1, options),
      inputShape: squareImage(227),
      published: published(57.5, "the paper"),
    },
    "squeezenet1.0.torchvision": {
      summary: "SqueezeNet 1.0: AlexNet's accuracy with a fiftieth of its parameters",
      create: (options?: SqueezeNetOptions) => new SqueezeNet("1.0", 0, options),
      inputShape: squareImage(224),
      published: torchvision(58.092),
    },
    "squeezenet1.1.torchvision": {
      summary: "SqueezeNet 1.1: the same accuracy with 2.4 times less work",
      create: (options?: SqueezeNetOptions) => new SqueezeNet("1.1", 0, options),
      inputShape: squareImage(224),
      published: torchvision(58.178),
    },
  },
);
