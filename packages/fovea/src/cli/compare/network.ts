import { manualSeed, RandomStream } from "../../base/random.ts";
import type { ImageDataset } from "../../data/dataset.ts";
import { imageTensor } from "../../classic/images.ts";
import { matrix, type Matrix } from "../../classic/matrix.ts";
import { compile } from "../../graph/compile.ts";
import { create, inputShape, type ModelName } from "../../models/index.ts";
import * as nn from "../../nn/index.ts";
import { interpolate } from "../../ops/interpolate.ts";
import { crossEntropy } from "../../ops/losses.ts";
import { AdamW, cosine } from "../../optim/index.ts";
import { noGrad } from "../../tensor/apply.ts";
import { tensor } from "../../tensor/create.ts";
import { scope } from "../../tensor/scope.ts";
import type { Tensor } from "../../tensor.ts";

/** A network that gives scores, and the numbers before its last layer. */
export interface ComparedNetwork extends nn.Module<[x: Tensor], Tensor> {
  /** What the last layer decides by, [N, features]. */
  features?(x: Tensor): Tensor;
}

/** A small network for pictures of any size from 8 × 8: three 3 × 3 convolutions and two dense layers. */
export class SmallCnn extends nn.Module<[x: Tensor], Tensor> implements ComparedNetwork {
  readonly convolutions: nn.Sequential;
  readonly dense: nn.Sequential;
  readonly classifier: nn.Linear;

  constructor(channels: number, classes: number) {
    super();
    const layer = (from: number, to: number) => [
      new nn.Conv2d(from, to, 3, { padding: 1, bias: false }),
      new nn.BatchNorm2d(to),
      new nn.ReLU(),
    ];
    this.convolutions = new nn.Sequential(
      ...layer(channels, 32),
      ...layer(32, 32),
      new nn.MaxPool2d(2),
      ...layer(32, 64),
      new nn.AdaptiveAvgPool2d(4),
    );
    this.dense = new nn.Sequential(new nn.Flatten(), new nn.Dropout(0.3), new nn.Linear(1024, 128), new nn.ReLU());
    this.classifier = new nn.Linear(128, classes);
  }

  features(x: Tensor): Tensor {
    return this.dense.forward(this.convolutions.forward(x));
  }

  override forward(x: Tensor): Tensor {
    return this.classifier.forward(this.features(x));
  }
}

/** Resizes pictures [N, C, H, W] to what a network of the zoo takes, and gives grey ones the channels it wants. */
class Resized extends nn.Module<[x: Tensor], Tensor> {
  readonly model: nn.Module<[x: Tensor], Tensor>;
  readonly #shape: readonly number[];

  constructor(model: nn.Module<[x: Tensor], Tensor>, shape: readonly number[]) {
    super();
    this.model = model;
    this.#shape = shape;
  }

  override forward(x: Tensor): Tensor {
    const [channels, height, width] = this.#shape as [number, number, number];
    if (x.shape[1] !== channels) x = x.mean([1], true).expand([x.shape[0]!, channels, x.shape[2]!, x.shape[3]!]);
    if (x.shape[2] !== height || x.shape[3] !== width) x = interpolate(x, { size: [height, width], mode: "bilinear" });
    return this.model.forward(x);
  }
}

/** A network of the zoo, or the small one, for the pictures of a dataset. */
export function makeNetwork(name: ModelName | "cnn", data: ImageDataset): ComparedNetwork {
  const numClasses = data.classes.length;
  if (name === "cnn") return new SmallCnn(data.shape[0], numClasses);
  return new Resized(create(name, { numClasses }) as nn.Module<[x: Tensor], Tensor>, inputShape(name, { numClasses }));
}

export interface NetworkTraining {
  readonly epochs: number;
  readonly batchSize: number;
  readonly seed: number;
  readonly onProgress: (share: number) => void;
}

/** Trains from fresh weights: AdamW, the learning rate falling along a cosine, no augmentation: nobody here has any. */
export async function trainNetwork(
  name: ModelName | "cnn",
  data: ImageDataset,
  { epochs, batchSize, seed, onProgress }: NetworkTraining,
): Promise<ComparedNetwork> {
  manualSeed(seed);
  const model = makeNetwork(name, data);
  const batches = Math.ceil(data.length / batchSize);
  const steps = epochs * batches;
  const optimizer = new AdamW(model.parameters(), { lr: cosine(2e-3, { steps }) });
  const step = compile((x: Tensor, y: Tensor) => {
    const loss = crossEntropy(model.forward(x), y);
    optimizer.minimize(loss);
    return loss.detach();
  });
  model.train();
  const orders = new RandomStream(seed).fork("shuffle");
  for (let epoch = 0; epoch < epochs; epoch++) {
    const shuffled = data.subset(orders.fork(epoch).permutation(data.length));
    for (let batch = 0; batch < batches; batch++) {
      const from = batch * batchSize;
      const to = Math.min(data.length, from + batchSize);
      const y = tensor(Int32Array.from(shuffled.labels.subarray(from, to)));
      const loss = scope(() => step(imageTensor(shuffled, from, to), y));
      await loss.item(); // so that the bar tells the truth
      onProgress((epoch * batches + batch + 1) / steps);
    }
  }
  step.dispose();
  return model;
}

/** Images given to a network at once. */
const BLOCK = 256;

/** What a network gives for each image: scores, or the numbers before them. */
export async function runNetwork(
  model: ComparedNetwork,
  data: ImageDataset,
  what: "scores" | "features",
): Promise<Matrix> {
  model.eval();
  const run = compile((x: Tensor) => noGrad(() => (what === "scores" ? model.forward(x) : model.features!(x))));
  let found = matrix(0, 0);
  for (let from = 0; from < data.length; from += BLOCK) {
    const result = scope(() => run(imageTensor(data, from, Math.min(data.length, from + BLOCK))));
    const columns = result.shape[1]!;
    if (from === 0) found = matrix(data.length, columns);
    found.values.set(await result.data(), from * columns);
  }
  run.dispose();
  return found;
}
