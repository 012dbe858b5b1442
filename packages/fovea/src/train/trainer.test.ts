import "../tensor.ts";
import { beforeEach, describe, expect, it } from "vitest";
import { manualSeed } from "../base/random.ts";
import { availableEngines, setEngine } from "../backend/engines.ts";
import { ImageDataset } from "../data/dataset.ts";
import { DataLoader } from "../data/loader.ts";
import { strokes } from "../data/datasets/strokes.ts";
import { Dropout } from "../nn/dropout.ts";
import { Linear } from "../nn/linear.ts";
import { Module } from "../nn/module.ts";
import { crossEntropy } from "../ops/losses.ts";
import { Adam, cosine, SGD, type Optimizer } from "../optim/index.ts";
import { noGrad } from "../tensor/apply.ts";
import { fromHost, full } from "../tensor/create.ts";
import type { Tensor } from "../tensor.ts";
import type { Callback } from "./callback.ts";
import { NonFiniteError } from "./nonFinite.ts";
import type { Snapshot } from "./snapshot.ts";
import { Trainer, type TrainerOptions } from "./trainer.ts";
import { encodeTensors } from "./weights.ts";

/** Two layers and dropout: enough for every kind of state. */
class Net extends Module {
  readonly hidden = new Linear(784, 16);
  readonly dropout = new Dropout(0.25);
  readonly out = new Linear(16, 10);
  forward(x: Tensor): Tensor {
    return this.out.forward(this.dropout.forward(this.hidden.forward(x.flatten(1)).relu()));
  }
}

const train = strokes({ count: 150 });
const test = strokes({ count: 40, split: "test" });
const adam = (p: Tensor[]): Optimizer => new Adam(p, { lr: cosine(0.01, { steps: 15 }) });

function make(more: Partial<TrainerOptions> = {}): Trainer {
  manualSeed(7);
  return new Trainer(new Net(), { optimizer: adam, loss: "crossEntropy", metrics: ["accuracy"], ...more });
}

const options = { epochs: 3, batchSize: 32, seed: 5, verbose: 0, validationData: test } as const;
const weightsOf = (trainer: Trainer) => encodeTensors(trainer.model.stateDict());

describe.each(availableEngines().map((name) => [name] as const))("Trainer on %s", (engine) => {
  beforeEach(() => void setEngine(engine));

  it("learns, and returns Keras' History", async () => {
    const trainer = make();
    const { epoch, history, finished } = await trainer.fit(train, options);
    expect(finished).toBe(true);
    expect(epoch).toEqual([0, 1, 2]);
    expect(Object.keys(history).toSorted()).toEqual(["accuracy", "loss", "lr", "valAccuracy", "valLoss"]);
    expect(history["loss"]![2]).toBeLessThan(history["loss"]![0]! * 0.9);
    expect(trainer.progress).toMatchObject({ step: 15, examples: 450 });
  });

  it("gives the numbers of a plain loop of backward and step, bit for bit", async () => {
    const trainer = make();
    const { history } = await trainer.fit(train, { ...options, validationData: undefined as never });

    manualSeed(7);
    const model = new Net();
    const optimizer = adam(model.parameters());
    const loader = new DataLoader(train, { batchSize: 32, seed: 5 });
    const losses: number[] = [];
    for (let epoch = 0; epoch < 3; epoch++) {
      let sum = 0;
      for await (const batch of loader.epoch(epoch)) {
        const loss = crossEntropy(
          model.forward(fromHost(batch.x, batch.shape, "float32")),
          fromHost(batch.y, [batch.size], "int32"),
        );
        optimizer.zeroGrad();
        loss.backward();
        optimizer.step();
        sum += (await loss.item()) * batch.size;
      }
      losses.push(sum / train.length);
    }
    expect(history["loss"]).toEqual(losses);
    expect(await weightsOf(trainer)).toEqual(await encodeTensors(model.stateDict()));
  });

  it("gives the same numbers compiled and eager", async () => {
    const compiled = make();
    const eager = (await compiled.fit(train, options), make({ compiled: false })); // seeds anew
    await eager.fit(train, options);
    const { valLoss, ...trained } = compiled.history.history;
    const { valLoss: eagerly, ...wanted } = eager.history.history;
    expect(trained).toEqual(wanted);
    // Recorded inference adds biases inside of the products, so its last digits are others.
    for (const [i, loss] of valLoss!.entries()) expect(loss).toBeCloseTo(eagerly![i]!, 5);
    expect(await weightsOf(compiled)).toEqual(await weightsOf(eager));
  });

  // The reference engine computes in float64, and files hold float32: there a resumed run agrees to that precision.
  const exact =
    engine === "reference"
      ? []
      : ([
          [7, { epoch: 1, batch: 2 }, "in the middle of an epoch"],
          [10, { epoch: 1, batch: 5 }, "before a validation"],
        ] as const);
  it.each(exact)(
    "stopped after step %i and gone on with, gives the numbers of a run that was not",
    async (last, where) => {
      const whole = make();
      await whole.fit(train, options);

      const stop = new AbortController();
      let saved: Snapshot | null = null;
      const saver: Callback = {
        onTrainBatchEnd: (_batch, _logs, { progress }) => void (progress.step === last && stop.abort()),
        async onResumePoint(at, trainer) {
          if (at !== "stop") return;
          expect(trainer.state).toMatchObject({ ...where, step: last });
          saved = await trainer.snapshot();
        },
      };
      const { finished } = await make().fit(train, { ...options, signal: stop.signal, callbacks: [saver] });
      expect(finished).toBe(false);

      const second = make();
      manualSeed(99);
      await second.fit(train, { ...options, resume: saved });
      expect(second.history.history).toEqual(whole.history.history);
      expect(await weightsOf(second)).toEqual(await weightsOf(whole));
    },
  );
});

describe("a loss that is not finite", () => {
  beforeEach(() => void setEngine(availableEngines()[0]!));
  const sgd = (lr: number | ((step: number) => number)) => (p: Tensor[]) => new SGD(p, { lr });
  const epochsSeen = () => {
    const seen: number[] = [];
    const onResumePoint: Callback["onResumePoint"] = (at, { state }) => void (at === "epoch" && seen.push(state.epoch));
    return { seen, callbacks: [{ onResumePoint }] };
  };

  it("stops the run, names step and layer, and leaves the weights of the step before", async () => {
    const { seen, callbacks } = epochsSeen();
    const error = await make({ optimizer: sgd(1e30) })
      .fit(train, { ...options, callbacks })
      .catch((e: unknown) => e);
    expect(error).toBeInstanceOf(NonFiniteError);
    const { message, step, layer } = error as NonFiniteError;
    expect(message).toMatch(
      /^the loss became (NaN|Infinity|-Infinity) at step 2: the first layer to give .* is (hidden|out) \(Linear\(/,
    );
    expect(step).toBe(2);
    expect(layer).toMatch(/^(hidden|out) /);
    expect(seen).toEqual([]);
  });

  it("comes after the resume point of the last good epoch", async () => {
    const { seen, callbacks } = epochsSeen();
    const trainer = make({ optimizer: sgd((step) => (step < 7 ? 0.01 : 1e30)) });
    await expect(trainer.fit(train, { ...options, callbacks })).rejects.toThrow(/at step 9: the first layer/);
    expect(seen).toEqual([1]);
  });

  it("is traced to weights when they are what is not finite", async () => {
    const trainer = make();
    noGrad(() => (trainer.model as unknown as Net).hidden.weight.assign(full([16, 784], NaN)));
    await expect(trainer.fit(train, options)).rejects.toThrow(
      /loss became NaN at step 1: the weights hidden\.weight hold NaN/,
    );
  });

  it("is traced to an example of the data", async () => {
    const x = new Float32Array(8 * 784).fill(0.5);
    x[3 * 784 + 5] = NaN;
    const fit = make().fit({ data: x, shape: [8, 784] }, new Int32Array(8), { shuffle: false, verbose: 0 });
    await expect(fit).rejects.toThrow(/example 3 of the training data holds NaN/);
  });

  it("is caught with detectAnomaly at the op that made it", async () => {
    const trainer = make({ loss: (x, y) => crossEntropy(x, y).add(x.sum().mul(0).sub(1).log()) });
    const fit = trainer.fit(train, { ...options, detectAnomaly: true, sanityBatches: 0 });
    await expect(fit).rejects.toThrow(/step 1: log gives NaN \(result \[\]\), outside of the layers/);
  });
});

describe("fit", () => {
  beforeEach(() => void setEngine(availableEngines()[0]!));

  it("finds a mistake in the validation before the first step", async () => {
    const small = new ImageDataset({
      name: "small",
      images: new Uint8Array(9),
      labels: new Uint8Array(1),
      shape: [1, 3, 3],
      classes: train.classes,
    });
    const trainer = make();
    await expect(trainer.fit(train, { ...options, validationData: small })).rejects.toThrow(/9/);
    expect(trainer.progress.step).toBe(0);
  });

  it.each([
    [{ epochs: 0 }, /epochs must be a whole number ≥ 1, got 0/],
    [{ batchSize: 0.5 }, /batchSize must be a whole number ≥ 1, got 0.5/],
    [{ validationData: train, validationSplit: 0.1 }, /validationData or validationSplit, not both/],
    [{ validationData: undefined, validationSplit: 1 }, /validationSplit must be between 0 and 1, got 1/],
  ])("refuses %j", async (wrong, message) => {
    await expect(make().fit(train, { ...options, ...(wrong as object) })).rejects.toThrow(message);
  });
});
