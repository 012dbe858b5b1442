/**
 * The networks for CIFAR-10 that came with cuda-convnet (Krizhevsky, 2012), with their published test errors as names:
 * https://github.com/dnouri/cuda-convnet, example-layers; on the way to "ImageNet Classification with Deep Convolutional
 * Neural Networks" (Krizhevsky, Sutskever, Hinton, 2012), https://papers.nips.cc/paper/4824
 *
 * 5×5 convolutions with pools that overlap and round up; some with local response normalisation, and two with locally
 * connected layers, whose kernels differ at every pixel. Images are 32×32 with the mean image subtracted. Layers are
 * named and weights start as in the files; all biases start at zero.
 */
import { ReLU } from "../nn/activation.ts";
import { Conv2d } from "../nn/conv.ts";
import { normal, zeros } from "../nn/init.ts";
import { Linear } from "../nn/linear.ts";
import { LocalResponseNorm } from "../nn/localResponseNorm.ts";
import { LocallyConnected2d } from "../nn/locallyConnected.ts";
import type { Module } from "../nn/module.ts";
import { AvgPool2d, MaxPool2d } from "../nn/pooling.ts";
import { Sequential } from "../nn/sequential.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { ImageClassifier, squareImage, type ClassifierOptions } from "./_classifier.ts";
import { family, published } from "./_family.ts";

export interface CudaConvNetOptions extends ClassifierOptions {
  /** Number of classes; default 10. */
  numClasses?: number;
}

const conv = (inChannels: number, outChannels: number) => new Conv2d(inChannels, outChannels, 5, { padding: 2 });
const local = (inChannels: number) => new LocallyConnected2d(inChannels, 32, 8, 3, { padding: 1 });
const window = { stride: 2, ceilMode: true } as const;
const max = () => new MaxPool2d(3, window);
const avg = () => new AvgPool2d(3, window);
/** Over 3×3 pixels of the same map. */
const rnorm = () => new LocalResponseNorm(3, { alpha: 5e-5, neighbours: "pixels" });
/** Over 5 neighbouring maps. */
const crossMap = () => new LocalResponseNorm(5, { alpha: 1e-3 });

/** Three convolutions; the first pool takes maxima before its ReLU. */
const pooled = (inChannels: number, normalized: boolean): Record<string, Module> => ({
  conv1: conv(inChannels, 32),
  pool1: max(),
  relu1: new ReLU(), // [N, 32, 16, 16]
  ...(normalized && { rnorm1: rnorm() }),
  conv2: conv(32, 32),
  relu2: new ReLU(),
  pool2: avg(), // [N, 32, 8, 8]
  ...(normalized && { rnorm2: rnorm() }),
  conv3: conv(32, 64),
  relu3: new ReLU(),
  pool3: avg(), // [N, 64, 4, 4]
});

/** Two convolutions and two locally connected layers. */
const unshared = (inChannels: number, normalized: boolean): Record<string, Module> => ({
  conv1: conv(inChannels, 64),
  relu1: new ReLU(),
  ...(normalized && { rnorm1: crossMap() }),
  pool1: max(), // [N, 64, 16, 16]
  conv2: conv(64, 64),
  relu2: new ReLU(),
  ...(normalized && { rnorm2: crossMap() }),
  pool2: max(), // [N, 64, 8, 8]
  local3: local(64),
  relu3: new ReLU(),
  local4: local(32),
  relu4: new ReLU(), // [N, 32, 8, 8]
});

/** Features, and the fully connected layers behind them. */
const forms = {
  "80sec": { features: pooled, normalized: false, hidden: 64, width: 64 * 4 * 4 },
  "18pct": { features: pooled, normalized: true, hidden: null, width: 64 * 4 * 4 },
  "19pct": { features: pooled, normalized: false, hidden: null, width: 64 * 4 * 4 },
  "conv-local-13pct": { features: unshared, normalized: false, hidden: null, width: 32 * 8 * 8 },
  "conv-local-11pct": { features: unshared, normalized: true, hidden: null, width: 32 * 8 * 8 },
} as const;

export class CudaConvNet extends ImageClassifier {
  readonly features: Sequential;
  readonly classifier: Sequential;
  readonly stages: readonly string[];

  constructor(form: keyof typeof forms, { numClasses = 10, inChannels = 3 }: CudaConvNetOptions = {}) {
    super();
    const { features, normalized, hidden, width } = forms[form];
    this.stages = ["features.relu1", "features.relu2", features === pooled ? "features.relu3" : "features.relu4"];
    this.features = new Sequential(features(inChannels, normalized));
    this.classifier = new Sequential(
      hidden === null
        ? { fc10: new Linear(width, numClasses) }
        : { fc64: new Linear(width, hidden), relu: new ReLU(), fc10: new Linear(hidden, numClasses) },
    );
    for (const [path, module] of this.namedModules()) {
      if (module instanceof Conv2d) normal(module.weight, 0, path === "features.conv1" ? 1e-4 : 0.01);
      else if (module instanceof LocallyConnected2d) normal(module.weight, 0, 0.04);
      else if (module instanceof Linear) normal(module.weight, 0, hidden === null ? 0.01 : 0.1);
      else continue;
      zeros(module.bias!);
    }
  }

  /** [N, 3, 32, 32] → [N, 64, 4, 4], of the locally connected ones [N, 32, 8, 8] */
  override forwardFeatures(x: Tensor): Tensor {
    return this.features.forward(x);
  }

  override forwardHead(features: Tensor): Tensor {
    return this.classifier.forward(features.flatten(1));
  }
}

/** The registry's entry of a form. */
const variant = (form: keyof typeof forms, summary: string, top1: number) => ({
  summary,
  create: (options?: CudaConvNetOptions) => new CudaConvNet(form, options),
  inputShape: squareImage(32),
  published: published(top1, "cuda-convnet", "CIFAR-10"),
});

export const cudaConvnets = family(
  "cuda-convnet",
  {
    title: "ImageNet Classification with Deep Convolutional Neural Networks",
    year: 2012,
    url: "https://github.com/dnouri/cuda-convnet",
  },
  {
    "cuda-convnet.80sec": variant(
      "80sec",
      "three convolutions, two fully connected layers: 26 % error in 80 seconds",
      74,
    ),
    "cuda-convnet.18pct": variant("18pct", "three convolutions with response normalisation: 18 % error", 82),
    "cuda-convnet.19pct": variant("19pct", "three convolutions: 19 % error", 81),
    "cuda-convnet.conv-local-13pct": variant(
      "conv-local-13pct",
      "two convolutions, two locally connected layers: 13 % error",
      87,
    ),
    "cuda-convnet.conv-local-11pct": variant(
      "conv-local-11pct",
      "the same with response normalisation across maps: 11 % error",
      89,
    ),
  },
);
