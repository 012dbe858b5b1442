// Transfer learning in seconds: a network that knows the digits 0 to 4 learns 5 to 9 from ten pictures of each, by every
// strategy of docs/transfer-learning.md, beside one that starts from scratch.
import assert from "node:assert/strict";
import { manualSeed, models, optim } from "fovea";
import { LinearSVC, StandardScaler, accuracyScore } from "fovea/classic";
import { ImageDataset, strokes } from "fovea/data";
import { deepFeatures, fineTune, Trainer, type FineTuningOptions } from "fovea/train";

/** Some digits of a draw, as classes 0, 1, … */
function digits(wanted: readonly number[], count: number, split: "train" | "test"): ImageDataset {
  const all = strokes({ count, split });
  const places = [...all.labels.keys()].filter((i) => wanted.includes(all.labels[i]!));
  const { images, labels, shape } = all.subset(places);
  return new ImageDataset({
    name: `digits ${wanted.join()}`,
    images,
    labels: labels.map((digit) => wanted.indexOf(digit)),
    shape,
    classes: wanted.map(String),
  });
}

const known = digits([0, 1, 2, 3, 4], 4000, "train");
const few = digits([5, 6, 7, 8, 9], 100, "train");
const test = digits([5, 6, 7, 8, 9], 1000, "test");

// A network that knows something: here it learns it, elsewhere `models.load` brings it.
manualSeed(0);
const base = models.create("lenet5", { numClasses: 5 });
await new Trainer(base, { optimizer: (p) => new optim.Adam(p, { lr: 2e-3 }), loss: "crossEntropy" }).fit(known, {
  epochs: 4,
  verbose: 0,
});
const weights = base.stateDict();

/** The network again, with what it knows or with fresh weights. */
function network(pretrained: boolean) {
  manualSeed(1);
  const model = models.create("lenet5", { numClasses: 5 });
  if (pretrained) model.loadStateDict(weights);
  return model;
}

async function accuracyOf(pretrained: boolean, options: FineTuningOptions): Promise<number> {
  const model = network(pretrained);
  await fineTune(model, few, { numClasses: 5, batchSize: 10, headEpochs: 10, lr: 2e-3, ...options });
  const { accuracy } = await new Trainer(model, { loss: "crossEntropy", metrics: ["accuracy"] }).evaluate(test);
  return accuracy!;
}

async function svmAccuracy(): Promise<number> {
  const [train, unseen] = [await deepFeatures(base, few), await deepFeatures(base, test)];
  const scaler = new StandardScaler().fit(train.features);
  const svm = new LinearSVC({ C: 0.1 }).fit(scaler.transform(train.features), train.labels);
  return accuracyScore(unseen.labels, svm.predict(scaler.transform(unseen.features)));
}

const found = {
  "from scratch": await accuracyOf(false, { strategy: "full", headEpochs: 0, epochs: 40, decay: 1 }),
  "features + SVM": await svmAccuracy(),
  head: await accuracyOf(true, { strategy: "head", headEpochs: 40 }),
  partial: await accuracyOf(true, { strategy: "partial", epochs: 30 }),
  full: await accuracyOf(true, { strategy: "full", epochs: 30 }),
};
console.log(`${few.length} pictures of the digits 5 to 9, tested on ${test.length}`);
for (const [name, accuracy] of Object.entries(found)) {
  console.log(`${name.padEnd(15)} ${(100 * accuracy).toFixed(1).padStart(5)} %`);
}
assert.ok(found.full > found["from scratch"] + 0.03);
