import assert from "node:assert/strict";
import { availableParallelism } from "node:os";
import {
  availableEngines,
  compile,
  crossEntropy,
  currentEngine,
  manualSeed,
  nn,
  noGrad,
  optim,
  RandomStream,
  setThreads,
  tensor,
  threads,
  type Tensor,
} from "fovea";
import { folderSource, mnist, type ImageDataset } from "fovea/data";
import { argument, numberArgument } from "./_arguments.ts";

export interface MnistRecipe {
  readonly model: () => nn.Module<[x: Tensor], Tensor>;
  readonly epochs: number;
  readonly lr: number;
  /** Most pixels that a training picture is moved; degrees that it is turned; share that it grows or shrinks. */
  readonly move: number;
  readonly turn: number;
  readonly grow: number;
  readonly labelSmoothing: number;
  /** Share of the 10,000 test pictures that must be right. */
  readonly target: number;
}

const BATCH = 100;

/**
 * Trains on the 60,000 pictures and tests the last weights, once, on the 10,000.
 *
 * Arguments: `--data <folder with the four files>`, `--seed n`, `--epochs n`, `--threads n`.
 */
export async function trainMnist(recipe: MnistRecipe): Promise<void> {
  const seed = numberArgument("seed", 0);
  const epochs = numberArgument("epochs", recipe.epochs);
  setThreads(numberArgument("threads", Math.min(2, availableParallelism())));
  const source = folderSource(argument("data") ?? `${process.env["FOVEA_SHARED"] ?? "../shared"}/data/mnist`);
  const train = await mnist(source, "train");
  const test = await mnist(source, "test");
  manualSeed(seed);
  const model = recipe.model();
  const steps = (epochs * train.length) / BATCH;
  const lr = optim.warmup(steps / 20, optim.cosine(recipe.lr, { steps }));
  const optimizer = new optim.AdamW(model.parameters(), { lr, weightDecay: 0.02 });
  const step = compile((x: Tensor, y: Tensor) => {
    const loss = crossEntropy(model.forward(x), y, { labelSmoothing: recipe.labelSmoothing });
    optimizer.minimize(loss);
    return loss.detach();
  });
  console.log(`seed ${seed}; ${currentEngine().name} engine of ${availableEngines().join(", ")}; ${threads()} threads`);

  const random = new RandomStream(seed);
  const started = performance.now();
  for (let epoch = 1; epoch <= epochs; epoch++) {
    const order = random.fork("order").fork(epoch).permutation(train.length);
    const draw = random.fork("augment").fork(epoch);
    let loss = 0;
    model.train();
    for (let from = 0; from < train.length; from += BATCH) {
      const { x, y } = batchOf(train, order.subarray(from, from + BATCH), recipe, draw);
      loss += (await step(x, y).item()) * (BATCH / train.length);
    }
    const seconds = (performance.now() - started) / 1000;
    const accuracy =
      epoch % 5 === 0 || epoch === epochs ? `  test ${(100 * (await score(model, test))).toFixed(2)} %` : "";
    console.log(`epoch ${String(epoch).padStart(2)}  loss ${loss.toFixed(4)}  ${seconds.toFixed(0)} s${accuracy}`);
  }
  const accuracy = await score(model, test);
  console.log(`test accuracy of the last weights: ${(100 * accuracy).toFixed(2)} % (wanted ${100 * recipe.target} %)`);
  if (epochs === recipe.epochs) assert.ok(accuracy >= recipe.target);
}

async function score(model: nn.Module<[x: Tensor], Tensor>, test: ImageDataset): Promise<number> {
  model.eval();
  let right = 0;
  for (let from = 0; from < test.length; from += 500) {
    const { x, y } = batchOf(
      test,
      Uint32Array.from({ length: 500 }, (_, i) => from + i),
    );
    right += await noGrad(() => model.forward(x).argmax(1).equal(y).sum()).item();
  }
  return right / test.length;
}

/** Side of a picture with zeros around it, so that no turned pixel is read from outside. */
const SIDE = 56;
const EDGE = 14;

/** Pictures as 0 … 1, normalised as usual for MNIST; with `random`, moved, turned and scaled about the middle. */
function batchOf(
  data: ImageDataset,
  indices: Uint32Array,
  recipe?: MnistRecipe,
  random?: RandomStream,
): { x: Tensor; y: Tensor } {
  const x = new Float32Array(indices.length * 784);
  const framed = new Float32Array(SIDE * SIDE);
  indices.forEach((index, n) => {
    const image = data.image(index);
    for (let row = 0; row < 28; row++) {
      framed.set(image.subarray(row * 28, (row + 1) * 28), (row + EDGE) * SIDE + EDGE);
    }
    const between = (most: number) => (random ? (2 * random.uniform() - 1) * most : 0);
    const angle = (between(recipe?.turn ?? 0) * Math.PI) / 180;
    const scale = 1 / (1 + between(recipe?.grow ?? 0));
    const dx = between(recipe?.move ?? 0);
    const dy = between(recipe?.move ?? 0);
    const c = scale * Math.cos(angle);
    const s = scale * Math.sin(angle);
    const middle = 13.5 + EDGE;
    for (let i = 0, to = n * 784; i < 28; i++) {
      for (let j = 0; j < 28; j++, to++) {
        const v = i - 13.5 - dy;
        const u = j - 13.5 - dx;
        const row = middle + c * v + s * u;
        const column = middle + c * u - s * v;
        const at = Math.floor(row) * SIDE + Math.floor(column);
        const right = column - Math.floor(column);
        const upper = framed[at]! + right * (framed[at + 1]! - framed[at]!);
        const lower = framed[at + SIDE]! + right * (framed[at + SIDE + 1]! - framed[at + SIDE]!);
        x[to] = ((upper + (row - Math.floor(row)) * (lower - upper)) / 255 - 0.1307) / 0.3081;
      }
    }
  });
  const y = tensor(Int32Array.from(indices, (i) => data.labels[i]!));
  return { x: tensor(x, { shape: [indices.length, 1, 28, 28] }), y };
}
