import "../../tensor.ts";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { manualSeed, RandomStream } from "../../base/random.ts";
import { BatchNorm1d } from "../../nn/batchNorm.ts";
import { Conv2d } from "../../nn/conv.ts";
import { Linear } from "../../nn/linear.ts";
import { Sequential } from "../../nn/sequential.ts";
import { Flatten } from "../../nn/shape.ts";
import { SGD } from "../../optim/index.ts";
import { decodeTensors, encodeTensors } from "../weights.ts";
import type { Callback, Logs } from "../callback.ts";
import type { Snapshot } from "../snapshot.ts";
import { Trainer, type FitOptions } from "../trainer.ts";
import { Checkpoint } from "./checkpoint.ts";
import { CSVLogger } from "./csvLogger.ts";
import { EarlyStopping } from "./earlyStopping.ts";
import { EMA } from "./ema.ts";
import { LearningRateScheduler } from "./learningRateScheduler.ts";
import { ReduceLROnPlateau } from "./reduceLrOnPlateau.ts";
import { SWA } from "./swa.ts";
import { TensorBoard } from "./tensorBoard.ts";
import { TimeLimit } from "./timeLimit.ts";

/** Two classes on two sides of a line. */
const random = new RandomStream(3);
const points = Float32Array.from({ length: 128 }, () => random.normal());
const x = { data: points, shape: [64, 2] };
const y = Int32Array.from({ length: 64 }, (_, i) => (points[2 * i]! + points[2 * i + 1]! > 0 ? 1 : 0));

const lr = 0.1;
function make(): Trainer {
  manualSeed(1);
  const model = new Sequential(new Linear(2, 4), new BatchNorm1d(4), new Linear(4, 2));
  return new Trainer(model, { optimizer: (p) => new SGD(p, { lr }), loss: "crossEntropy", metrics: ["accuracy"] });
}
const fit = (trainer: Trainer, callbacks: readonly Callback[], more: FitOptions = {}) =>
  trainer.fit(x, y, { epochs: 6, batchSize: 16, verbose: 0, validationSplit: 0.25, callbacks, ...more });
const weightsOf = (trainer: Trainer) => encodeTensors(trainer.model.stateDict());

/** Gives the validation loss other values, before the callbacks behind it see them. */
const pretend = (losses: readonly number[]): Callback => ({
  onEpochEnd: (epoch, logs) => void ((logs as { valLoss: number }).valLoss = losses[epoch]!),
});

let folder: string;
beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), "fovea-callbacks-"))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Saves every resume point of a run. */
function resumePoints(): { callback: Callback; snapshots: Snapshot[] } {
  const snapshots: Snapshot[] = [];
  return {
    callback: { onResumePoint: async (_at, trainer) => void snapshots.push(await trainer.snapshot()) },
    snapshots,
  };
}

it("hooks come in Keras' order", async () => {
  const seen: string[] = [];
  const note = (name: string) => () => void seen.push(name);
  const hooks = ["onTrainBegin", "onEpochBegin", "onTrainBatchBegin", "onTrainBatchEnd", "onTestBegin", "onTestEnd", "onEpochEnd", "onTrainEnd", "close"]; // prettier-ignore
  await fit(make(), [Object.fromEntries(hooks.map((hook) => [hook, note(hook)]))], { epochs: 1, batchSize: 24 });
  const batch = ["onTrainBatchBegin", "onTrainBatchEnd"];
  expect(seen).toEqual([...hooks.slice(0, 2), ...batch, ...batch, ...hooks.slice(4)]);
});

describe("EarlyStopping", () => {
  it("ends after `patience` epochs without a better value", async () => {
    const stopping = new EarlyStopping({ patience: 2 });
    const { epoch } = await fit(make(), [pretend([5, 4, 4.5, 4.1, 3, 2]), stopping]);
    expect(epoch).toEqual([0, 1, 2, 3]);
    expect([stopping.bestEpoch, stopping.stoppedEpoch]).toEqual([1, 3]);
  });

  it("puts back the weights of the best epoch, bit for bit", async () => {
    const best = make();
    await fit(best, [], { epochs: 2 });
    const trainer = make();
    await fit(trainer, [pretend([5, 4, 4.5, 4.1, 3, 2]), new EarlyStopping({ patience: 2, restoreBestWeights: true })]);
    expect(await weightsOf(trainer)).toEqual(await weightsOf(best));
  });

  it("knows that larger accuracies are better, and refuses a number that is not there", async () => {
    const trainer = make();
    const up: Callback = { onEpochEnd: (e, logs) => void ((logs as { valAccuracy: number }).valAccuracy = e / 10) };
    expect((await fit(trainer, [up, new EarlyStopping({ monitor: "valAccuracy" })])).epoch).toHaveLength(6);
    await expect(fit(make(), [new EarlyStopping({ monitor: "f1" })])).rejects.toThrow(
      /no "f1" to watch; there are loss/,
    );
  });
});

describe("learning rates", () => {
  it("ReduceLROnPlateau lowers the rate, after its patience and cooldown", async () => {
    const { history } = await fit(make(), [
      pretend([5, 5, 5, 5, 5, 5]),
      new ReduceLROnPlateau({ factor: 0.5, patience: 1, cooldown: 1 }),
    ]);
    // Epoch 1 is the first without improvement: the rate halves. Epoch 2 cools down, epoch 3 counts again (Keras' rule).
    expect(history["lr"]).toEqual([lr, lr, lr / 2, lr / 4, lr / 8, lr / 16]);
  });

  it("LearningRateScheduler sets the rate of each epoch", async () => {
    const { history } = await fit(make(), [new LearningRateScheduler((_, rate) => rate / 2)], { epochs: 3 });
    expect(history["lr"]).toEqual([lr / 2, lr / 4, lr / 8]);
  });
});

describe("averages", () => {
  it("EMA is d · average + (1 − d) · weight, and what is validated and kept", async () => {
    const trainer = make();
    const weight = () => (trainer.model as unknown as Sequential)[0]!.parameters()[0]!.storage.values().slice();
    const first = weight();
    const wanted = Float64Array.from(first);
    const spy: Callback = {
      onTrainBatchEnd: () => weight().forEach((w, i) => (wanted[i] = 0.9 * wanted[i]! + 0.1 * w)),
    };
    await fit(trainer, [new EMA({ decay: 0.9, warmup: false }), spy], { epochs: 2 });
    weight().forEach((w, i) => expect(w).toBeCloseTo(wanted[i]!, 6));
    const { valLoss } = await fitLast(trainer);
    expect(trainer.history.history["valLoss"]!.at(-1)).toBeCloseTo(valLoss, 6);
  });

  async function fitLast(trainer: Trainer): Promise<{ valLoss: number }> {
    const { loss } = await trainer.evaluate({ data: points.subarray(96), shape: [16, 2] }, y.subarray(48));
    return { valLoss: loss! };
  }

  it("SWA is the mean of the weights at the ends of epochs, with statistics of the data", async () => {
    const trainer = make();
    const first = (trainer.model as unknown as Sequential)[0]!.parameters()[0]!;
    const seen: Float32Array[] = [];
    const spy: Callback = {
      onEpochEnd: (e) => void (e >= 3 && seen.push(first.storage.values().slice() as Float32Array)),
    };
    await fit(trainer, [spy, new SWA({ startEpoch: 3 })]);
    const values = first.storage.values();
    values.forEach((w, i) => expect(w).toBeCloseTo((seen[0]![i]! + seen[1]![i]! + seen[2]![i]!) / 3, 6));
  });
});

it("TimeLimit ends the run with a validation", async () => {
  const { finished, history } = await fit(make(), [new TimeLimit(1e-9)]);
  expect([finished, history["valLoss"]!.length]).toEqual([true, 1]);
});

it("CSVLogger writes a row per epoch", async () => {
  const path = join(folder, "a/log.csv");
  const { history } = await fit(make(), [new CSVLogger(path)], { epochs: 2 });
  const [header, ...rows] = readFileSync(path, "utf8").trimEnd().split("\n");
  expect(header).toBe("epoch,loss,accuracy,lr,valLoss,valAccuracy");
  expect(rows.map((row) => Number(row.split(",")[4]))).toEqual(history["valLoss"]);
});

it("TensorBoard writes numbers, histograms and pictures, training beside validation", async () => {
  manualSeed(1);
  const model = new Sequential(new Conv2d(1, 4, 3), new Flatten(), new Linear(16, 2));
  const trainer = new Trainer(model, { loss: "crossEntropy", metrics: ["accuracy"] });
  const pictures = { data: new Float32Array(8 * 16).fill(0.5), shape: [8, 1, 4, 4] };
  const callbacks = [new TensorBoard(folder, { updateEvery: 1, histogramEvery: 1, imageEvery: 1 })];
  await trainer.fit(pictures, y.subarray(0, 8), { epochs: 2, validationSplit: 0.5, verbose: 0, callbacks });
  const tags = (part: string) => {
    const [file, ...more] = readdirSync(join(folder, part));
    expect(more).toEqual([]);
    const text = readFileSync(join(folder, part, file!), "latin1");
    return new Set(text.match(/(epoch|batch)_[a-z_]+|\d\/weight/g));
  };
  const both = ["epoch_loss", "epoch_accuracy"];
  expect(tags("validation")).toEqual(new Set(both));
  const weights = ["0/weight", "2/weight"];
  const batch = ["batch_loss", "batch_accuracy", "batch_learning_rate"];
  expect(tags("train")).toEqual(new Set([...both, "epoch_learning_rate", ...weights, ...batch]));
});

it("an epoch that a callback ends is followed by a whole one", async () => {
  const trainer = make();
  const seen: number[] = [];
  const end: Callback = {
    onTrainBatchEnd: (batch) => void (trainer.progress.epoch === 0 && batch === 0 && (trainer.endEpoch = true)),
    onEpochEnd: () => void seen.push(trainer.progress.batch),
  };
  await fit(trainer, [end], { epochs: 2 });
  expect(seen).toEqual([1, 3]);
});

describe("Checkpoint", () => {
  it("keeps the best weights and the last, and where to go on", async () => {
    const trainer = make();
    await fit(trainer, [pretend([5, 4, 4.5]), new Checkpoint(folder)], { epochs: 3 });
    const file = (name: string) => readFileSync(join(folder, `${name}.safetensors`));
    expect([...file("last")]).toEqual([...(await weightsOf(trainer))]);
    const best = make();
    await fit(best, [], { epochs: 2 });
    expect([...file("best")]).toEqual([...(await weightsOf(best))]);
    expect(readdirSync(join(folder, "checkpoint"))).toEqual([
      "step-000000006-epoch-00002",
      "step-000000009-epoch-00003",
    ]);
  });

  it("goes on from every resume point to the same end, with all callbacks", async () => {
    const callbacks = (): Callback[] => [
      new EMA({ decay: 0.5 }),
      new EarlyStopping({ patience: 3, restoreBestWeights: true }),
      new ReduceLROnPlateau({ patience: 1, minDelta: 0.5 }),
      new SWA({ startEpoch: 20 }),
    ];
    const whole = make();
    const { callback, snapshots } = resumePoints();
    await fit(whole, [...callbacks(), callback], { epochs: 4 });
    expect(snapshots).toHaveLength(16); // 12 steps, 4 epochs
    for (const resume of snapshots) {
      const again = make();
      await fit(again, callbacks(), { epochs: 4, resume });
      expect(again.history.history).toEqual(whole.history.history);
      expect(await weightsOf(again)).toEqual(await weightsOf(whole));
    }
  });

  it("is refused for another network and for other data, with the difference", async () => {
    await fit(make(), [new Checkpoint(folder)], { epochs: 1 });
    const resume = await Checkpoint.newest(folder);
    const other = new Trainer(new Sequential(new Linear(2, 5), new Linear(5, 2)), { loss: "crossEntropy" });
    await expect(fit(other, [], { resume })).rejects.toThrow(
      /of another network: "\(0\): Linear\(2, 4\)" then, "\(0\): Linear\(2, 5\)" now/,
    );
    const more = { data: Float32Array.from(points).fill(0, 0, 2), shape: [64, 2] };
    const run = make().fit(more, y, { epochs: 2, batchSize: 16, verbose: 0, validationSplit: 0.25, resume });
    await expect(run).rejects.toThrow(/of a run on other data: x: \[2\] \w{8} then, \[2\] \w{8} now$/);
    await expect(fit(make(), [], { resume })).rejects.toThrow(/with the callbacks checkpoint, which are not given now/);
  });

  it("writes nothing in a fastDevRun", async () => {
    const trainer = make();
    await fit(trainer, [new Checkpoint(join(folder, "none"))], { fastDevRun: true });
    expect([trainer.progress.step, existsSync(join(folder, "none"))]).toEqual([1, false]);
  });

  it("decodes", async () => {
    await fit(make(), [new Checkpoint(folder)], { epochs: 1 });
    const { tensors } = decodeTensors(readFileSync(join(folder, "last.safetensors")), "last");
    expect([...tensors.keys()]).toContain("1.running_mean");
  });
});

it("logs are what the History keeps", async () => {
  const seen: Logs[] = [];
  const { history } = await fit(make(), [{ onEpochEnd: (_e, logs) => void seen.push(logs) }], { epochs: 2 });
  expect(history["loss"]).toEqual(seen.map(({ loss }) => loss));
});
