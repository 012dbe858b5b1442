/**
 * Inception v3: "Rethinking the Inception Architecture for Computer Vision" (Szegedy, Vanhoucke, Ioffe, Shlens, Wojna,
 * 2015), https://arxiv.org/abs/1512.00567
 *
 * Layers are named as in torchvision, capitals and all. torchvision's auxiliary head averages what is left to one pixel,
 * so that images larger than 299×299 fit too. Keras' form differs in normalisations without a scale, and in means that
 * leave the padding out.
 */
import { UsageError } from "../base/errors.ts";
import { Conv2d, type Conv2dOptions } from "../nn/conv.ts";
import { Dropout } from "../nn/dropout.ts";
import { normal } from "../nn/init.ts";
import { Linear } from "../nn/linear.ts";
import { Module } from "../nn/module.ts";
import { AvgPool2d, MaxPool2d } from "../nn/pooling.ts";
import { concat } from "../ops/movement.ts";
import type { Pair } from "../ops/windows.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { BasicConv2d, fromTensorFlow } from "./_basicConv.ts";
import { ImageClassifier, squareImage, type ClassifierOptions, type Pooling } from "./_classifier.ts";
import { family, keras, torchvision } from "./_family.ts";

export interface InceptionV3Options extends ClassifierOptions {
  /** Add the auxiliary head, for `forwardWithAux`; default false. */
  auxHead?: boolean;
  /** Take images standardised for ImageNet where weights from TensorFlow want −1 … 1; default false. */
  transformInput?: boolean;
  /** Probability to drop an input of the last layer; default 0.5. */
  dropout?: number;
}

/** Logits of the network and of its auxiliary head. */
export interface InceptionV3Outputs {
  readonly logits: Tensor;
  readonly aux: Tensor;
}

const horizontal: [1, 7] = [1, 7];
const vertical: [7, 1] = [7, 1];

/** Whose network it is. */
type Form = "torchvision" | "keras";

function conv(form: Form, inChannels: number, outChannels: number, kernel: Pair, options: Conv2dOptions = {}) {
  return new BasicConv2d(inChannels, outChannels, kernel, options, { scale: form === "torchvision" });
}

/** A convolution of stride 1 that keeps the size. */
function same(form: Form, inChannels: number, outChannels: number, kernel: Pair): BasicConv2d {
  const [rows, columns] = typeof kernel === "number" ? [kernel, kernel] : kernel;
  return conv(form, inChannels, outChannels, kernel, { padding: [(rows - 1) / 2, (columns - 1) / 2] });
}

/** The mean of the 3×3 neighbourhood of each pixel. */
function smooth(form: Form): AvgPool2d {
  return new AvgPool2d(3, { stride: 1, padding: 1, countIncludePad: form === "torchvision" });
}

/** Figure 5 of the paper: 5×5 and two 3×3, at 35×35 pixels. */
class InceptionA extends Module {
  readonly branch1x1: BasicConv2d;
  readonly branch5x5_1: BasicConv2d;
  readonly branch5x5_2: BasicConv2d;
  readonly branch3x3dbl_1: BasicConv2d;
  readonly branch3x3dbl_2: BasicConv2d;
  readonly branch3x3dbl_3: BasicConv2d;
  readonly branch_pool: BasicConv2d;
  readonly #smooth: AvgPool2d;

  constructor(form: Form, inChannels: number, pooled: number) {
    super();
    this.branch5x5_2 = same(form, 48, 64, 5);
    this.branch3x3dbl_2 = same(form, 64, 96, 3);
    this.branch3x3dbl_3 = same(form, 96, 96, 3);
    this.branch1x1 = same(form, inChannels, 64, 1);
    this.branch5x5_1 = same(form, inChannels, 48, 1);
    this.branch3x3dbl_1 = same(form, inChannels, 64, 1);
    this.branch_pool = same(form, inChannels, pooled, 1);
    this.#smooth = smooth(form);
  }

  forward(x: Tensor): Tensor {
    const one = this.branch1x1.forward(x);
    const five = this.branch5x5_2.forward(this.branch5x5_1.forward(x));
    const three = this.branch3x3dbl_3.forward(this.branch3x3dbl_2.forward(this.branch3x3dbl_1.forward(x)));
    return concat([one, five, three, this.branch_pool.forward(this.#smooth.forward(x))], 1);
  }
}

/** From 35×35 to 17×17 pixels. */
class InceptionB extends Module {
  readonly branch3x3: BasicConv2d;
  readonly branch3x3dbl_1: BasicConv2d;
  readonly branch3x3dbl_2: BasicConv2d;
  readonly branch3x3dbl_3: BasicConv2d;

  constructor(form: Form, inChannels: number) {
    super();
    this.branch3x3dbl_2 = same(form, 64, 96, 3);
    this.branch3x3dbl_3 = conv(form, 96, 96, 3, { stride: 2 });
    this.branch3x3 = conv(form, inChannels, 384, 3, { stride: 2 });
    this.branch3x3dbl_1 = same(form, inChannels, 64, 1);
  }

  forward(x: Tensor): Tensor {
    const three = this.branch3x3.forward(x);
    const twice = this.branch3x3dbl_3.forward(this.branch3x3dbl_2.forward(this.branch3x3dbl_1.forward(x)));
    return concat([three, twice, x.maxPool2d(3, { stride: 2 })], 1);
  }
}

/** Figure 6: 7×7 as 1×7 and 7×1, at 17×17 pixels. */
class InceptionC extends Module {
  readonly branch1x1: BasicConv2d;
  readonly branch7x7_1: BasicConv2d;
  readonly branch7x7_2: BasicConv2d;
  readonly branch7x7_3: BasicConv2d;
  readonly branch7x7dbl_1: BasicConv2d;
  readonly branch7x7dbl_2: BasicConv2d;
  readonly branch7x7dbl_3: BasicConv2d;
  readonly branch7x7dbl_4: BasicConv2d;
  readonly branch7x7dbl_5: BasicConv2d;
  readonly branch_pool: BasicConv2d;
  readonly #smooth: AvgPool2d;

  constructor(form: Form, inChannels: number, inner: number) {
    super();
    this.branch1x1 = same(form, inChannels, 192, 1);
    this.branch7x7_1 = same(form, inChannels, inner, 1);
    this.branch7x7_2 = same(form, inner, inner, horizontal);
    this.branch7x7_3 = same(form, inner, 192, vertical);
    this.branch7x7dbl_1 = same(form, inChannels, inner, 1);
    this.branch7x7dbl_2 = same(form, inner, inner, vertical);
    this.branch7x7dbl_3 = same(form, inner, inner, horizontal);
    this.branch7x7dbl_4 = same(form, inner, inner, vertical);
    this.branch7x7dbl_5 = same(form, inner, 192, horizontal);
    this.branch_pool = same(form, inChannels, 192, 1);
    this.#smooth = smooth(form);
  }

  forward(x: Tensor): Tensor {
    const one = this.branch1x1.forward(x);
    const seven = this.branch7x7_3.forward(this.branch7x7_2.forward(this.branch7x7_1.forward(x)));
    let twice = this.branch7x7dbl_2.forward(this.branch7x7dbl_1.forward(x));
    twice = this.branch7x7dbl_4.forward(this.branch7x7dbl_3.forward(twice));
    twice = this.branch7x7dbl_5.forward(twice);
    return concat([one, seven, twice, this.branch_pool.forward(this.#smooth.forward(x))], 1);
  }
}

/** From 17×17 to 8×8 pixels. */
class InceptionD extends Module {
  readonly branch3x3_1: BasicConv2d;
  readonly branch3x3_2: BasicConv2d;
  readonly branch7x7x3_1: BasicConv2d;
  readonly branch7x7x3_2: BasicConv2d;
  readonly branch7x7x3_3: BasicConv2d;
  readonly branch7x7x3_4: BasicConv2d;

  constructor(form: Form, inChannels: number) {
    super();
    this.branch3x3_2 = conv(form, 192, 320, 3, { stride: 2 });
    this.branch7x7x3_2 = same(form, 192, 192, horizontal);
    this.branch7x7x3_3 = same(form, 192, 192, vertical);
    this.branch7x7x3_4 = conv(form, 192, 192, 3, { stride: 2 });
    this.branch3x3_1 = same(form, inChannels, 192, 1);
    this.branch7x7x3_1 = same(form, inChannels, 192, 1);
  }

  forward(x: Tensor): Tensor {
    const three = this.branch3x3_2.forward(this.branch3x3_1.forward(x));
    const seven = this.branch7x7x3_3.forward(this.branch7x7x3_2.forward(this.branch7x7x3_1.forward(x)));
    return concat([three, this.branch7x7x3_4.forward(seven), x.maxPool2d(3, { stride: 2 })], 1);
  }
}

/** Figure 7: 3×3 as 1×3 beside 3×1, at 8×8 pixels. */
class InceptionE extends Module {
  readonly branch1x1: BasicConv2d;
  readonly branch3x3_1: BasicConv2d;
  readonly branch3x3_2a: BasicConv2d;
  readonly branch3x3_2b: BasicConv2d;
  readonly branch3x3dbl_1: BasicConv2d;
  readonly branch3x3dbl_2: BasicConv2d;
  readonly branch3x3dbl_3a: BasicConv2d;
  readonly branch3x3dbl_3b: BasicConv2d;
  readonly branch_pool: BasicConv2d;
  readonly #smooth: AvgPool2d;

  constructor(form: Form, inChannels: number) {
    super();
    this.branch3x3_2a = same(form, 384, 384, [1, 3]);
    this.branch3x3_2b = same(form, 384, 384, [3, 1]);
    this.branch3x3dbl_2 = same(form, 448, 384, 3);
    this.branch3x3dbl_3a = same(form, 384, 384, [1, 3]);
    this.branch3x3dbl_3b = same(form, 384, 384, [3, 1]);
    this.branch1x1 = same(form, inChannels, 320, 1);
    this.branch3x3_1 = same(form, inChannels, 384, 1);
    this.branch3x3dbl_1 = same(form, inChannels, 448, 1);
    this.branch_pool = same(form, inChannels, 192, 1);
    this.#smooth = smooth(form);
  }

  forward(x: Tensor): Tensor {
    const three = this.branch3x3_1.forward(x);
    const twice = this.branch3x3dbl_2.forward(this.branch3x3dbl_1.forward(x));
    // Pairs are joined first, as in the published networks: the order in Keras' files follows from it.
    return concat(
      [
        this.branch1x1.forward(x),
        concat([this.branch3x3_2a.forward(three), this.branch3x3_2b.forward(three)], 1),
        concat([this.branch3x3dbl_3a.forward(twice), this.branch3x3dbl_3b.forward(twice)], 1),
        this.branch_pool.forward(this.#smooth.forward(x)),
      ],
      1,
    );
  }
}

/** A classifier half-way. */
class InceptionAux extends Module {
  readonly conv0: BasicConv2d;
  readonly conv1 = new BasicConv2d(128, 768, 5);
  readonly fc: Linear;

  constructor(inChannels: number, numClasses: number) {
    super();
    this.conv0 = new BasicConv2d(inChannels, 128, 1);
    this.fc = new Linear(768, numClasses);
  }

  /** [N, C, 17, 17] → [N, numClasses] */
  forward(x: Tensor): Tensor {
    x = this.conv0.forward(x.avgPool2d(5, { stride: 3 })); // [N, 128, 5, 5]
    x = this.conv1.forward(x); // [N, 768, 1, 1]
    return this.fc.forward(x.mean([2, 3]));
  }
}

export class InceptionV3 extends ImageClassifier {
  readonly Conv2d_1a_3x3: BasicConv2d;
  readonly Conv2d_2a_3x3: BasicConv2d;
  readonly Conv2d_2b_3x3: BasicConv2d;
  readonly maxpool1 = new MaxPool2d(3, { stride: 2 });
  readonly Conv2d_3b_1x1: BasicConv2d;
  readonly Conv2d_4a_3x3: BasicConv2d;
  readonly maxpool2 = new MaxPool2d(3, { stride: 2 });
  readonly Mixed_5b: InceptionA;
  readonly Mixed_5c: InceptionA;
  readonly Mixed_5d: InceptionA;
  readonly Mixed_6a: InceptionB;
  readonly Mixed_6b: InceptionC;
  readonly Mixed_6c: InceptionC;
  readonly Mixed_6d: InceptionC;
  readonly Mixed_6e: InceptionC;
  AuxLogits: InceptionAux | null;
  readonly Mixed_7a: InceptionD;
  readonly Mixed_7b: InceptionE;
  readonly Mixed_7c: InceptionE;
  readonly dropout: Dropout;
  readonly fc: Linear;
  readonly stages = ["Conv2d_2b_3x3", "Conv2d_4a_3x3", "Mixed_5d", "Mixed_6e", "Mixed_7c"];
  readonly #transformInput: boolean;

  constructor(options: InceptionV3Options = {}, form: Form = "torchvision") {
    super();
    const { numClasses = 1000, inChannels = 3, auxHead = false, transformInput = false, dropout = 0.5 } = options;
    this.Conv2d_1a_3x3 = conv(form, inChannels, 32, 3, { stride: 2 });
    this.Conv2d_2a_3x3 = conv(form, 32, 32, 3);
    this.Conv2d_2b_3x3 = same(form, 32, 64, 3);
    this.Conv2d_3b_1x1 = same(form, 64, 80, 1);
    this.Conv2d_4a_3x3 = conv(form, 80, 192, 3);
    this.Mixed_5b = new InceptionA(form, 192, 32);
    this.Mixed_5c = new InceptionA(form, 256, 64);
    this.Mixed_5d = new InceptionA(form, 288, 64);
    this.Mixed_6a = new InceptionB(form, 288);
    this.Mixed_6b = new InceptionC(form, 768, 128);
    this.Mixed_6c = new InceptionC(form, 768, 160);
    this.Mixed_6d = new InceptionC(form, 768, 160);
    this.Mixed_6e = new InceptionC(form, 768, 192);
    this.Mixed_7a = new InceptionD(form, 768);
    this.Mixed_7b = new InceptionE(form, 1280);
    this.Mixed_7c = new InceptionE(form, 2048);
    this.AuxLogits = auxHead ? new InceptionAux(768, numClasses) : null;
    this.dropout = new Dropout(dropout);
    this.fc = new Linear(2048, numClasses);
    this.#transformInput = transformInput;
    for (const module of this.namedModules().values()) {
      if (module instanceof Conv2d || module instanceof Linear) normal(module.weight, 0, 0.1);
    }
    if (this.AuxLogits !== null) {
      normal(this.AuxLogits.conv1.conv.weight, 0, 0.01);
      normal(this.AuxLogits.fc.weight, 0, 0.001);
    }
  }

  get classifier(): Linear {
    return this.fc;
  }

  protected override outputLayers(): readonly (Linear | Conv2d)[] {
    return [this.AuxLogits?.fc ?? [], super.outputLayers()].flat();
  }

  /** Takes the auxiliary head away too. */
  override removeTop(pooling: Pooling = null): this {
    this.AuxLogits = null;
    return super.removeTop(pooling);
  }

  /** [N, 3, 299, 299] → [N, 2048, 8, 8] */
  override forwardFeatures(x: Tensor): Tensor {
    return this.#afterAux(this.#beforeAux(x));
  }

  override forwardHead(features: Tensor): Tensor {
    return this.fc.forward(this.dropout.forward(features.mean([2, 3])));
  }

  /** Logits of both heads: [N, 3, 299, 299] → twice [N, numClasses]. */
  forwardWithAux(x: Tensor): InceptionV3Outputs {
    if (this.AuxLogits === null) {
      throw new UsageError(
        "InceptionV3.forwardWithAux: it was made without the auxiliary head; create it with { auxHead: true }",
      );
    }
    const middle = this.#beforeAux(x);
    return { logits: this.forwardHead(this.#afterAux(middle)), aux: this.AuxLogits.forward(middle) };
  }

  #beforeAux(x: Tensor): Tensor {
    if (this.#transformInput) x = fromTensorFlow(x);
    x = this.Conv2d_2a_3x3.forward(this.Conv2d_1a_3x3.forward(x)); // [N, 32, 147, 147]
    x = this.maxpool1.forward(this.Conv2d_2b_3x3.forward(x)); // [N, 64, 73, 73]
    x = this.Conv2d_4a_3x3.forward(this.Conv2d_3b_1x1.forward(x)); // [N, 192, 71, 71]
    x = this.Mixed_5b.forward(this.maxpool2.forward(x)); // [N, 256, 35, 35]
    x = this.Mixed_5d.forward(this.Mixed_5c.forward(x)); // [N, 288, 35, 35]
    x = this.Mixed_6b.forward(this.Mixed_6a.forward(x)); // [N, 768, 17, 17]
    return this.Mixed_6e.forward(this.Mixed_6d.forward(this.Mixed_6c.forward(x))); // [N, 768, 17, 17]
  }

  #afterAux(x: Tensor): Tensor {
    x = this.Mixed_7b.forward(this.Mixed_7a.forward(x)); // [N, 2048, 8, 8]
    return this.Mixed_7c.forward(x); // [N, 2048, 8, 8]
  }
}

/** torchvision's Inception v3: 23,834,568 parameters, with its auxiliary head 27,161,264. */
export function inceptionv3(options: InceptionV3Options = {}): InceptionV3 {
  return new InceptionV3(options);
}

export const inceptions = family(
  "Inception v3",
  {
    title: "Rethinking the Inception Architecture for Computer Vision",
    year: 2015,
    url: "https://arxiv.org/abs/1512.00567",
  },
  {
    "inceptionv3.keras": {
      summary: "Inception v3 of Keras: normalisations without a scale",
      create: (options: Omit<InceptionV3Options, "auxHead"> = {}) => new InceptionV3(options, "keras"),
      inputShape: squareImage(299),
      published: keras(77.9),
    },
    "inceptionv3.torchvision": {
      summary: "Inception v3 without its auxiliary head",
      create: inceptionv3,
      inputShape: squareImage(299),
      published: torchvision(77.294),
    },
    "inceptionv3.torchvision.aux": {
      summary: "Inception v3 with its auxiliary head",
      create: (options: InceptionV3Options = {}) => inceptionv3({ auxHead: true, ...options }),
      inputShape: squareImage(299),
      published: torchvision(77.294),
    },
  },
);
