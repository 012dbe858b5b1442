/**
 * GoogLeNet: "Going Deeper with Convolutions" (Szegedy et al., 2014), https://arxiv.org/abs/1409.4842
 *
 * torchvision's form, which differs from the paper: batch normalisation and no biases, 3×3 where the paper has 5×5
 * convolutions (a slip that the published weights rely on, https://github.com/pytorch/vision/issues/906), a 2×2 last
 * pooling, and auxiliary heads with a 1,024-wide layer on 4×4 pixels of average-pooled features.
 */
import { UsageError } from "../base/errors.ts";
import { Conv2d } from "../nn/conv.ts";
import { Dropout } from "../nn/dropout.ts";
import { normal } from "../nn/init.ts";
import { Linear } from "../nn/linear.ts";
import { Module } from "../nn/module.ts";
import { MaxPool2d } from "../nn/pooling.ts";
import { Sequential } from "../nn/sequential.ts";
import { adaptiveAvgPool2d } from "../ops/adaptivePool.ts";
import { concat } from "../ops/movement.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { BasicConv2d, fromTensorFlow } from "./_basicConv.ts";
import { ImageClassifier, squareImage, type ClassifierOptions, type Pooling } from "./_classifier.ts";
import { family, torchvision } from "./_family.ts";

export interface GoogLeNetOptions extends ClassifierOptions {
  /** Add the two auxiliary heads, for `forwardWithAux`; default false. */
  auxHeads?: boolean;
  /** Take images standardised for ImageNet where weights from TensorFlow want −1 … 1; default false. */
  transformInput?: boolean;
  /** Probability to drop an input of the last layer; default 0.2. */
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

/** Four branches side by side; their widths are a row of the paper's table 1. */
class Inception extends Module {
  readonly branch1: BasicConv2d;
  readonly branch2: Sequential;
  readonly branch3: Sequential;
  readonly branch4: Sequential;

  constructor(
    inChannels: number,
    ...[one, threeReduced, three, fiveReduced, five, pooled]: [number, number, number, number, number, number]
  ) {
    super();
    this.branch1 = new BasicConv2d(inChannels, one, 1);
    this.branch2 = new Sequential(
      new BasicConv2d(inChannels, threeReduced, 1),
      new BasicConv2d(threeReduced, three, 3, { padding: 1 }),
    );
    this.branch3 = new Sequential(
      new BasicConv2d(inChannels, fiveReduced, 1),
      new BasicConv2d(fiveReduced, five, 3, { padding: 1 }), // 5×5 in the paper
    );
    this.branch4 = new Sequential(
      new MaxPool2d(3, { stride: 1, padding: 1, ceilMode: true }),
      new BasicConv2d(inChannels, pooled, 1),
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
  readonly conv: BasicConv2d;
  readonly fc1 = new Linear(2048, 1024);
  readonly fc2: Linear;
  readonly dropout: Dropout;

  constructor(inChannels: number, numClasses: number, dropout: number) {
    super();
    this.conv = new BasicConv2d(inChannels, 128, 1);
    this.fc2 = new Linear(1024, numClasses);
    this.dropout = new Dropout(dropout);
  }

  /** [N, C, 14, 14] → [N, numClasses] */
  forward(x: Tensor): Tensor {
    x = this.conv.forward(adaptiveAvgPool2d(x, 4)); // [N, 128, 4, 4]
    x = this.fc1.forward(x.flatten(1)).relu(); // [N, 1024]
    return this.fc2.forward(this.dropout.forward(x));
  }
}

export class GoogLeNet extends ImageClassifier {
  readonly conv1: BasicConv2d;
  readonly maxpool1 = new MaxPool2d(3, { stride: 2, ceilMode: true });
  readonly conv2 = new BasicConv2d(64, 64, 1);
  readonly conv3 = new BasicConv2d(64, 192, 3, { padding: 1 });
  readonly maxpool2 = new MaxPool2d(3, { stride: 2, ceilMode: true });
  readonly inception3a = new Inception(192, 64, 96, 128, 16, 32, 32);
  readonly inception3b = new Inception(256, 128, 128, 192, 32, 96, 64);
  readonly maxpool3 = new MaxPool2d(3, { stride: 2, ceilMode: true });
  readonly inception4a = new Inception(480, 192, 96, 208, 16, 48, 64);
  readonly inception4b = new Inception(512, 160, 112, 224, 24, 64, 64);
  readonly inception4c = new Inception(512, 128, 128, 256, 24, 64, 64);
  readonly inception4d = new Inception(512, 112, 144, 288, 32, 64, 64);
  readonly inception4e = new Inception(528, 256, 160, 320, 32, 128, 128);
  readonly maxpool4 = new MaxPool2d(2, { stride: 2, ceilMode: true });
  readonly inception5a = new Inception(832, 256, 160, 320, 32, 128, 128);
  readonly inception5b = new Inception(832, 384, 192, 384, 48, 128, 128);
  aux1: InceptionAux | null;
  aux2: InceptionAux | null;
  readonly dropout: Dropout;
  readonly fc: Linear;
  readonly stages = ["conv1", "conv3", "inception3b", "inception4e", "inception5b"];
  readonly #transformInput: boolean;

  constructor(options: GoogLeNetOptions = {}) {
    super();
    const { numClasses = 1000, inChannels = 3, auxHeads = false, dropout = 0.2, dropoutAux = 0.7 } = options;
    this.conv1 = new BasicConv2d(inChannels, 64, 7, { stride: 2, padding: 3 });
    this.aux1 = auxHeads ? new InceptionAux(512, numClasses, dropoutAux) : null;
    this.aux2 = auxHeads ? new InceptionAux(528, numClasses, dropoutAux) : null;
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
    x = this.maxpool2.forward(this.conv3.forward(this.conv2.forward(x))); // [N, 192, 28, 28]
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

export const googlenets = family(
  "GoogLeNet",
  { title: "Going Deeper with Convolutions", year: 2014, url: "https://arxiv.org/abs/1409.4842" },
  {
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
