import "../tensor.ts";
import { beforeEach, describe, expect, it } from "vitest";
import { manualSeed } from "../base/random.ts";
import { availableEngines, setEngine } from "../backend/engines.ts";
import { ImageDataset } from "../data/dataset.ts";
import { strokes } from "../data/datasets/strokes.ts";
import { Dropout } from "../nn/dropout.ts";
import { Linear } from "../nn/linear.ts";
import { Module } from "../nn/module.ts";
import { Adam, cosine, SGD, type Optimizer } from "../optim/index.ts";
import { noGrad } from "../tensor/apply.ts";
import { full } from "../tensor/create.ts";
import type { Tensor } from "../tensor.ts";
import { evaluate } from "./evaluate.ts";
import { fit, type FitOptions } from "./fit.ts";
import type { FitState } from "./fitState.ts";
import { epochsOf } from "./history.ts";
import { NonFiniteError } from "./nonFinite.ts";
import { decodeTensors, encodeTensors } from "./weights.ts";

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
const validation = strokes({ count: 40, split: "test" });

interface Setup {
  model: Net;
  optimizer: Optimizer;
}

function setUp(
  make = (model: Net): Optimizer => new Adam(model.parameters(), { lr: cosine(0.01, { steps: 15 }) }),
): Setup {
  manualSeed(7);
  const model = new Net();
  return { model, optimizer: make(model) };
}

const common = { trainData: train, validationData: validation, epochs: 3, batchSize: 32, seed: 5 };
const run = (setup: Setup, more: Partial<FitOptions> = {}) => fit({ ...common, ...setup, ...more });

describe.each(availableEngines().map((name) => [name] as const))("fit on %s", (engine) => {
  beforeEach(() => void setEngine(engine));

  it("learns, and says how in the history", async () => {
    const { finished, state } = await run(setUp());
    expect(finished).toBe(true);
    const epochs = epochsOf(state.history);
    expect(epochs.map(({ epoch, step }) => [epoch, step])).toEqual([
      [1, 5],
      [2, 10],
      [3, 15],
    ]);
    expect(epochs[2]!.trainLoss).toBeLessThan(epochs[0]!.trainLoss * 0.9);
    expect(state.images).toBe(450);
  });

  it("gives the same numbers compiled and eager", async () => {
    const compiled = setUp();
    const a = await run(compiled);
    const eager = setUp(); // seeds anew
    const b = await run(eager, { compiled: false });
    expect(a.state.history).toEqual(b.state.history);
    expect(await encodeTensors(compiled.model.stateDict())).toEqual(await encodeTensors(eager.model.stateDict()));
  });

  // The reference engine computes in float64, and files hold float32: there a resumed run agrees to that precision.
  const exact =
    engine === "reference"
      ? []
      : ([
          [7, { epoch: 2, batch: 2 }, "in the middle of an epoch"],
          [10, { epoch: 2, batch: 5 }, "before a validation"],
        ] as const);
  it.each(exact)(
    "stopped after step %i and gone on with, gives the numbers of a run that was not",
    async (last, where) => {
      const whole = setUp();
      const { state: wanted } = await run(whole);

      const first = setUp();
      const stop = new AbortController();
      let saved = "";
      const stopped = await run(first, {
        signal: stop.signal,
        onStep: ({ step }) => step === last && stop.abort(),
        save: (state) => void (saved = JSON.stringify(state)),
      });
      expect(stopped.finished).toBe(false);
      expect(stopped.state).toMatchObject({ ...where, step: last });

      const second = setUp();
      const { tensors, scalars } = first.optimizer.stateDict();
      second.model.loadStateDict(decodeTensors(await encodeTensors(first.model.stateDict()), "weights").tensors);
      const stored = decodeTensors(await encodeTensors(tensors), "optimizer").tensors;
      second.optimizer.loadStateDict({ tensors: stored, scalars: JSON.parse(JSON.stringify(scalars)) });
      manualSeed(99);
      const resumed = await run(second, { from: JSON.parse(saved) as FitState });

      expect(resumed.state.history).toEqual(wanted.history);
      expect(await encodeTensors(second.model.stateDict())).toEqual(await encodeTensors(whole.model.stateDict()));
    },
  );
});

describe("fit", () => {
  beforeEach(() => void setEngine(availableEngines()[0]!));

  it("stops at a loss that is not finite, names step and layer, and leaves the weights of the step before", async () => {
    const setup = setUp((model) => new SGD(model.parameters(), { lr: 1e30 }));
    const saved: FitState[] = [];
    const error = await run(setup, { save: (state) => void saved.push(state) }).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(NonFiniteError);
    const { message, step, layer } = error as NonFiniteError;
    expect(message).toMatch(
      /^the loss became (NaN|Infinity|-Infinity) at step 2: the first layer to give .* is (hidden|out) \(Linear\(/,
    );
    expect(step).toBe(2);
    expect(layer).toMatch(/^(hidden|out) /);
    expect(saved).toEqual([]);
  });

  it("keeps the checkpoint of the last good epoch", async () => {
    const setup = setUp((model) => new SGD(model.parameters(), { lr: (step) => (step < 7 ? 0.01 : 1e30) }));
    const saved: FitState[] = [];
    await expect(run(setup, { save: (state) => void saved.push(state) })).rejects.toThrow(/at step 9: the first layer/);
    expect(saved.map(({ epoch, step }) => [epoch, step])).toEqual([[2, 5]]);
  });

  it("names the weights when they are what is not finite", async () => {
    const setup = setUp();
    noGrad(() => setup.model.hidden.weight.assign(full([16, 784], NaN)));
    await expect(run(setup)).rejects.toThrow(/loss became NaN at step 1: the weights hidden\.weight hold NaN/);
  });

  it("does not save weights that are not finite", async () => {
    const setup = setUp();
    const last = (options: { step: number }) => {
      if (options.step === 5) noGrad(() => setup.model.out.bias!.assign(full([10], Infinity)));
    };
    let saves = 0;
    const error = run(setup, { onStep: last, save: () => void saves++ });
    await expect(error).rejects.toThrow(/the weights out\.bias hold Infinity after step 5/);
    expect(saves).toBe(0);
  });

  it("finds a mistake in the validation before the first step", async () => {
    const wrong = new ImageDataset({
      name: "small",
      images: new Uint8Array(9),
      labels: new Uint8Array(1),
      shape: [1, 3, 3],
      classes: train.classes,
    });
    let steps = 0;
    await expect(run(setUp(), { validationData: wrong, onStep: () => void steps++ })).rejects.toThrow(/9/);
    expect(steps).toBe(0);
  });

  it("refuses a number of epochs that is none", async () => {
    await expect(run(setUp(), { epochs: 0 })).rejects.toThrow(/epochs must be a whole number ≥ 1, got 0/);
  });
});

it("evaluate counts, and keeps the worst mistakes in order", async () => {
  const { model } = setUp();
  const result = await evaluate(model, validation, { batchSize: 7, worst: 5 });
  expect(result.images).toBe(40);
  expect(result.confusion.total).toBe(40);
  expect(result.accuracy).toBe(result.confusion.accuracy);
  expect(result.mistakes).toHaveLength(5);
  const confidences = result.mistakes.map((m) => m.confidence);
  expect(confidences).toEqual(confidences.toSorted((a, b) => b - a));
  for (const { label, predicted, index } of result.mistakes) {
    expect(predicted).not.toBe(label);
    expect(label).toBe(validation.labels[index]);
  }
});
