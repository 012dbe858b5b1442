/**
 * AlexNet: "ImageNet Classification with Deep Convolutional Neural Networks" (Krizhevsky, Sutskever, Hinton, NIPS 2012),
 * https://papers.nips.cc/paper/4824
 *
 * As published: local response normalisation, and two groups in three of the convolutions, because two graphics cards
 * shared the work; also without the groups. torchvision's layout is that of "One weird trick for parallelizing
 * convolutional neural networks" (Krizhevsky, 2014), https://arxiv.org/abs/1404.5997: other widths, neither groups nor
 * normalisation; 61,100,840 parameters.
 */
import { ReLU } from "../nn/activation.ts";
import { AdaptiveAvgPool2d } from "../nn/adaptivePooling.ts";
import { Conv2d } from "../nn/conv.ts";
import { Dropout } from "../nn/dropout.ts";
import { constant, normal } from "../nn/init.ts";
import { Linear } from "../nn/linear.ts";
import { LocalResponseNorm } from "../nn/localResponseNorm.ts";
import { MaxPool2d } from "../nn/pooling.ts";
import { Sequential } from "../nn/sequential.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { ImageClassifier, squareImage, type ClassifierOptions } from "./_classifier.ts";
import { family, published, torchvision } from "./_family.ts";

export interface AlexNetOptions extends ClassifierOptions {
  /** Probability to drop an input of the first two fully connected layers; default 0.5. */
  dropout?: number;
}

export class AlexNet extends ImageClassifier {
  readonly features: Sequential;
  readonly avgpool = new AdaptiveAvgPool2d(6);
  readonly classifier: Sequential;
  readonly stages = ["features.1", "features.4", "features.11", "features.12"];

  constructor({ numClasses = 1000, inChannels = 3, dropout = 0.5 }: AlexNetOptions = {}) {
    super();
    this.features = new Sequential(
      new Conv2d(inChannels, 64, 11, { stride: 4, padding: 2 }), // [N, 64, 55, 55]
      new ReLU(),
      new MaxPool2d(3, { stride: 2 }), // [N, 64, 27, 27]
      new Conv2d(64, 192, 5, { padding: 2 }),
      new ReLU(),
      new MaxPool2d(3, { stride: 2 }), // [N, 192, 13, 13]
      new Conv2d(192, 384, 3, { padding: 1 }),
      new ReLU(),
      new Conv2d(384, 256, 3, { padding: 1 }),
      new ReLU(),
      new Conv2d(256, 256, 3, { padding: 1 }),
      new ReLU(),
      new MaxPool2d(3, { stride: 2 }), // [N, 256, 6, 6]
    );
    this.classifier = new Sequential(
      new Dropout(dropout),
      new Linear(256 * 6 * 6, 4096),
      new ReLU(),
      new Dropout(dropout),
      new Linear(4096, 4096),
      new ReLU(),
      new Linear(4096, numClasses),
    );
  }

  /** [N, 3, 224, 224] → [N, 256, 6, 6] */
  override forwardFeatures(x: Tensor): Tensor {
    return this.features.forward(x);
  }

  override forwardHead(features: Tensor): Tensor {
    return this.classifier.forward(this.avgpool.forward(features).flatten(1));
  }
}

/** The network of 2012: images of 227×227 pixels (the paper says 224, which its sizes do not fit). */
export class OriginalAlexNet extends ImageClassifier {
  readonly features: Sequential;
  readonly classifier: Sequential;
  readonly stages = ["features.relu1", "features.relu2", "features.relu5", "features.pool5"];

  /** @param groups Of the second, fourth and fifth convolution: 2 in the paper, 1 when one machine sees all channels. */
  constructor(groups: 1 | 2, { numClasses = 1000, inChannels = 3, dropout = 0.5 }: AlexNetOptions = {}) {
    super();
    const norm = () => new LocalResponseNorm(5, { alpha: 1e-4, beta: 0.75, k: 2, divideBySize: false });
    this.features = new Sequential({
      conv1: new Conv2d(inChannels, 96, 11, { stride: 4 }),
      relu1: new ReLU(), // [N, 96, 55, 55]
      norm1: norm(),
      pool1: new MaxPool2d(3, { stride: 2 }),
      conv2: new Conv2d(96, 256, 5, { padding: 2, groups }),
      relu2: new ReLU(), // [N, 256, 27, 27]
      norm2: norm(),
      pool2: new MaxPool2d(3, { stride: 2 }),
      conv3: new Conv2d(256, 384, 3, { padding: 1 }),
      relu3: new ReLU(), // [N, 384, 13, 13]
      conv4: new Conv2d(384, 384, 3, { padding: 1, groups }),
      relu4: new ReLU(),
      conv5: new Conv2d(384, 256, 3, { padding: 1, groups }),
      relu5: new ReLU(),
      pool5: new MaxPool2d(3, { stride: 2 }),
    });
    this.classifier = new Sequential({
      fc6: new Linear(256 * 6 * 6, 4096),
      relu6: new ReLU(),
      drop6: new Dropout(dropout),
      fc7: new Linear(4096, 4096),
      relu7: new ReLU(),
      drop7: new Dropout(dropout),
      fc8: new Linear(4096, numClasses),
    });
    // Section 5 of the paper: ones start the ReLUs off; elsewhere biases are zero.
    const ones = ["conv2", "conv4", "conv5", "fc6", "fc7"];
    for (const [path, module] of this.namedModules()) {
      if (!(module instanceof Conv2d || module instanceof Linear)) continue;
      normal(module.weight, 0, 0.01);
      constant(module.bias!, ones.includes(path.split(".").at(-1)!) ? 1 : 0);
    }
  }

  /** [N, 3, 227, 227] → [N, 256, 6, 6] */
  override forwardFeatures(x: Tensor): Tensor {
    return this.features.forward(x);
  }

  override forwardHead(features: Tensor): Tensor {
    return this.classifier.forward(features.flatten(1));
  }
}

/** torchvision's AlexNet. */
export function alexnet(options: AlexNetOptions = {}): AlexNet {
  return new AlexNet(options);
}

export const alexnets = family(
  "AlexNet",
  {
    title: "ImageNet Classification with Deep Convolutional Neural Networks",
    year: 2012,
    url: "https://papers.nips.cc/paper/4824",
  },
  {
    "alexnet.original": {
      summary: "AlexNet as published: two groups, local response normalisation",
      create: (options?: AlexNetOptions) => new OriginalAlexNet(2, options),
      inputShape: squareImage(227),
      published: published(59.3, "the paper, table 2: one network"),
    },
    "alexnet.ungrouped": {
      summary: "AlexNet as published, but every convolution sees all channels",
      create: (options?: AlexNetOptions) => new OriginalAlexNet(1, options),
      inputShape: squareImage(227),
    },
    "alexnet.torchvision": {
      summary: "AlexNet in torchvision's widths",
      create: alexnet,
      inputShape: squareImage(224),
      published: torchvision(56.522),
    },
  },
);
