/**
 * MobileNet: "MobileNets: Efficient Convolutional Neural Networks for Mobile Vision Applications" (Howard et al., 2017),
 * https://arxiv.org/abs/1704.04861
 *
 * Every 3×3 convolution is split into one per channel and a 1×1. The form of Keras Applications: its layer names, its
 * padding (at the bottom and right where the stride is 2), normalisation with ε 0.001, a 1×1 convolution as classifier.
 */
import { BatchNorm2d } from "../nn/batchNorm.ts";
import { Conv2d } from "../nn/conv.ts";
import { Dropout } from "../nn/dropout.ts";
import { ReLU6 } from "../nn/hardActivation.ts";
import type { Module } from "../nn/module.ts";
import { Sequential } from "../nn/sequential.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { ImageClassifier, squareImage, type ClassifierOptions } from "./_classifier.ts";
import { family, keras, type Published } from "./_family.ts";

export interface MobileNetV1Options extends ClassifierOptions {
  /** Factor of all widths (the paper's α); default 1. */
  widthMultiplier?: number;
  /** Probability to drop an input of the classifier; default 0.001. */
  dropout?: number;
}

/** Rows of the paper's table 1: output channels and stride of each pair of convolutions. */
const blocks = [
  [64, 1],
  [128, 2],
  [128, 1],
  [256, 2],
  [256, 1],
  [512, 2],
  [512, 1],
  [512, 1],
  [512, 1],
  [512, 1],
  [512, 1],
  [1024, 2],
  [1024, 1],
] as const;

const batchNorm = (channels: number) => new BatchNorm2d(channels, { convention: "keras" });

export class MobileNetV1 extends ImageClassifier {
  readonly features: Sequential;
  readonly classifier: Sequential;
  readonly stages = [1, 3, 5, 11, 13].map((i) => `features.conv_pw_${i}_relu`);

  constructor({ numClasses = 1000, inChannels = 3, widthMultiplier = 1, dropout = 1e-3 }: MobileNetV1Options = {}) {
    super();
    const width = (n: number) => Math.trunc(n * widthMultiplier);
    let channels = width(32);
    const layers: Record<string, Module> = {
      conv1: new Conv2d(inChannels, channels, 3, { stride: 2, padding: "same", bias: false, init: "keras" }),
      conv1_bn: batchNorm(channels),
      conv1_relu: new ReLU6(),
    };
    blocks.forEach(([out, stride], i) => {
      const block = i + 1;
      const padding = stride === 1 ? 1 : ([[0, 1], [0, 1]] as const); // prettier-ignore
      layers[`conv_dw_${block}`] = new Conv2d(channels, channels, 3, {
        stride,
        padding,
        groups: channels,
        bias: false,
        init: "keras",
      });
      layers[`conv_dw_${block}_bn`] = batchNorm(channels);
      layers[`conv_dw_${block}_relu`] = new ReLU6();
      layers[`conv_pw_${block}`] = new Conv2d(channels, width(out), 1, { bias: false, init: "keras" });
      layers[`conv_pw_${block}_bn`] = batchNorm(width(out));
      layers[`conv_pw_${block}_relu`] = new ReLU6();
      channels = width(out);
    });
    this.features = new Sequential(layers);
    this.classifier = new Sequential({
      dropout: new Dropout(dropout),
      conv_preds: new Conv2d(channels, numClasses, 1, { init: "keras" }),
    });
  }

  /** [N, 3, 224, 224] → [N, 1024, 7, 7] */
  override forwardFeatures(x: Tensor): Tensor {
    return this.features.forward(x);
  }

  override forwardHead(features: Tensor): Tensor {
    return this.classifier.forward(features.mean([2, 3], true)).flatten(1);
  }
}

/** The registry's entry of a width. */
const variant = (widthMultiplier: number, result: Published) => ({
  summary: `MobileNet v1 with ${widthMultiplier === 1 ? "its full" : `${widthMultiplier} of its`} width`,
  create: (options: Omit<MobileNetV1Options, "widthMultiplier"> = {}) =>
    new MobileNetV1({ ...options, widthMultiplier }),
  inputShape: squareImage(224),
  published: result,
});

export const mobilenetv1s = family(
  "MobileNet v1",
  {
    title: "MobileNets: Efficient Convolutional Neural Networks for Mobile Vision Applications",
    year: 2017,
    url: "https://arxiv.org/abs/1704.04861",
  },
  {
    "mobilenetv1.keras": variant(1, keras(70.4)),
    "mobilenetv1-0.75.keras": variant(0.75, keras(68.412)),
    "mobilenetv1-0.5.keras": variant(0.5, keras(64.292)),
    "mobilenetv1-0.25.keras": variant(0.25, keras(51.582)),
  },
);
