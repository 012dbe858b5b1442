// Keras' fit with callbacks, stopped in the middle and gone on with: the same numbers as if it had not been.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { manualSeed, nn, optim } from "fovea";
import { strokes } from "fovea/data";
import { Checkpoint, EarlyStopping, EMA, Trainer, type FitOptions } from "fovea/train";

const data = strokes({ count: 3000 });
const test = strokes({ count: 500, split: "test" });

function makeTrainer(): Trainer {
  manualSeed(0);
  const model = new nn.Sequential(
    new nn.Conv2d(1, 8, 5, { stride: 2 }),
    new nn.ReLU(),
    new nn.Flatten(),
    new nn.Linear(8 * 12 * 12, 10),
  );
  return new Trainer(model, {
    optimizer: (parameters) => new optim.Adam(parameters, { lr: 2e-3 }),
    loss: "crossEntropy",
    metrics: ["accuracy"],
  });
}

function fit(trainer: Trainer, folder: string, more: FitOptions = {}) {
  const callbacks = [new EMA(), new EarlyStopping({ patience: 2, restoreBestWeights: true }), new Checkpoint(folder)];
  return trainer.fit(data, { epochs: 4, validationSplit: 0.1, verbose: 0, callbacks, ...more });
}

const folder = mkdtempSync(join(tmpdir(), "fovea-fit-"));
const whole = makeTrainer();
const { history } = await fit(whole, join(folder, "a"));

const cut = makeTrainer();
setTimeout(() => stop.abort(), 300); // as Ctrl-C would, wherever that is
const stop = new AbortController();
await fit(cut, join(folder, "b"), { signal: stop.signal });
const resumed = makeTrainer();
await fit(resumed, join(folder, "b"), { resume: await Checkpoint.newest(join(folder, "b")) });
rmSync(folder, { recursive: true });

assert.deepEqual(resumed.history.history, history);
const { accuracy } = await whole.evaluate(test);
console.log(`validation loss ${history["valLoss"]!.map((v) => v.toFixed(3)).join(", ")}`);
console.log(`accuracy on unseen strokes: ${(100 * accuracy!).toFixed(1)} %`);
assert.ok(accuracy! > 0.75);
