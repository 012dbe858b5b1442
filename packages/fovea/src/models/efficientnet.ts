/**
 * EfficientNet: "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks" (Tan, Le, 2019),
 * https://arxiv.org/abs/1905.11946
 *
 * One network, B0, whose width, depth and image size grow together. Layers are named and weights start as in
 * torchvision, whose image sizes these are (B2 takes 288 pixels, in the paper 260).
 */
import { SiLU } from "../nn/activation.ts";
import { Dropout, StochasticDepth } from "../nn/dropout.ts";
import { uniform } from "../nn/init.ts";
import { Linear } from "../nn/linear.ts";
import { Module } from "../nn/module.ts";
import { Sequential } from "../nn/sequential.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { convNorm, divisible, initConvNet, SqueezeExcitation } from "./_blocks.ts";
import { ImageClassifier, squareImage, type ClassifierOptions } from "./_classifier.ts";
import { family, torchvision } from "./_family.ts";

export interface EfficientNetOptions extends ClassifierOptions {
  /** Probability to drop an input of the last layer; default 0.2, of B3 0.3, of B4 0.4. */
  dropout?: number;
  /** Probability that the last block is skipped while training, less before; default 0.2. */
  stochasticDepth?: number;
}

/** Rows of table 1: expansion, kernel, stride, output channels, blocks. */
const stages = [
  [1, 3, 1, 16, 1],
  [6, 3, 2, 24, 2],
  [6, 5, 2, 40, 2],
  [6, 3, 2, 80, 3],
  [6, 5, 1, 112, 3],
  [6, 5, 2, 192, 4],
  [6, 3, 1, 320, 1],
] as const;

/** Factors of width and depth, side of the images, dropout. */
const forms = {
  b0: [1, 1, 224, 0.2],
  b1: [1, 1.1, 240, 0.2],
  b2: [1.1, 1.2, 288, 0.3],
  b3: [1.2, 1.4, 300, 0.3],
  b4: [1.4, 1.8, 380, 0.4],
} as const;

/** 1×1 to more channels, a kernel in each of them, a gate, 1×1 to few; the input is added where shapes allow. */
class MBConv extends Module {
  readonly block: Sequential;
  readonly stochasticDepth: StochasticDepth;
  readonly #residual: boolean;

  constructor(inChannels: number, outChannels: number, kernel: number, stride: number, expansion: number, p: number) {
    super();
    const hidden = divisible(inChannels * expansion);
    this.block = new Sequential(
      ...(hidden === inChannels ? [] : [convNorm(inChannels, hidden, 1, { activation: SiLU })]),
      convNorm(hidden, hidden, kernel, { stride, groups: hidden, activation: SiLU }),
      new SqueezeExcitation(hidden, Math.max(1, Math.floor(inChannels / 4)), SiLU),
      convNorm(hidden, outChannels, 1),
    );
    this.stochasticDepth = new StochasticDepth(p, "row");
    this.#residual = stride === 1 && inChannels === outChannels;
  }

  forward(x: Tensor): Tensor {
    const y = this.block.forward(x);
    return this.#residual ? this.stochasticDepth.forward(y).add(x) : y;
  }
}

export class EfficientNet extends ImageClassifier {
  readonly features: Sequential;
  readonly classifier: Sequential;
  readonly stages = [1, 2, 3, 5, 8].map((i) => `features.${i}`);

  constructor(form: keyof typeof forms, options: EfficientNetOptions = {}) {
    super();
    const [width, depth, , drop] = forms[form];
    const { numClasses = 1000, inChannels = 3, dropout = drop, stochasticDepth = 0.2 } = options;
    const total = stages.reduce((n, [, , , , blocks]) => n + Math.ceil(blocks * depth), 0);
    let channels = divisible(32 * width);
    let block = 0;
    const layers: Module[] = [convNorm(inChannels, channels, 3, { stride: 2, activation: SiLU })];
    for (const [expansion, kernel, stride, out, blocks] of stages) {
      const stage = Array.from({ length: Math.ceil(blocks * depth) }, (_, i) => {
        const from = channels;
        channels = divisible(out * width);
        const p = (stochasticDepth * block++) / total;
        return new MBConv(from, channels, kernel, i === 0 ? stride : 1, expansion, p);
      });
      layers.push(new Sequential(...stage));
    }
    layers.push(convNorm(channels, 4 * channels, 1, { activation: SiLU }));
    this.features = new Sequential(...layers);
    this.classifier = new Sequential(new Dropout(dropout), new Linear(4 * channels, numClasses));
    const bound = 1 / Math.sqrt(numClasses);
    initConvNet(this, (weight) => uniform(weight, -bound, bound));
  }

  /** B0: [N, 3, 224, 224] → [N, 1280, 7, 7] */
  override forwardFeatures(x: Tensor): Tensor {
    return this.features.forward(x);
  }

  override forwardHead(features: Tensor): Tensor {
    return this.classifier.forward(features.mean([2, 3]));
  }
}

/** The registry's entry of a form. */
const variant = (form: keyof typeof forms, top1: number) => ({
  summary: `EfficientNet-${form.toUpperCase()}: ${forms[form][0]}× the width and ${forms[form][1]}× the depth of B0`,
  create: (options?: EfficientNetOptions) => new EfficientNet(form, options),
  inputShape: squareImage(forms[form][2]),
  published: torchvision(top1),
});

export const efficientnets = family(
  "EfficientNet",
  {
    title: "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks",
    year: 2019,
    url: "https://arxiv.org/abs/1905.11946",
  },
  {
    "efficientnet-b0.torchvision": variant("b0", 77.692),
    "efficientnet-b1.torchvision": variant("b1", 78.642),
    "efficientnet-b2.torchvision": variant("b2", 80.608),
    "efficientnet-b3.torchvision": variant("b3", 82.008),
    "efficientnet-b4.torchvision": variant("b4", 83.384),
  },
);
