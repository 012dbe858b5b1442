import "../tensor.ts";
import { describe, expect, it } from "vitest";
import { manualSeed, RandomStream } from "../base/random.ts";
import { create, type GoogLeNet } from "../models/index.ts";
import { CrossEntropyLoss } from "../nn/losses.ts";
import { Linear } from "../nn/linear.ts";
import { Module } from "../nn/module.ts";
import { Identity } from "../nn/shape.ts";
import { crossEntropy } from "../ops/losses.ts";
import { softmax } from "../ops/softmax.ts";
import { clippedByNorm, clippedByValue, clipGradNorm, SGD } from "../optim/index.ts";
import { tensor } from "../tensor/create.ts";
import type { Tensor } from "../tensor.ts";
import { TopK, toMetric } from "./metrics/index.ts";
import { named } from "./objective.ts";
import type { Snapshot } from "./snapshot.ts";
import { Trainer, type FitOptions, type TrainerOptions } from "./trainer.ts";

const random = new RandomStream(5);
const data = Float32Array.from({ length: 60 }, () => random.normal());
const x = { data, shape: [20, 3] };
const y = Int32Array.from({ length: 20 }, (_, i) => i % 4);

const make = (more: Partial<TrainerOptions> = {}) => {
  manualSeed(2);
  return new Trainer(new Linear(3, 4), { optimizer: (p) => new SGD(p, { lr: 0.5 }), loss: "crossEntropy", ...more });
};
const weights = (trainer: Trainer) => [...trainer.model.parameters()[0]!.storage.values()];
const fit = async (trainer: Trainer, options: FitOptions = {}) => {
  await trainer.fit(x, y, { batchSize: 20, verbose: 0, shuffle: false, ...options });
  return weights(trainer);
};

describe("clipping", () => {
  it("by norm keeps the direction: [3, 4] with limit 1 becomes [0.6, 0.8]", async () => {
    const [g] = clippedByNorm([tensor([3, 4])], 1);
    expect([...(await g!.data())]).toEqual([Math.fround(0.6), Math.fround(0.8)]);
    const [small] = clippedByNorm([tensor([0.3, 0.4])], 1);
    expect([...(await small!.data())]).toEqual([Math.fround(0.3), Math.fround(0.4)]);
  });

  it("by value cuts elements", async () => {
    const [g] = clippedByValue([tensor([3, -4, 0.5])], 1);
    expect([...(await g!.data())]).toEqual([1, -1, 0.5]);
  });

  it("clipGradNorm changes gradients in a loop of one's own, and tells their norm", async () => {
    const w = tensor([1, 1]).requireGrad();
    w.mul(tensor([3, 4]))
      .sum()
      .backward();
    expect(await clipGradNorm([w], 1).item()).toBe(5);
    expect([...(await w.grad!.data())]).toEqual([Math.fround(0.6), Math.fround(0.8)]);
  });

  it.each([{ clipNorm: 0.01 }, { clipValue: 0.001 }])("%j bounds a compiled step as an eager one", async (clip) => {
    const before = weights(make());
    const [compiled, eager] = [await fit(make(clip)), await fit(make({ ...clip, compiled: false }))];
    expect(compiled).toEqual(eager);
    const moved = compiled.map((w, i) => w - before[i]!);
    const length = Math.hypot(...moved) / 0.5; // the rate
    if ("clipNorm" in clip) expect(length).toBeLessThanOrEqual(0.0100001);
    else expect(Math.max(...moved.map(Math.abs)) / 0.5).toBeLessThanOrEqual(0.0010001);
  });
});

describe("accumulation", () => {
  it.each([true, false])("k batches of n are one of k · n (compiled: %s)", async (compiled) => {
    const whole = await fit(make(), { epochs: 3 });
    const trainer = make({ accumulate: 5, compiled });
    const parts = await fit(trainer, { epochs: 3, batchSize: 4 });
    parts.forEach((w, i) => expect(Math.abs(w - whole[i]!)).toBeLessThan(1e-5));
    expect(trainer.progress.step).toBe(3);
  });

  it("counts batches by their examples: 8 + 8 + 4 are 20", async () => {
    const whole = await fit(make(), { epochs: 2 });
    const parts = await fit(make({ accumulate: 3 }), { epochs: 2, batchSize: 8 });
    parts.forEach((w, i) => expect(Math.abs(w - whole[i]!)).toBeLessThan(1e-5));
  });
});

describe("weights of examples", () => {
  it("a weight of 2 is the example twice, as in Keras: Σ w · loss / N", async () => {
    const once = await make().evaluate(x, y, { batchSize: 20 });
    const doubled = await make().evaluate(x, y, { batchSize: 20, sampleWeight: new Float32Array(20).fill(2) });
    expect(doubled["loss"]).toBeCloseTo(2 * once["loss"]!, 6);
  });

  it("class weights are the weights of their examples", async () => {
    const byClass = await fit(make(), { classWeight: { 1: 3, 2: 0 } });
    const byExample = await fit(make(), { sampleWeight: Float32Array.from(y, (c) => [1, 3, 0, 1][c]!) });
    expect(byClass).toEqual(byExample);
    expect(byClass).not.toEqual(await fit(make()));
  });

  it("need a loss per example", async () => {
    const trainer = make({ loss: (logits, labels) => crossEntropy(logits, labels) });
    await expect(fit(trainer, { classWeight: [1, 2] })).rejects.toThrow(/a loss per example, and this loss gives \[\]/);
  });
});

describe("losses", () => {
  it("by name, by module and by function are the same", async () => {
    const named = await fit(make());
    expect(await fit(make({ loss: new CrossEntropyLoss() }))).toEqual(named);
    expect(await fit(make({ loss: (a, b, o) => crossEntropy(a, b, o) }))).toEqual(named);
    expect(await fit(make({ loss: new CrossEntropyLoss({ labelSmoothing: 0.1 }) }))).not.toEqual(named);
  });

  it("Keras' names take probabilities", async () => {
    const logits = make();
    const withSoftmax = new (class extends Module {
      inner = logits.model as unknown as Linear;
      forward(input: Tensor): Tensor {
        return softmax(this.inner.forward(input), 1);
      }
    })();
    const keras = new Trainer(withSoftmax, { loss: "sparse_categorical_crossentropy" });
    const { loss } = await keras.evaluate(x, y);
    expect(loss).toBeCloseTo((await logits.evaluate(x, y))["loss"]!, 5);
  });

  it("take probabilities as targets, for mixed examples", async () => {
    const oneHot = Float32Array.from({ length: 80 }, (_, i) => (y[Math.floor(i / 4)] === i % 4 ? 1 : 0));
    const metrics = ["accuracy"] as const;
    const soft = await make({ metrics }).evaluate(x, { data: oneHot, shape: [20, 4] });
    const hard = await make({ metrics }).evaluate(x, y);
    expect(soft["loss"]).toBeCloseTo(hard["loss"]!, 6);
    expect(soft["accuracy"]).toBe(hard["accuracy"]);
  });

  it("of yes-or-no answers say what yes is: a probability of ½, or a logit of 0", async () => {
    const answers = { data: Float32Array.of(-1, 0.2, 0.4, 3), shape: [4, 1] };
    const targets = Float32Array.of(0, 1, 1, 1);
    const as = (loss: "bceWithLogitsLoss" | "mse") =>
      new Trainer(new Identity(), { loss, metrics: ["accuracy"] }).evaluate(answers, { data: targets, shape: [4, 1] });
    expect((await as("bceWithLogitsLoss"))["accuracy"]).toBe(1);
    expect((await as("mse"))["accuracy"]).toBe(0.5);
  });

  it("that are misspelt are named with the nearest", () => {
    expect(() => make({ loss: "crossEntrpy" as never })).toThrow(/no loss "crossEntrpy"; did you mean crossEntropy\?/);
  });
});

it("optimizers go by name, too", async () => {
  expect(await fit(make({ optimizer: "adamw" }))).not.toEqual(await fit(make({ optimizer: "sgd" })));
  await expect(fit(make({ optimizer: "adma" as never }))).rejects.toThrow(/no optimizer "adma"; did you mean adam/);
});

it("layers that a callback freezes stay as they are from then on", async () => {
  const seen: number[][] = [];
  const trainer = make();
  const callbacks = [
    { onEpochEnd: (epoch: number) => (epoch === 1 && trainer.model.parameters()[0]!.requireGrad(false), void seen.push(weights(trainer))) }, // prettier-ignore
  ];
  await fit(trainer, { epochs: 4, callbacks });
  expect(seen[1]).not.toEqual(seen[0]);
  expect(seen[3]).toEqual(seen[1]);
});

/** Two outputs by name. */
class TwoHeads extends Module<[x: Tensor], { main: Tensor; extra: Tensor }> {
  main = new Linear(3, 4);
  extra = new Linear(3, 4);
  forward(input: Tensor): { main: Tensor; extra: Tensor } {
    return { main: this.main.forward(input), extra: this.extra.forward(input) };
  }
}

describe("several outputs", () => {
  it("the total is Σ weight · loss, and each is told", async () => {
    manualSeed(3);
    const trainer = new Trainer(new TwoHeads(), {
      loss: { main: "crossEntropy", extra: "mse" },
      lossWeights: { extra: 0.3 },
      metrics: { main: ["accuracy"] },
    });
    const targets = { main: y, extra: { data: new Float32Array(80), shape: [20, 4] } };
    const { history } = await trainer.fit(x, targets, { batchSize: 20, verbose: 0 });
    expect(Object.keys(history)).toEqual(["loss", "mainLoss", "extraLoss", "mainAccuracy", "lr"]);
    expect(history["loss"]![0]).toBeCloseTo(history["mainLoss"]![0]! + 0.3 * history["extraLoss"]![0]!, 5);
  });

  it("GoogLeNet trains as published: L + 0.3 (L1 + L2), and is validated on its main output", async () => {
    manualSeed(4);
    const model = create("googlenet.torchvision", { numClasses: 3, auxHeads: true }) as unknown as GoogLeNet;
    const trainer = new Trainer(model, {
      loss: "crossEntropy",
      lossWeights: { aux1: 0.3, aux2: 0.3 },
      forward: (images) => ({ ...model.forwardWithAux(images!) }),
      compiled: false,
    });
    const images = { data: new Float32Array(2 * 3 * 64 * 64).fill(0.1), shape: [2, 3, 64, 64] };
    const scores = await trainer.trainOnBatch(images, Int32Array.of(0, 2));
    const { loss, logitsLoss, aux1Loss, aux2Loss } = scores as Record<string, number>;
    expect(loss).toBeCloseTo(logitsLoss! + 0.3 * (aux1Loss! + aux2Loss!), 4);
    expect(Object.keys(await trainer.testOnBatch(images, Int32Array.of(0, 2)))).toEqual(["loss"]);
  });
});

describe("metrics on the host", () => {
  it("are those of their class, in training and in validation, and in the middle of a resumed epoch", async () => {
    const labels = Int32Array.from(y, (c) => c % 2);
    const run = async (options: FitOptions) => {
      manualSeed(2);
      const trainer = new Trainer(new Linear(3, 2), { loss: "crossEntropy", metrics: ["rocAuc", new TopK(1)] });
      await trainer.fit(x, labels, { batchSize: 4, epochs: 2, verbose: 0, validationSplit: 0.4, ...options });
      return trainer;
    };
    const snapshots: Snapshot[] = [];
    const save = async (_at: string, trainer: Trainer) => void snapshots.push(await trainer.snapshot());
    const whole = await run({ callbacks: [{ onResumePoint: save }] });
    const { history } = whole.history;
    expect(Object.keys(history)).toEqual(["loss", "rocAuc", "top1", "lr", "valLoss", "valRocAuc", "valTop1"]);
    const last = { data: data.subarray(36), shape: [8, 3] };
    const scores = (await whole.predict(last)) as Tensor;
    const top = new TopK(1);
    top.update({ data: await scores.data(), shape: scores.shape }, { data: labels.subarray(12), shape: [8] });
    expect(history["valTop1"]!.at(-1)).toBe(top.compute());
    expect((await run({ resume: snapshots[1]! })).history.history).toEqual(history);
  });

  it.each(["accuracy", "top3", "top5", "precision", "recall", "f1", "ece"] as const)(
    "%s goes by its name",
    async (name) => {
      manualSeed(3);
      const trainer = new Trainer(new Linear(3, 6), { loss: "crossEntropy", metrics: [name] });
      const scores = (await trainer.predict(x)) as Tensor;
      const metric = toMetric(name);
      metric.update({ data: await scores.data(), shape: scores.shape }, { data: y, shape: [20] });
      expect((await trainer.evaluate(x, y, { batchSize: 7 }))[metric.name]).toBeCloseTo(metric.compute(), 6);
      const { history } = await trainer.fit(x, y, { validationData: [x, y], batchSize: 7, verbose: 0 });
      expect(Object.keys(history)).toEqual(expect.arrayContaining([name, named("val", name)]));
      expect((await trainer.trainOnBatch(x, y))[name]).toBeGreaterThanOrEqual(0);
    },
  );

  it("whose name nobody knows are refused with the one that may be meant", () => {
    const wrong = () => new Trainer(new Linear(3, 6), { loss: "crossEntropy", metrics: ["f2" as "f1"] });
    expect(wrong).toThrow(/there is no metric "f2"; did you mean "f1"\? Metrics are accuracy, top3, top5/);
  });
});

describe("data", () => {
  it("validationSplit takes the last part before anything is shuffled", async () => {
    const last = { data: data.subarray(45), shape: [5, 3] };
    const split = make();
    await split.fit(x, y, { validationSplit: 0.25, verbose: 0, batchSize: 5 });
    const { loss } = await split.evaluate(last, y.subarray(15), { batchSize: 5 });
    expect(split.history.history["valLoss"]).toEqual([loss]);
  });

  it("comes as batches: lists, generators, with as many steps as one likes", async () => {
    const batch = (i: number) => [{ data: data.subarray(12 * i, 12 * i + 12), shape: [4, 3] }, y.subarray(4 * i, 4 * i + 4)] as const; // prettier-ignore
    const list = Array.from({ length: 5 }, (_, i) => batch(i));
    const wanted = await fit(make(), { batchSize: 4, epochs: 2 });
    const fromList = make();
    await fromList.fit(list, { epochs: 2, verbose: 0 });
    expect(weights(fromList)).toEqual(wanted);
    const endless = function* () {
      for (let i = 0; ; i++) yield list[i % 5]!;
    };
    const fromGenerator = make();
    await fromGenerator.fit(endless(), { stepsPerEpoch: 5, epochs: 2, verbose: 0 });
    expect(weights(fromGenerator)).toEqual(wanted);
    // Epochs of another length go on where the one before stopped.
    const other = make();
    await other.fit(x, y, { batchSize: 4, shuffle: false, stepsPerEpoch: 2, epochs: 5, verbose: 0 });
    expect(weights(other)).toEqual(wanted);
  });

  it("of one shape only is enough for overfitBatches and limits", async () => {
    const trainer = make();
    const { history } = await trainer.fit(x, y, { batchSize: 4, overfitBatches: 1, epochs: 40, verbose: 0 });
    expect(history["valLoss"]!.at(-1)).toBeLessThan(history["valLoss"]![0]! / 3);
    const limited = make();
    await limited.fit(x, y, { batchSize: 4, limitTrainBatches: 0.4, verbose: 0 });
    expect(limited.progress.step).toBe(2);
  });

  it.each([
    [
      () => make().fit({ data, shape: [10, 6] }, y),
      /x has 10 examples, but y is \[20\]; the first axis counts examples/,
    ],
    [() => make().fit({ data, shape: [7, 3] }, y), /60 values do not fill shape \[7, 3\]/],
    [() => make().fit(3 as never, {}), /data are arrays, a dataset, a loader/],
    [() => make().fit([] as never, { verbose: 0 }), /the data gave no batch/],
  ])("that does not fit is refused (%#)", async (wrong, message) => {
    await expect((async () => wrong())()).rejects.toThrow(message);
  });

  it("predict gives the outputs in order", async () => {
    const trainer = make();
    const all = (await trainer.predict(x, { batchSize: 7 })) as Tensor;
    expect(all.shape).toEqual([20, 4]);
    const model = trainer.model as unknown as Linear;
    expect(await all.data()).toEqual(await model.forward(tensor(data, { shape: [20, 3] })).data());
  });
});
