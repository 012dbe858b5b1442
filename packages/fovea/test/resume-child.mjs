// Trains a small network that resume.test.ts kills again and again. What it remembers is large, so that saving takes long.
import { createHash } from "node:crypto";
import { renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { manualSeed, nn, optim, RandomStream, setThreads, tensor } from "../dist/node/index.js";
import { Checkpoint, EarlyStopping, EMA, Trainer } from "../dist/node/train.js";

const [folder] = process.argv.slice(2);
setThreads(1);
manualSeed(3);
const random = new RandomStream(5);
const count = 320;
const x = { data: random.fillNormal(new Float32Array(count * 8)), shape: [count, 8] };
const y = Int32Array.from({ length: count }, (_, i) => (x.data[8 * i] + x.data[8 * i + 1] > 0 ? 1 : 0));

const model = new nn.Sequential(
  new nn.Linear(8, 16),
  new nn.BatchNorm1d(16),
  new nn.ReLU(),
  new nn.Dropout(0.2),
  new nn.Linear(16, 2),
);
const ballast = {
  name: "ballast",
  steps: 0,
  onTrainBatchEnd: () => void ballast.steps++,
  state: () => ({
    values: ballast.steps,
    tensors: new Map([["a", tensor(new Float32Array(1 << 19).fill(ballast.steps))]]),
  }),
  restore: ({ values }) => void (ballast.steps = values),
};
const trainer = new Trainer(model, {
  optimizer: (p) => new optim.AdamW(p, { lr: optim.cosine(0.01, { steps: 400 }) }),
  loss: "crossEntropy",
  metrics: ["accuracy", "rocAuc"],
});
const { history } = await trainer.fit(x, y, {
  epochs: 20,
  batchSize: 16,
  validationSplit: 0.2,
  verbose: 0,
  callbacks: [
    new EMA({ decay: 0.9 }),
    new EarlyStopping({ patience: 20, restoreBestWeights: true }),
    ballast,
    { onEpochBegin: (epoch) => epoch === 0 && console.log("training") },
    { onTrainBatchBegin: () => console.log("step") },
    new Checkpoint(folder, { every: 0.02 }),
  ],
  resume: await Checkpoint.newest(folder),
});
const hash = createHash("sha256");
for (const parameter of model.parameters()) hash.update(await parameter.data());
const result = JSON.stringify({ history, steps: ballast.steps, weights: hash.digest("hex") });
writeFileSync(join(folder, "result.tmp"), result);
renameSync(join(folder, "result.tmp"), join(folder, "result.json"));
