import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { availableParallelism } from "node:os";
import { currentEngine, manualSeed, nn, optim, setThreads, threads, type Tensor } from "fovea";
import { DataLoader, type ImageDataset, type transforms } from "fovea/data";
import { Trainer } from "fovea/train";
import { numberArgument } from "./_arguments.ts";

export interface ClassifierRecipe {
  readonly model: () => nn.Module<[x: Tensor], Tensor>;
  readonly train: ImageDataset;
  readonly test: ImageDataset;
  /** Of the training pictures. */
  readonly transform: readonly transforms.Transform[];
  readonly mean: readonly number[];
  readonly std: readonly number[];
  readonly batchSize: number;
  readonly epochs: number;
  readonly labelSmoothing?: number;
  /** Its rate goes over all the steps. */
  readonly optimizer: (parameters: Tensor[], steps: number) => optim.Optimizer;
  /** Share of the test pictures that must be right. */
  readonly target: number;
}

/**
 * Trains on all training pictures and tests the last weights on the test pictures. What is tested on the way is printed
 * and chooses nothing.
 *
 * Arguments: `--seed n`, `--epochs n`, `--threads n`, `--workers n`.
 */
export async function trainClassifier(recipe: ClassifierRecipe): Promise<void> {
  const seed = numberArgument("seed", 0);
  const epochs = numberArgument("epochs", recipe.epochs);
  const workers = numberArgument("workers", 0);
  setThreads(numberArgument("threads", Math.min(2, availableParallelism())));
  const { mean, std, batchSize, train, test, transform, labelSmoothing = 0 } = recipe;
  const loader = new DataLoader(train, { batchSize, seed, dropLast: true, transform, mean, std, workers });
  const testLoader = new DataLoader(test, { batchSize: 500, shuffle: false, mean, std });

  manualSeed(seed);
  const model = recipe.model();
  const trainer = new Trainer(model, {
    optimizer: (parameters) => recipe.optimizer(parameters, epochs * loader.length),
    loss: new nn.CrossEntropyLoss({ labelSmoothing }),
    metrics: ["accuracy"],
  });
  const parameters = model.parameters().reduce((sum, p) => sum + p.size, 0);
  console.log(
    `${train.length} pictures for training, ${test.length} for testing, ${parameters} parameters; seed ${seed}; ` +
      `${currentEngine().name} engine, ${threads()} threads`,
  );
  const started = performance.now();
  const percent = (share: number) => `${(100 * share).toFixed(2)} %`;
  await trainer.fit(loader, {
    epochs,
    verbose: 0,
    validationData: testLoader,
    validationFreq: 5,
    callbacks: [
      {
        onEpochEnd: (epoch, { loss, accuracy, valAccuracy }) => {
          const seconds = Math.round((performance.now() - started) / 1000);
          const tested = valAccuracy === undefined ? "" : `  test ${percent(valAccuracy)}`;
          console.log(
            `epoch ${epoch + 1}  loss ${loss!.toFixed(4)}  training ${percent(accuracy!)}  ${seconds} s${tested}`,
          );
        },
      },
    ],
  });
  const { accuracy } = await trainer.evaluate(testLoader);
  const hash = createHash("sha256");
  for (const [, tensor] of model.stateDict()) hash.update(await tensor.data());
  console.log(`weights ${hash.digest("hex")}`);
  console.log(`test accuracy of the last weights: ${percent(accuracy!)} (wanted ${percent(recipe.target)})`);
  if (epochs === recipe.epochs) assert.ok(accuracy! >= recipe.target);
}
