import { Module } from "../nn/module.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** What every classification network can be told. */
export interface ClassifierOptions {
  /** Number of classes; default 1,000, those of ImageNet. */
  numClasses?: number;
  /** Channels of the images; default 3. */
  inChannels?: number;
}

/** A network that sees features in an image, and classes in the features. */
export abstract class ImageClassifier extends Module {
  /** The last feature maps: [N, inChannels, H, W] → [N, C, H', W']. */
  abstract forwardFeatures(x: Tensor): Tensor;

  /** Logits from feature maps: [N, C, H', W'] → [N, numClasses]. */
  abstract forwardHead(features: Tensor): Tensor;

  /** Logits: [N, inChannels, H, W] → [N, numClasses]. */
  forward(x: Tensor): Tensor {
    return this.forwardHead(this.forwardFeatures(x));
  }
}

/** Shape of one image for networks made for squares of `side` pixels. */
export function squareImage(side: number) {
  return ({ inChannels = 3 }: ClassifierOptions = {}) => [inChannels, side, side] as const;
}
