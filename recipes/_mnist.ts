import { optim } from "fovea";
import { folderSource, mnist, transforms } from "fovea/data";
import { argument } from "./_arguments.ts";
import { trainClassifier, type ClassifierRecipe } from "./_classifier.ts";

export interface MnistRecipe extends Pick<ClassifierRecipe, "model" | "epochs" | "labelSmoothing" | "target"> {
  readonly lr: number;
  /** Degrees that a training picture is turned, share of its side that it is moved, and of its size that it grows or shrinks. */
  readonly turn: number;
  readonly move: number;
  readonly grow: number;
}

/** The 60,000 and 10,000 pictures; `--data <folder with the four files>`. */
export async function trainMnist({ lr, turn, move, grow, ...recipe }: MnistRecipe): Promise<void> {
  const source = folderSource(argument("data") ?? `${process.env["FOVEA_SHARED"] ?? "../shared"}/data/mnist`);
  await trainClassifier({
    ...recipe,
    train: await mnist(source, "train"),
    test: await mnist(source, "test"),
    transform: [transforms.affine({ degrees: turn, translate: [move, move], scale: [1 - grow, 1 + grow] })],
    mean: [0.1307],
    std: [0.3081],
    batchSize: 100,
    optimizer: (parameters, steps) =>
      new optim.AdamW(parameters, { lr: optim.warmup(steps / 20, optim.cosine(lr, { steps })), weightDecay: 0.02 }),
  });
}
