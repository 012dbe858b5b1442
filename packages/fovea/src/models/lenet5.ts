/**
 * LeNet-5: "Gradient-Based Learning Applied to Document Recognition" (LeCun, Bottou, Bengio, Haffner, Proc. IEEE 86(11),
 * 1998), http://yann.lecun.com/exdb/publis/pdf/lecun-01a.pdf
 *
 * `d2l` is the layout of "Dive into Deep Learning": 28×28 grey images, 61,706 parameters.
 * `rgb` takes 32×32 colour images, as the tutorials for CIFAR-10 do: 62,006 parameters.
 * `original` is the network of the paper, 60,000 parameters and 340,908 connections; see lenet5-1998.ts.
 */
import { UsageError } from "../base/errors.ts";
import { Conv2d } from "../nn/conv.ts";
import type { InitScheme } from "../nn/init.ts";
import { Linear } from "../nn/linear.ts";
import type { Module } from "../nn/module.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { ImageClassifier } from "./_classifier.ts";
import { family } from "./_family.ts";
import { LeNet5Original } from "./lenet5-1998.ts";

export interface LeNet5Options {
  /** Which network; default `d2l`. */
  variant?: "d2l" | "rgb" | "original";
  /** Number of classes; default 10. The original always has 10. */
  numClasses?: number;
  /** `max` as today (default), or `avg` as in 1998. The original has a trainable subsampling instead. */
  pooling?: "max" | "avg";
  /** `relu` as today (default), or `sigmoid` or `tanh` as in 1998. The original has its own squashing function. */
  activation?: "relu" | "sigmoid" | "tanh";
  /** How weights start: as in PyTorch (default) or as in Keras. The original starts as its paper says. */
  init?: InitScheme;
}

/** The layout in use today: two convolutions, three fully connected layers, logits out. */
export class LeNet5 extends ImageClassifier {
  readonly conv1: Conv2d;
  readonly conv2: Conv2d;
  readonly fc1: Linear;
  readonly fc2: Linear;
  readonly fc3: Linear;
  readonly stages = ["conv1", "conv2"];
  readonly #pooling: "max" | "avg";
  readonly #activation: "relu" | "sigmoid" | "tanh";

  constructor({
    variant,
    numClasses = 10,
    pooling = "max",
    activation = "relu",
    init = "pytorch",
  }: LeNet5Options = {}) {
    super();
    const rgb = variant === "rgb";
    this.conv1 = new Conv2d(rgb ? 3 : 1, 6, 5, { padding: rgb ? 0 : 2, init });
    this.conv2 = new Conv2d(6, 16, 5, { init });
    this.fc1 = new Linear(16 * 5 * 5, 120, { init });
    this.fc2 = new Linear(120, 84, { init });
    this.fc3 = new Linear(84, numClasses, { init });
    this.#pooling = pooling;
    this.#activation = activation;
  }

  get classifier(): Linear {
    return this.fc3;
  }

  protected override headModules(): readonly Module[] {
    return [this.fc1, this.fc2, this.fc3];
  }

  protected override outputLayers(): readonly Linear[] {
    return this.fc3 instanceof Linear ? [this.fc3] : []; // an Identity without the top
  }

  /** [N, 1, 28, 28], or [N, 3, 32, 32] for the RGB layout, → [N, 16, 5, 5] */
  override forwardFeatures(x: Tensor): Tensor {
    x = this.#pool(this.#activate(this.conv1.forward(x))); // [N, 6, 14, 14]
    return this.#pool(this.#activate(this.conv2.forward(x))); // [N, 16, 5, 5]
  }

  override forwardHead(features: Tensor): Tensor {
    let x = this.#activate(this.fc1.forward(features.flatten(1))); // [N, 120]
    x = this.#activate(this.fc2.forward(x)); // [N, 84]
    return this.fc3.forward(x); // [N, numClasses]
  }

  #pool(x: Tensor): Tensor {
    return this.#pooling === "max" ? x.maxPool2d(2) : x.avgPool2d(2);
  }

  #activate(x: Tensor): Tensor {
    return x[this.#activation]();
  }
}

/** LeNet-5 in one of its variants. */
export function lenet5(options: LeNet5Options = {}): LeNet5 | LeNet5Original {
  const { variant = "d2l", numClasses = 10 } = options;
  if (variant !== "original") return new LeNet5(options);
  if (numClasses !== 10) {
    throw new UsageError(`lenet5: the original has an output per digit, so 10 classes, not ${numClasses}; use "d2l"`);
  }
  return new LeNet5Original();
}

/** Shape of one image that the variant takes. */
export function lenet5InputShape({ variant = "d2l" }: LeNet5Options = {}): readonly [number, number, number] {
  return variant === "rgb" ? [3, 32, 32] : variant === "original" ? [1, 32, 32] : [1, 28, 28];
}

/** A form of LeNet-5 under a name of its own. */
const form =
  <V extends "rgb" | "original">(variant: V) =>
  (options: Omit<LeNet5Options, "variant"> = {}) =>
    lenet5({ ...options, variant });

export const lenets = family(
  "LeNet-5",
  {
    title: "Gradient-Based Learning Applied to Document Recognition",
    year: 1998,
    url: "http://yann.lecun.com/exdb/publis/pdf/lecun-01a.pdf",
  },
  {
    lenet5: {
      summary: "LeNet-5 for 28×28 grey images: two convolutions, three fully connected layers; digits in seconds",
      create: lenet5,
      inputShape: lenet5InputShape,
    },
    "lenet5.original": {
      summary: "LeNet-5 exactly as in 1998: partial connections, trainable subsampling, RBF outputs",
      create: form("original"),
      inputShape: () => lenet5InputShape({ variant: "original" }),
    },
    "lenet5.rgb": {
      summary: "LeNet-5 for 32×32 colour images",
      create: form("rgb"),
      inputShape: () => lenet5InputShape({ variant: "rgb" }),
    },
  },
);
