/**
 * MobileNet v3: "Searching for MobileNetV3" (Howard et al., 2019), https://arxiv.org/abs/1905.02244
 *
 * Inverted residuals with squeeze-and-excitation and hard swish, found by search. Layers are named and weights start as
 * in torchvision.
 */
import { ReLU } from "../nn/activation.ts";
import { Dropout } from "../nn/dropout.ts";
import { Hardsigmoid, Hardswish } from "../nn/hardActivation.ts";
import { normal } from "../nn/init.ts";
import { Linear } from "../nn/linear.ts";
import { Module } from "../nn/module.ts";
import { Sequential } from "../nn/sequential.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { convNorm, divisible, initConvNet, SqueezeExcitation } from "./_blocks.ts";
import { ImageClassifier, squareImage, type ClassifierOptions } from "./_classifier.ts";
import { family, torchvision } from "./_family.ts";

export interface MobileNetV3Options extends ClassifierOptions {
  /** Factor of all widths; default 1. */
  widthMultiplier?: number;
  /** Probability to drop an input of the last layer; default 0.2. */
  dropout?: number;
}

type Row = readonly [kernel: number, expanded: number, out: number, se: boolean, hardSwish: boolean, stride: 1 | 2];

/** Tables 1 and 2 of the paper, and the width of the last hidden layer. */
const forms = {
  large: {
    hidden: 1280,
    stages: [1, 3, 6, 12, 16],
    rows: [
      [3, 16, 16, false, false, 1],
      [3, 64, 24, false, false, 2],
      [3, 72, 24, false, false, 1],
      [5, 72, 40, true, false, 2],
      [5, 120, 40, true, false, 1],
      [5, 120, 40, true, false, 1],
      [3, 240, 80, false, true, 2],
      [3, 200, 80, false, true, 1],
      [3, 184, 80, false, true, 1],
      [3, 184, 80, false, true, 1],
      [3, 480, 112, true, true, 1],
      [3, 672, 112, true, true, 1],
      [5, 672, 160, true, true, 2],
      [5, 960, 160, true, true, 1],
      [5, 960, 160, true, true, 1],
    ],
  },
  small: {
    hidden: 1024,
    stages: [0, 1, 3, 8, 12],
    rows: [
      [3, 16, 16, true, false, 2],
      [3, 72, 24, false, false, 2],
      [3, 88, 24, false, false, 1],
      [5, 96, 40, true, true, 2],
      [5, 240, 40, true, true, 1],
      [5, 240, 40, true, true, 1],
      [5, 120, 48, true, true, 1],
      [5, 144, 48, true, true, 1],
      [5, 288, 96, true, true, 2],
      [5, 576, 96, true, true, 1],
      [5, 576, 96, true, true, 1],
    ],
  },
} as const satisfies Record<string, { hidden: number; stages: readonly number[]; rows: readonly Row[] }>;

const norm = { eps: 0.001, momentum: 0.01 };

/** 1×1 to more channels, a kernel in each of them, perhaps a gate, 1×1 to few; the input is added where shapes allow. */
class InvertedResidual extends Module {
  readonly block: Sequential;
  readonly #residual: boolean;

  constructor(inChannels: number, [kernel, expanded, out, se, hardSwish, stride]: Row, width: (n: number) => number) {
    super();
    const [hidden, outChannels] = [width(expanded), width(out)];
    const activation = hardSwish ? Hardswish : ReLU;
    this.block = new Sequential(
      ...(hidden === inChannels ? [] : [convNorm(inChannels, hidden, 1, { activation, norm })]),
      convNorm(hidden, hidden, kernel, { stride, groups: hidden, activation, norm }),
      ...(se ? [new SqueezeExcitation(hidden, divisible(Math.floor(hidden / 4)), ReLU, Hardsigmoid)] : []),
      convNorm(hidden, outChannels, 1, { norm }),
    );
    this.#residual = stride === 1 && inChannels === outChannels;
  }

  forward(x: Tensor): Tensor {
    const y = this.block.forward(x);
    return this.#residual ? y.add(x) : y;
  }
}

export class MobileNetV3 extends ImageClassifier {
  readonly features: Sequential;
  readonly classifier: Sequential;
  readonly stages: readonly string[];

  constructor(
    form: keyof typeof forms,
    { numClasses = 1000, inChannels = 3, widthMultiplier = 1, dropout = 0.2 }: MobileNetV3Options = {},
  ) {
    super();
    const { hidden, stages, rows } = forms[form];
    const width = (n: number) => divisible(n * widthMultiplier);
    let channels = width(16);
    const layers: Module[] = [convNorm(inChannels, channels, 3, { stride: 2, activation: Hardswish, norm })];
    for (const row of rows) {
      layers.push(new InvertedResidual(channels, row, width));
      channels = width(row[2]);
    }
    layers.push(convNorm(channels, 6 * channels, 1, { activation: Hardswish, norm }));
    this.stages = stages.map((i) => `features.${i}`);
    this.features = new Sequential(...layers);
    this.classifier = new Sequential(
      new Linear(6 * channels, width(hidden)),
      new Hardswish(),
      new Dropout(dropout),
      new Linear(width(hidden), numClasses),
    );
    initConvNet(this, (weight) => normal(weight, 0, 0.01));
  }

  /** [N, 3, 224, 224] → [N, 960, 7, 7], the small one [N, 576, 7, 7] */
  override forwardFeatures(x: Tensor): Tensor {
    return this.features.forward(x);
  }

  override forwardHead(features: Tensor): Tensor {
    return this.classifier.forward(features.mean([2, 3]));
  }
}

export const mobilenetv3s = family(
  "MobileNet v3",
  { title: "Searching for MobileNetV3", year: 2019, url: "https://arxiv.org/abs/1905.02244" },
  {
    "mobilenetv3-large.torchvision": {
      summary: "MobileNet v3 large: hard swish, gates, widths found by search",
      create: (options?: MobileNetV3Options) => new MobileNetV3("large", options),
      inputShape: squareImage(224),
      published: torchvision(74.042),
    },
    "mobilenetv3-small.torchvision": {
      summary: "MobileNet v3 small: a quarter of the work of the large one",
      create: (options?: MobileNetV3Options) => new MobileNetV3("small", options),
      inputShape: squareImage(224),
      published: torchvision(67.668),
    },
  },
);
