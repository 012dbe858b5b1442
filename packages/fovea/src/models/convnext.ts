/**
 * ConvNeXt: "A ConvNet for the 2020s" (Liu, Mao, Wu, Feichtenhofer, Darrell, Xie, 2022), https://arxiv.org/abs/2201.03545
 *
 * A ResNet with what transformers taught: 7×7 depthwise convolutions, layer normalisation, GELU, few activations, and
 * branches that start near zero. Layers are named and weights start as in torchvision.
 */
import { GELU } from "../nn/activation.ts";
import { Conv2d } from "../nn/conv.ts";
import { StochasticDepth } from "../nn/dropout.ts";
import { constant, normal, zeros } from "../nn/init.ts";
import { Linear } from "../nn/linear.ts";
import { Module } from "../nn/module.ts";
import { LayerNorm } from "../nn/normalization.ts";
import { Parameter } from "../nn/parameter.ts";
import { Sequential } from "../nn/sequential.ts";
import { Flatten } from "../nn/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { ImageClassifier, squareImage, type ClassifierOptions } from "./_classifier.ts";
import { family, torchvision } from "./_family.ts";

export interface ConvNeXtOptions extends ClassifierOptions {
  /** Factor that branches start with; default 1e-6. */
  layerScale?: number;
  /** Probability that the last block is skipped while training, less before; default 0.1 of T, 0.4 of S, 0.5 of B. */
  stochasticDepth?: number;
}

/** Blocks of each stage, channels of the first, stochastic depth. */
const forms = {
  tiny: { blocks: [3, 3, 9, 3], width: 96, depth: 0.1 },
  small: { blocks: [3, 3, 27, 3], width: 96, depth: 0.4 },
  base: { blocks: [3, 3, 27, 3], width: 128, depth: 0.5 },
} as const;

/** [N, C, H, W] → [N, H, W, C], or back. */
class Permute extends Module {
  readonly axes: readonly number[];

  constructor(axes: readonly number[]) {
    super();
    this.axes = axes;
  }

  forward(x: Tensor): Tensor {
    return x.permute(this.axes);
  }

  override extraRepr(): string {
    return this.axes.join(", ");
  }
}

const toLast = [0, 2, 3, 1];
const toFirst = [0, 3, 1, 2];

/** Normalises the channels of every pixel. */
class LayerNorm2d extends LayerNorm {
  constructor(channels: number) {
    super(channels, { eps: 1e-6 });
  }

  override forward(x: Tensor): Tensor {
    return super.forward(x.permute(toLast)).permute(toFirst);
  }
}

/** 7×7 in each channel, then a perceptron of every pixel, scaled and added to the input. */
class CNBlock extends Module {
  readonly layerScale: Parameter;
  readonly block: Sequential;
  readonly stochasticDepth: StochasticDepth;

  constructor(channels: number, layerScale: number, p: number) {
    super();
    this.block = new Sequential(
      new Conv2d(channels, channels, 7, { padding: 3, groups: channels }),
      new Permute(toLast),
      new LayerNorm(channels, { eps: 1e-6 }),
      new Linear(channels, 4 * channels),
      new GELU(),
      new Linear(4 * channels, channels),
      new Permute(toFirst),
    );
    this.layerScale = constant(new Parameter([channels, 1, 1]), layerScale);
    this.stochasticDepth = new StochasticDepth(p, "row");
  }

  forward(x: Tensor): Tensor {
    return this.stochasticDepth.forward(this.block.forward(x).mul(this.layerScale)).add(x);
  }
}

export class ConvNeXt extends ImageClassifier {
  readonly features: Sequential;
  readonly classifier: Sequential;
  readonly stages = [1, 3, 5, 7].map((i) => `features.${i}`);

  constructor(form: keyof typeof forms, options: ConvNeXtOptions = {}) {
    super();
    const { blocks, width, depth } = forms[form];
    const { numClasses = 1000, inChannels = 3, layerScale = 1e-6, stochasticDepth = depth } = options;
    const total = blocks.reduce((n, count) => n + count, 0);
    let channels: number = width;
    let made = 0;
    const layers: Module[] = [
      new Sequential(new Conv2d(inChannels, channels, 4, { stride: 4 }), new LayerNorm2d(channels)),
    ];
    blocks.forEach((count, stage) => {
      if (stage > 0) {
        const down = new Conv2d(channels, 2 * channels, 2, { stride: 2 });
        layers.push(new Sequential(new LayerNorm2d(channels), down));
        channels *= 2;
      }
      const stack = Array.from({ length: count }, () => {
        return new CNBlock(channels, layerScale, (stochasticDepth * made++) / (total - 1));
      });
      layers.push(new Sequential(...stack));
    });
    this.features = new Sequential(...layers);
    this.classifier = new Sequential(new LayerNorm2d(channels), new Flatten(1), new Linear(channels, numClasses));
    for (const module of this.namedModules().values()) {
      if (!(module instanceof Conv2d || module instanceof Linear)) continue;
      normal(module.weight, 0, 0.02); // torchvision cuts it off at ±2, a hundred deviations away
      zeros(module.bias!);
    }
  }

  /** T and S: [N, 3, 224, 224] → [N, 768, 7, 7]; B: [N, 1024, 7, 7] */
  override forwardFeatures(x: Tensor): Tensor {
    return this.features.forward(x);
  }

  override forwardHead(features: Tensor): Tensor {
    return this.classifier.forward(features.mean([2, 3], true));
  }
}

/** The registry's entry of a form. */
const variant = (form: keyof typeof forms, top1: number) => ({
  summary: `ConvNeXt-${form[0]!.toUpperCase()}: ${forms[form].blocks.join(", ")} blocks, from ${forms[form].width} channels`,
  create: (options?: ConvNeXtOptions) => new ConvNeXt(form, options),
  inputShape: squareImage(224),
  published: torchvision(top1),
});

export const convnexts = family(
  "ConvNeXt",
  { title: "A ConvNet for the 2020s", year: 2022, url: "https://arxiv.org/abs/2201.03545" },
  {
    "convnext-base.torchvision": variant("base", 84.062),
    "convnext-small.torchvision": variant("small", 83.616),
    "convnext-tiny.torchvision": variant("tiny", 82.52),
  },
);
