import "../tensor.ts";
import { describe, expect, it } from "vitest";
import { manualSeed, RandomStream } from "../base/random.ts";
import { Linear } from "../nn/linear.ts";
import { Module } from "../nn/module.ts";
import { ReLU } from "../nn/activation.ts";
import { Sequential } from "../nn/sequential.ts";
import { noGrad } from "../tensor/apply.ts";
import { full } from "../tensor/create.ts";
import type { Tensor } from "../tensor.ts";
import { Diagnoses } from "./callbacks/diagnoses.ts";
import { diagnose } from "./diagnose.ts";
import { Trainer } from "./trainer.ts";

const random = new RandomStream(4);
const x = { data: random.fillNormal(new Float32Array(32 * 6)), shape: [32, 6] };
const y = Int32Array.from({ length: 32 }, (_, i) => i % 3);

/** What is said of a network after an epoch at a rate of 0. */
async function said(model: Module, epochs = 1): Promise<string[]> {
  const texts: string[] = [];
  const trainer = new Trainer(model, { loss: "crossEntropy", metrics: ["accuracy"] });
  trainer.optimizer.lr = 0;
  await trainer.fit(x, y, { epochs, verbose: 0, callbacks: [new Diagnoses((text) => texts.push(text))] });
  return texts;
}

const set = (t: Tensor | null, value: number) => noGrad(() => t!.assign(full(t!.shape, value)));

describe("a network", () => {
  it("that is sound is not spoken of", async () => {
    manualSeed(1);
    expect(await said(new Sequential(new Linear(6, 32), new ReLU(), new Linear(32, 3)))).toEqual([]);
  });

  it("that predicts one class for all", async () => {
    manualSeed(1);
    const last = new Linear(6, 3);
    set(last.weight, 0);
    const [text] = await said(new Sequential(new Linear(6, 6), last));
    expect(text).toMatch(/^one class is predicted for all: class \d for each of 32 examples, of which 1[01] are of it/);
  });

  it("whose ReLUs are dead, with the share per layer", async () => {
    manualSeed(1);
    const first = new Linear(6, 10);
    set(first.bias, -100);
    const texts = await said(new Sequential(first, new ReLU(), new Linear(10, 3)));
    expect(texts).toContainEqual(expect.stringMatching(/^dead ReLUs, 0 for every example: 1 100 % of the units/));
  });

  it("whose gradients vanish: four sigmoids with small weights", async () => {
    manualSeed(1);
    class Deep extends Module {
      layers = Array.from({ length: 7 }, (_, i) => new Linear(i === 0 ? 6 : 8, i === 6 ? 3 : 8));
      forward(input: Tensor): Tensor {
        return this.layers.reduce((h, layer, i) => (i === 6 ? layer.forward(h) : layer.forward(h).sigmoid()), input);
      }
    }
    const texts = await said(new Deep());
    expect(texts).toContainEqual(
      expect.stringMatching(/^gradients vanish .* at layers\.6\.weight, but .* at layers\.0\.weight/),
    );
  });

  it("whose gradients explode", async () => {
    manualSeed(1);
    const layers = [new Linear(6, 6), new Linear(6, 3)];
    for (const { weight } of layers) set(weight, 1e-3);
    class Loud extends Module {
      layers = layers;
      forward(input: Tensor): Tensor {
        return layers[1]!.forward(layers[0]!.forward(input.mul(1e6))).mul(1e3);
      }
    }
    expect(await said(new Loud())).toContainEqual(
      expect.stringMatching(/^gradients explode: relative to the weights .*e\+/),
    );
  });

  it("does not change by being looked at", async () => {
    manualSeed(2);
    const fit = async (callbacks: Diagnoses[]) => {
      manualSeed(2);
      const model = new Sequential(new Linear(6, 8), new ReLU(), new Linear(8, 3));
      await new Trainer(model, { loss: "crossEntropy" }).fit(x, y, { epochs: 3, verbose: 0, callbacks });
      return model.parameters()[0]!.storage.values().slice();
    };
    expect(await fit([new Diagnoses(() => {})])).toEqual(await fit([]));
  });
});

describe("curves", () => {
  const texts = (curves: Record<string, number[]>) => diagnose(curves, null, ["a", "b"]).map(({ text }) => text);

  it("that do not fall, about at guessing", () => {
    expect(texts({ loss: [0.694, 0.6935, 0.695] })[0]).toMatch(
      /^the loss is not falling: 0\.6940 in the first epoch, 0\.6950 in the last, about that of guessing among 2 classes \(0\.6931\)/,
    );
    expect(texts({ loss: [0.694, 0.5] })).toEqual([]);
  });

  it("that part", () => {
    const gap = {
      loss: [1, 0.3, 0.1],
      valLoss: [1, 0.8, 1.2],
      accuracy: [0.5, 0.9, 0.99],
      valAccuracy: [0.5, 0.7, 0.7],
    };
    expect(texts(gap)[0]).toMatch(
      /^the network learns by heart: 99\.0 % of the training examples are right, 70\.0 % of the others; the validation loss was least in epoch 2/,
    );
    expect(texts({ loss: [1, 0.5, 0.4], valLoss: [1, 0.6, 0.5] })).toEqual([]);
  });
});
