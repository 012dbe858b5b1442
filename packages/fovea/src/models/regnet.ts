/**
 * RegNet: "Designing Network Design Spaces" (Radosavovic, Kosaraju, Girshick, He, Dollár, 2020),
 * https://arxiv.org/abs/2003.13678
 *
 * RegNetY: residual bottlenecks of grouped convolutions with gates, whose widths follow a straight line over depth
 * (rounded to a few stages). Layers are named and weights start as in torchvision.
 */
import { ReLU } from "../nn/activation.ts";
import { normal } from "../nn/init.ts";
import { Linear } from "../nn/linear.ts";
import { Module } from "../nn/module.ts";
import { Sequential } from "../nn/sequential.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { convNorm, initConvNet, SqueezeExcitation } from "./_blocks.ts";
import { ImageClassifier, squareImage, type ClassifierOptions } from "./_classifier.ts";
import { family, torchvision } from "./_family.ts";

/** The paper's figure 17: blocks and channels of each stage, channels of a group; by billions of multiply–adds. */
const forms = {
  "400mf": { blocks: [1, 3, 6, 6], widths: [48, 104, 208, 440], group: 8 },
  "800mf": { blocks: [1, 3, 8, 2], widths: [64, 144, 320, 784], group: 16 },
  "1.6gf": { blocks: [2, 6, 17, 2], widths: [48, 120, 336, 888], group: 24 },
  "3.2gf": { blocks: [2, 5, 13, 1], widths: [72, 216, 576, 1512], group: 24 },
  "8gf": { blocks: [2, 4, 10, 1], widths: [224, 448, 896, 2016], group: 56 },
  "16gf": { blocks: [2, 4, 11, 1], widths: [224, 448, 1232, 3024], group: 112 },
  "32gf": { blocks: [2, 5, 12, 1], widths: [232, 696, 1392, 3712], group: 232 },
} as const;

/** 1×1, a grouped 3×3, a gate, 1×1; the input is added, projected where the shape changes. */
class Block extends Module {
  readonly proj: Sequential | null;
  readonly f: Sequential;

  constructor(inChannels: number, channels: number, stride: number, group: number) {
    super();
    const activation = ReLU;
    const same = inChannels === channels && stride === 1;
    this.proj = same ? null : convNorm(inChannels, channels, 1, { stride });
    this.f = new Sequential({
      a: convNorm(inChannels, channels, 1, { activation }),
      b: convNorm(channels, channels, 3, { stride, groups: channels / group, activation }),
      se: new SqueezeExcitation(channels, Math.round(inChannels / 4)),
      c: convNorm(channels, channels, 1),
    });
  }

  forward(x: Tensor): Tensor {
    return (this.proj?.forward(x) ?? x).add(this.f.forward(x)).relu();
  }
}

export class RegNet extends ImageClassifier {
  readonly stem: Sequential;
  readonly trunkOutput: Sequential;
  readonly fc: Linear;
  readonly stages = ["stem", ...[1, 2, 3, 4].map((i) => `trunk_output.block${i}`)];

  constructor(form: keyof typeof forms, { numClasses = 1000, inChannels = 3 }: ClassifierOptions = {}) {
    super();
    const { blocks, widths, group } = forms[form];
    this.stem = convNorm(inChannels, 32, 3, { stride: 2, activation: ReLU });
    let channels = 32;
    const stage = (width: number, i: number) => {
      const stack = Array.from({ length: blocks[i]! }, (_, k) => {
        const block = new Block(channels, width, k === 0 ? 2 : 1, group);
        channels = width;
        return [`block${i + 1}-${k}`, block] as const;
      });
      return [`block${i + 1}`, new Sequential(Object.fromEntries(stack))] as const;
    };
    this.trunkOutput = new Sequential(Object.fromEntries(widths.map(stage)));
    this.fc = new Linear(channels, numClasses);
    initConvNet(this, (weight) => normal(weight, 0, 0.01));
  }

  get classifier(): Linear {
    return this.fc;
  }

  /** [N, 3, 224, 224] → [N, C, 7, 7] with C the last width of the form */
  override forwardFeatures(x: Tensor): Tensor {
    return this.trunkOutput.forward(this.stem.forward(x));
  }

  override forwardHead(features: Tensor): Tensor {
    return this.fc.forward(features.mean([2, 3]));
  }
}

/** The registry's entry of a form. */
const variant = (form: keyof typeof forms, top1: number) => ({
  summary: `RegNetY-${form.toUpperCase()}: ${forms[form].blocks.join(", ")} blocks`,
  create: (options?: ClassifierOptions) => new RegNet(form, options),
  inputShape: squareImage(224),
  published: torchvision(top1),
});

export const regnets = family(
  "RegNet",
  { title: "Designing Network Design Spaces", year: 2020, url: "https://arxiv.org/abs/2003.13678" },
  {
    "regnety-400mf.torchvision": variant("400mf", 74.046),
    "regnety-800mf.torchvision": variant("800mf", 76.42),
    "regnety-1.6gf.torchvision": variant("1.6gf", 77.95),
    "regnety-3.2gf.torchvision": variant("3.2gf", 78.948),
    "regnety-8gf.torchvision": variant("8gf", 80.032),
    "regnety-16gf.torchvision": variant("16gf", 80.424),
    "regnety-32gf.torchvision": variant("32gf", 80.878),
  },
);
