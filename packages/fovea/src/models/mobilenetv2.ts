/**
 * MobileNet v2: "MobileNetV2: Inverted Residuals and Linear Bottlenecks" (Sandler, Howard, Zhu, Zhmoginov, Chen, 2018),
 * https://arxiv.org/abs/1801.04381
 *
 * Layers are named and weights start as in torchvision; 3,504,872 parameters.
 */
import { BatchNorm2d } from "../nn/batchNorm.ts";
import { Conv2d } from "../nn/conv.ts";
import { Dropout } from "../nn/dropout.ts";
import { ReLU6 } from "../nn/hardActivation.ts";
import { normal } from "../nn/init.ts";
import { Linear } from "../nn/linear.ts";
import { Module } from "../nn/module.ts";
import { Sequential } from "../nn/sequential.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { convNorm, divisible, initConvNet } from "./_blocks.ts";
import { ImageClassifier, squareImage, type ClassifierOptions } from "./_classifier.ts";
import { family, torchvision } from "./_family.ts";

export interface MobileNetV2Options extends ClassifierOptions {
  /** Factor of all widths (the paper's α); default 1. */
  widthMultiplier?: number;
  /** Probability to drop an input of the last layer; default 0.2. */
  dropout?: number;
}

/** Rows of the paper's table 2: expansion, output channels, blocks, stride of the first of them. */
const stages = [
  [1, 16, 1, 1],
  [6, 24, 2, 2],
  [6, 32, 3, 2],
  [6, 64, 4, 2],
  [6, 96, 3, 1],
  [6, 160, 3, 2],
  [6, 320, 1, 1],
] as const;

/** 1×1 to more channels, 3×3 in each of them, 1×1 to few without activation; the input is added where shapes allow. */
class InvertedResidual extends Module {
  readonly conv: Sequential;
  readonly #residual: boolean;

  constructor(inChannels: number, outChannels: number, stride: number, expansion: number) {
    super();
    const hidden = inChannels * expansion;
    this.conv = new Sequential(
      ...(expansion === 1 ? [] : [convNorm(inChannels, hidden, 1, { activation: ReLU6 })]),
      convNorm(hidden, hidden, 3, { stride, groups: hidden, activation: ReLU6 }),
      new Conv2d(hidden, outChannels, 1, { bias: false }),
      new BatchNorm2d(outChannels),
    );
    this.#residual = stride === 1 && inChannels === outChannels;
  }

  forward(x: Tensor): Tensor {
    const y = this.conv.forward(x);
    return this.#residual ? x.add(y) : y;
  }
}

export class MobileNetV2 extends ImageClassifier {
  readonly features: Sequential;
  readonly classifier: Sequential;
  readonly stages = [1, 3, 6, 13, 18].map((i) => `features.${i}`);

  constructor({ numClasses = 1000, inChannels = 3, widthMultiplier = 1, dropout = 0.2 }: MobileNetV2Options = {}) {
    super();
    let channels = divisible(32 * widthMultiplier);
    const last = divisible(1280 * Math.max(1, widthMultiplier));
    const layers: Module[] = [convNorm(inChannels, channels, 3, { stride: 2, activation: ReLU6 })];
    for (const [expansion, width, blocks, stride] of stages) {
      for (let i = 0; i < blocks; i++) {
        const out = divisible(width * widthMultiplier);
        layers.push(new InvertedResidual(channels, out, i === 0 ? stride : 1, expansion));
        channels = out;
      }
    }
    layers.push(convNorm(channels, last, 1, { activation: ReLU6 }));
    this.features = new Sequential(...layers);
    this.classifier = new Sequential(new Dropout(dropout), new Linear(last, numClasses));
    initConvNet(this, (weight) => normal(weight, 0, 0.01));
  }

  /** [N, 3, 224, 224] → [N, 1280, 7, 7] */
  override forwardFeatures(x: Tensor): Tensor {
    return this.features.forward(x);
  }

  override forwardHead(features: Tensor): Tensor {
    return this.classifier.forward(features.mean([2, 3]));
  }
}

/** torchvision's MobileNet v2. */
export function mobilenetv2(options: MobileNetV2Options = {}): MobileNetV2 {
  return new MobileNetV2(options);
}

export const mobilenetv2s = family(
  "MobileNet v2",
  {
    title: "MobileNetV2: Inverted Residuals and Linear Bottlenecks",
    year: 2018,
    url: "https://arxiv.org/abs/1801.04381",
  },
  {
    mobilenetv2: {
      summary: "MobileNet v2: depthwise convolutions, small and quick",
      create: mobilenetv2,
      inputShape: squareImage(224),
      published: torchvision(71.878),
    },
  },
);
