import { UsageError } from "../base/errors.ts";
import { Conv2d } from "../nn/conv.ts";
import { Linear } from "../nn/linear.ts";
import { Module, type AnyModule } from "../nn/module.ts";
import { Identity } from "../nn/shape.ts";
import { max, mean } from "../ops/reduce.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** What every classification network can be told. */
export interface ClassifierOptions {
  /** Number of classes; default 1,000, those of ImageNet. */
  numClasses?: number;
  /** Channels of the images; default 3. */
  inChannels?: number;
}

/** What a network without its top gives: a number per feature map (its mean or largest value), or the maps themselves. */
export type Pooling = "avg" | "max" | null;

/** A network that sees features in an image, and classes in the features. */
export abstract class ImageClassifier extends Module {
  /** The layer or layers that see classes in the features; an `Identity` once the top is removed. */
  abstract readonly classifier: Module;
  /**
   * Paths of the modules whose outputs are the feature maps, from the finest to the coarsest: what to freeze from the
   * front, and where to look for a pyramid of features.
   */
  abstract readonly stages: readonly string[];
  /** False after `removeTop`. */
  #hasTop = true;
  #pooling: Pooling = null;

  /** The last feature maps: [N, inChannels, H, W] → [N, C, H', W']. */
  abstract forwardFeatures(x: Tensor): Tensor;

  /** Logits from feature maps: [N, C, H', W'] → [N, numClasses]. */
  abstract forwardHead(features: Tensor): Tensor;

  /** Logits [N, numClasses] of images [N, inChannels, H, W]; without top, features [N, C, H', W'] or pooled [N, C]. */
  forward(x: Tensor): Tensor {
    const features = this.forwardFeatures(x);
    if (this.#hasTop) return this.forwardHead(features);
    if (this.#pooling === null) return features;
    return this.#pooling === "avg" ? mean(features, [2, 3]) : max(features, [2, 3]);
  }

  /**
   * Gives the network a fresh last layer for other classes; the rest keeps its weights. An optimizer made before does not
   * know the new parameters.
   *
   * @example
   * model.resetClassifier(5); // five kinds of flowers
   */
  resetClassifier(numClasses: number): this {
    const layers = this.outputLayers();
    if (layers.length === 0) {
      throw new UsageError(
        `${this.constructor.name}.resetClassifier: it has no layer of classes` +
          (this.#hasTop ? "" : " since its top was removed; create it with its top"),
      );
    }
    for (const layer of layers) replaceModule(this, layer, likeLayer(layer, numClasses));
    return this;
  }

  /**
   * Takes the layers after the feature maps away, with their parameters; what `forward` gives then is `pooling`'s choice.
   *
   * @example
   * models.create("vgg16").removeTop("avg") // [N, 3, 224, 224] → [N, 512]
   */
  removeTop(pooling: Pooling = null): this {
    if (pooling !== null && pooling !== "avg" && pooling !== "max") {
      throw new UsageError(
        `${this.constructor.name}.removeTop: pooling must be "avg", "max" or null, got ${String(pooling)}`,
      );
    }
    if (this.#hasTop) for (const module of this.headModules()) replaceModule(this, module, new Identity());
    this.#hasTop = false;
    this.#pooling = pooling;
    return this;
  }

  /** The modules with parameters that only `forwardHead` (or an auxiliary head) runs. */
  protected headModules(): readonly Module[] {
    return [this.classifier];
  }

  /** The layers whose outputs are the classes: the last one of every head. */
  protected outputLayers(): readonly (Linear | Conv2d)[] {
    return this.headModules().flatMap((head) => lastLayer(head) ?? []);
  }
}

/** The last layer inside a module that could give classes. */
function lastLayer(head: Module): Linear | Conv2d | undefined {
  const isOutput = (module: AnyModule) => module instanceof Linear || module instanceof Conv2d;
  return [...head.namedModules().values()].filter(isOutput).at(-1);
}

/** A fresh layer with another number of outputs. */
function likeLayer(layer: Linear | Conv2d, outputs: number): Module {
  const bias = layer.bias !== null;
  const [, inputs, ...kernel] = layer.weight.shape as readonly [number, number, ...number[]];
  const fresh =
    layer instanceof Linear
      ? new Linear(inputs, outputs, { bias })
      : new Conv2d(inputs, outputs, kernel as unknown as readonly [number, number], { ...layer.options, bias });
  return fresh.train(layer.training);
}

/** Puts another module in the place (or places) of one somewhere below `root`. */
function replaceModule(root: AnyModule, from: AnyModule, to: Module): void {
  for (const parent of root.namedModules().values()) {
    for (const [name, value] of Object.entries(parent)) {
      if (value === from) (parent as unknown as Record<string, unknown>)[name] = to;
    }
  }
}

/** Shape of one image for networks made for squares of `side` pixels. */
export function squareImage(side: number) {
  return ({ inChannels = 3 }: ClassifierOptions = {}) => [inChannels, side, side] as const;
}
