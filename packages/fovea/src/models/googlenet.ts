/**
 * GoogLeNet: "Going Deeper with Convolutions" (Szegedy et al., 2014), https://arxiv.org/abs/1409.4842
 *
 * As published: convolutions with biases, and local response normalisation (with Caffe's constants; the paper has none)
 * around the first ones. torchvision's form differs: batch normalisation and no biases, 3×3 where the paper has 5×5
 * convolutions (a slip that the published weights rely on, https://github.com/pytorch/vision/issues/906), and a 2×2 last
 * pooling. Auxiliary heads have a 1,024-wide layer on 4×4 pixels of average-pooled features.
 */
import { UsageError } from "../base/errors.ts";
import { Conv2d, type Conv2dOptions } from "../nn/conv.ts";
import { Dropout } from "../nn/dropout.ts";
import { normal } from "../nn/init.ts";
import { Linear } from "../nn/linear.ts";
import { Module } from "../nn/module.ts";
import { LocalResponseNorm } from "../nn/localResponseNorm.ts";
import { MaxPool2d } from "../nn/pooling.ts";
import { Sequential } from "../nn/sequential.ts";
import { adaptiveAvgPool2d } from "../ops/adaptivePool.ts";
import { concat } from "../ops/movement.ts";
import type { Pair } from "../ops/windows.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { BasicConv2d, fromTensorFlow } from "./_basicConv.ts";
import { ImageClassifier, squareImage, type ClassifierOptions, type Pooling } from "./_classifier.ts";
import { family, published, torchvision } from "./_family.ts";

export interface GoogLeNetOptions extends ClassifierOptions {
  /** Add the two auxiliary heads, for `forwardWithAux`; default false. */
  auxHeads?: boolean;
  /** Take images standardised for ImageNet where weights from TensorFlow want −1 … 1; default false. */
  transformInput?: boolean;
  /** Probability to drop an input of the last layer; default 0.2, in the paper 0.4. */
  dropout?: number;
  /** Probability to drop an input of an auxiliary head's last layer; default 0.7. */
  dropoutAux?: number;
}

/** Logits of the network and of its auxiliary heads; the paper adds the heads' losses times 0.3. */
export interface GoogLeNetOutputs {
  readonly logits: Tensor;
  readonly aux1: Tensor;
  readonly aux2: Tensor;
}

/** A convolution with a bias, and ReLU. */
class BiasedConv2d extends Module {
  readonly conv: Conv2d;

  constructor(inChannels: number, outChannels: number, kernelSize: Pair, options: Conv2dOptions = {}) {
    super();
    this.conv = new Conv2d(inChannels, outChannels, kernelSize, options);
  }

  forward(x: Tensor): Tensor {
    return this.conv.forward(x).relu();
  }
}

/** What the published network and torchvision's do differently. */
interface Form {
  readonly conv: typeof BasicConv2d | typeof BiasedConv2d;
  /** Kernel of the branch that is 5×5 in the paper. */
  readonly wide: 3 | 5;
  readonly lastPool: 2 | 3;
  /** Local response normalisation, else null. */
  readonly norm: LocalResponseNorm | null;
  /** From 14×14 to 4×4 pixels. */
  readonly auxPool: (x: Tensor) => Tensor;
  readonly dropout: number;
}

const forms = {
  paper: {
    conv: BiasedConv2d,
    wide: 5,
    lastPool: 3,
    norm: new LocalResponseNorm(5),
    auxPool: (x) => x.avgPool2d(5, { stride: 3 }),
    dropout: 0.4,
  },
  torchvision: {
    conv: BasicConv2d,
    wide: 3,
    lastPool: 2,
    norm: null,
    auxPool: (x) => adaptiveAvgPool2d(x, 4),
    dropout: 0.2,
  },
} as const satisfies Record<string, Form>;

/** Output channels of a module's branches: a row of the paper's table 1. */
type Row = readonly [one: number, threeReduced: number, three: number, fiveReduced: number, five: number, pool: number];

/** Four branches side by side. */
class Inception extends Module {
  readonly branch1: Module;
  readonly branch2: Sequential;
  readonly branch3: Sequential;
  readonly branch4: Sequential;

  constructor({ conv, wide }: Form, inChannels: number, ...[one, threeReduced, three, fiveReduced, five, pooled]: Row) {
    super();
    this.branch1 = new conv(inChannels, one, 1);
    this.branch2 = new Sequential(
      new conv(inChannels, threeReduced, 1),
      new conv(threeReduced, three, 3, { padding: 1 }),
    );
    this.branch3 = new Sequential(
      new conv(inChannels, fiveReduced, 1),
      new conv(fiveReduced, five, wide, { padding: (wide - 1) / 2 }),
    );
    this.branch4 = new Sequential(
      new MaxPool2d(3, { stride: 1, padding: 1, ceilMode: true }),
      new conv(inChannels, pooled, 1),
    );
  }

  forward(x: Tensor): Tensor {
    const branches = [this.branch1, this.branch2, this.branch3, this.branch4];
    return concat(
      branches.map((branch) => branch.forward(x)),
      1,
    );
  }
}

/** A classifier half-way, which brings gradients to early layers. */
class InceptionAux extends Module {
  readonly conv: Module;
  readonly fc1 = new Linear(2048, 1024);
  readonly fc2: Linear;
  readonly dropout: Dropout;
  readonly #pool: Form["auxPool"];

  constructor(form: Form, inChannels: number, numClasses: number, dropout: number) {
    super();
    this.conv = new form.conv(inChannels, 128, 1);
    this.fc2 = new Linear(1024, numClasses);
    this.dropout = new Dropout(dropout);
    this.#pool = form.auxPool;
  }

  /** [N, C, 14, 14] → [N, numClasses] */
  forward(x: Tensor): Tensor {
    x = this.conv.forward(this.#pool(x)); // [N, 128, 4, 4]
    x = this.fc1.forward(x.flatten(1)).relu(); // [N, 1024]
    return this.fc2.forward(this.dropout.forward(x));
  }
}

export class GoogLeNet extends ImageClassifier {
  readonly conv1: Module;
  readonly maxpool1 = new MaxPool2d(3, { stride: 2, ceilMode: true });
  readonly conv2: Module;
  readonly conv3: Module;
  readonly maxpool2 = new MaxPool2d(3, { stride: 2, ceilMode: true });
  readonly inception3a: Inception;
  readonly inception3b: Inception;
  readonly maxpool3 = new MaxPool2d(3, { stride: 2, ceilMode: true });
  readonly inception4a: Inception;
  readonly inception4b: Inception;
  readonly inception4c: Inception;
  readonly inception4d: Inception;
  readonly inception4e: Inception;
  readonly maxpool4: MaxPool2d;
  readonly inception5a: Inception;
  readonly inception5b: Inception;
  aux1: InceptionAux | null;
  aux2: InceptionAux | null;
  readonly dropout: Dropout;
  readonly fc: Linear;
  readonly stages = ["conv1", "conv3", "inception3b", "inception4e", "inception5b"];
  readonly #transformInput: boolean;
  readonly #norm: LocalResponseNorm | null;

  constructor(options: GoogLeNetOptions = {}, name: keyof typeof forms = "torchvision") {
    super();
    const form: Form = forms[name];
    const { numClasses = 1000, inChannels = 3, auxHeads = false, dropout = form.dropout, dropoutAux = 0.7 } = options;
    this.conv1 = new form.conv(inChannels, 64, 7, { stride: 2, padding: 3 });
    this.conv2 = new form.conv(64, 64, 1);
    this.conv3 = new form.conv(64, 192, 3, { padding: 1 });
    this.inception3a = new Inception(form, 192, 64, 96, 128, 16, 32, 32);
    this.inception3b = new Inception(form, 256, 128, 128, 192, 32, 96, 64);
    this.inception4a = new Inception(form, 480, 192, 96, 208, 16, 48, 64);
    this.inception4b = new Inception(form, 512, 160, 112, 224, 24, 64, 64);
    this.inception4c = new Inception(form, 512, 128, 128, 256, 24, 64, 64);
    this.inception4d = new Inception(form, 512, 112, 144, 288, 32, 64, 64);
    this.inception4e = new Inception(form, 528, 256, 160, 320, 32, 128, 128);
    this.inception5a = new Inception(form, 832, 256, 160, 320, 32, 128, 128);
    this.inception5b = new Inception(form, 832, 384, 192, 384, 48, 128, 128);
    this.maxpool4 = new MaxPool2d(form.lastPool, { stride: 2, ceilMode: true });
    this.#norm = form.norm;
    this.aux1 = auxHeads ? new InceptionAux(form, 512, numClasses, dropoutAux) : null;
    this.aux2 = auxHeads ? new InceptionAux(form, 528, numClasses, dropoutAux) : null;
    this.dropout = new Dropout(dropout);
    this.fc = new Linear(1024, numClasses);
    this.#transformInput = options.transformInput ?? false;
    for (const module of this.namedModules().values()) {
      if (module instanceof Conv2d || module instanceof Linear) normal(module.weight, 0, 0.01);
    }
  }

  get classifier(): Linear {
    return this.fc;
  }

  protected override outputLayers(): readonly (Linear | Conv2d)[] {
    return [this.aux1?.fc2 ?? [], this.aux2?.fc2 ?? [], super.outputLayers()].flat();
  }

  /** Takes the auxiliary heads away too. */
  override removeTop(pooling: Pooling = null): this {
    this.aux1 = null;
    this.aux2 = null;
    return super.removeTop(pooling);
  }

  /** [N, 3, 224, 224] → [N, 1024, 7, 7] */
  override forwardFeatures(x: Tensor): Tensor {
    return this.#afterAux2(this.#afterAux1(this.#beforeAux1(x)));
  }

  override forwardHead(features: Tensor): Tensor {
    return this.fc.forward(this.dropout.forward(features.mean([2, 3])));
  }

  /** Logits of all three heads: [N, 3, 224, 224] → three times [N, numClasses]. */
  forwardWithAux(x: Tensor): GoogLeNetOutputs {
    if (this.aux1 === null || this.aux2 === null) {
      throw new UsageError(
        "GoogLeNet.forwardWithAux: it was made without auxiliary heads; create it with { auxHeads: true }",
      );
    }
    const early = this.#beforeAux1(x);
    const middle = this.#afterAux1(early);
    const logits = this.forwardHead(this.#afterAux2(middle));
    return { logits, aux1: this.aux1.forward(early), aux2: this.aux2.forward(middle) };
  }

  #beforeAux1(x: Tensor): Tensor {
    if (this.#transformInput) x = fromTensorFlow(x);
    x = this.maxpool1.forward(this.conv1.forward(x)); // [N, 64, 56, 56]
    x = this.#norm?.forward(x) ?? x;
    x = this.conv3.forward(this.conv2.forward(x)); // [N, 192, 56, 56]
    x = this.maxpool2.forward(this.#norm?.forward(x) ?? x); // [N, 192, 28, 28]
    x = this.inception3b.forward(this.inception3a.forward(x)); // [N, 480, 28, 28]
    return this.inception4a.forward(this.maxpool3.forward(x)); // [N, 512, 14, 14]
  }

  #afterAux1(x: Tensor): Tensor {
    x = this.inception4c.forward(this.inception4b.forward(x)); // [N, 512, 14, 14]
    return this.inception4d.forward(x); // [N, 528, 14, 14]
  }

  #afterAux2(x: Tensor): Tensor {
    x = this.maxpool4.forward(this.inception4e.forward(x)); // [N, 832, 7, 7]
    return this.inception5b.forward(this.inception5a.forward(x)); // [N, 1024, 7, 7]
  }
}

/** torchvision's GoogLeNet: 6,624,904 parameters, with auxiliary heads 13,004,888. */
export function googlenet(options: GoogLeNetOptions = {}): GoogLeNet {
  return new GoogLeNet(options);
}

type PaperOptions = Omit<GoogLeNetOptions, "transformInput">;

export const googlenets = family(
  "GoogLeNet",
  { title: "Going Deeper with Convolutions", year: 2014, url: "https://arxiv.org/abs/1409.4842" },
  {
    "googlenet.paper": {
      summary: "GoogLeNet as published, without its auxiliary heads",
      create: (options: PaperOptions = {}) => new GoogLeNet(options, "paper"),
      inputShape: squareImage(224),
      published: published(68.7, "BVLC's GoogLeNet in Caffe"),
    },
    "googlenet.paper.aux": {
      summary: "GoogLeNet as published, with its two auxiliary heads",
      create: (options: PaperOptions = {}) => new GoogLeNet({ auxHeads: true, ...options }, "paper"),
      inputShape: squareImage(224),
      published: published(68.7, "BVLC's GoogLeNet in Caffe"),
    },
    "googlenet.torchvision": {
      summary: "GoogLeNet with batch normalisation, 3×3 in place of 5×5",
      create: googlenet,
      inputShape: squareImage(224),
      published: torchvision(69.778),
    },
    "googlenet.torchvision.aux": {
      summary: "the same with its two auxiliary heads",
      create: (options: GoogLeNetOptions = {}) => googlenet({ auxHeads: true, ...options }),
      inputShape: squareImage(224),
      published: torchvision(69.778),
    },
  },
);
