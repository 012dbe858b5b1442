/**
 * AlexNet: "ImageNet Classification with Deep Convolutional Neural Networks" (Krizhevsky, Sutskever, Hinton, NIPS 2012),
 * https://papers.nips.cc/paper/4824
 *
 * The layout is torchvision's, after "One weird trick for parallelizing convolutional neural networks" (Krizhevsky, 2014),
 * https://arxiv.org/abs/1404.5997: other widths than in 2012, no groups, no local response normalisation; 61,100,840
 * parameters.
 */
import { ReLU } from "../nn/activation.ts";
import { AdaptiveAvgPool2d } from "../nn/adaptivePooling.ts";
import { Conv2d } from "../nn/conv.ts";
import { Dropout } from "../nn/dropout.ts";
import { Linear } from "../nn/linear.ts";
import { MaxPool2d } from "../nn/pooling.ts";
import { Sequential } from "../nn/sequential.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { ImageClassifier, squareImage, type ClassifierOptions } from "./_classifier.ts";
import { family, torchvision } from "./_family.ts";

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
    "alexnet.torchvision": {
      summary: "AlexNet in torchvision's widths",
      create: alexnet,
      inputShape: squareImage(224),
      published: torchvision(56.522),
    },
  },
);
