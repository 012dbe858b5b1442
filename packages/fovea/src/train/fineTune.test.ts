import { describe, expect, it } from "vitest";
import { init, manualSeed, models, nn } from "../index.ts";
import { DataLoader } from "../data/loader.ts";
import type { Dataset, Sample } from "../data/sample.ts";
import { LinearSVC } from "../classic/linearSvc.ts";
import { deepFeatures, nearestNeighbourAccuracy } from "./deepFeatures.ts";
import { fineTune, planFineTuning, type TuningPhase } from "./fineTune.ts";
import { chooseStrategy } from "./strategy.ts";

await init();

/** Red and blue pictures of 32 × 32 with some noise: what any network can tell apart. */
function colours(count: number): Dataset {
  const labels = Int32Array.from({ length: count }, (_, i) => i % 2);
  const sample = (index: number): Sample => {
    const pixels = new Uint8Array(32 * 32 * 3);
    for (let i = 0; i < pixels.length; i++) {
      const bright = i % 3 === (labels[index] === 0 ? 0 : 2);
      pixels[i] = (bright ? 170 : 60) + (((i * 2654435761 + index * 40503) >>> 7) % 60);
    }
    return { image: { width: 32, height: 32, channels: 3, pixels }, label: labels[index]! };
  };
  return { name: "colours", length: count, classes: ["red", "blue"], labels, sample };
}

const loader = (count: number, shuffle: boolean) => new DataLoader(colours(count), { batchSize: 8, shuffle });

function network() {
  manualSeed(4);
  return models.create("resnet20.cifar");
}

async function bits(model: nn.Module, pick: (name: string) => boolean) {
  const found = new Map<string, number[]>();
  for (const [name, t] of model.stateDict()) if (pick(name)) found.set(name, Array.from(await t.data()));
  return found;
}

describe("fineTune", () => {
  it("trains the head, then everything, and keeps frozen batch norms bit for bit", async () => {
    const model = network();
    const isNorm = (name: string) => /bn|downsample\.1|running|num_batches/.test(name);
    const norms = await bits(model, isNorm);
    const rest = await bits(model, (name) => !isNorm(name));
    expect(norms.size).toBeGreaterThan(50);
    let plan: readonly TuningPhase[] = [];
    const result = await fineTune(model, loader(16, true), {
      strategy: "full",
      headEpochs: 1,
      epochs: 1,
      validationData: loader(8, false),
      onPlan: (phases) => void (plan = phases),
    });
    expect(plan.map(({ name }) => name)).toEqual(["head", "full"]);
    expect(result.finished).toBe(true);
    expect(result.history["valLoss"]).toHaveLength(2);
    expect(result.best!["valLoss"]).toBe(Math.min(...result.history["valLoss"]!));
    for (const [name, before] of norms)
      expect(Array.from(await model.stateDict().get(name)!.data()), name).toEqual(before);
    const after = await bits(model, (name) => !isNorm(name));
    const changed = [...rest].filter(
      ([name, before]) => after.get(name)!.length !== before.length || after.get(name)!.some((v, i) => v !== before[i]),
    );
    expect(changed.length).toBeGreaterThan(1); // the new head, and with the last epoch the best also the rest
  });

  it("tells before anything runs what will learn, by stage and phase", () => {
    const model = network();
    const [head, partial] = planFineTuning(model, { strategy: "partial", numClasses: 5, decay: 0.5 });
    // 64 features · 5 classes + 5
    expect(head!.counts.trainable).toBe(325);
    expect(head!.stages.map(({ trainable }) => trainable > 0)).toEqual([false, false, false, true]);
    expect(partial!.stages.map(({ trainable }) => trainable > 0)).toEqual([false, false, true, true]);
    expect(partial!.stages.map(({ lrScale }) => lrScale)).toEqual([0.125, 0.25, 0.5, 1]);
    expect(head!.counts.total).toBe(head!.stages.reduce((sum, { parameters }) => sum + parameters, 0));
    const train = planFineTuning(model, { strategy: "full", numClasses: 5, batchNorm: "train" })[1]!;
    expect(train.counts.frozen).toBe(0);
  });

  it("stops by the signal and says so", async () => {
    const controller = new AbortController();
    const callbacks = [{ onEpochEnd: () => controller.abort() }];
    const result = await fineTune(network(), loader(16, true), { headEpochs: 3, signal: controller.signal, callbacks });
    expect(result.finished).toBe(false);
    expect(result.best).toBe(null);
    expect(result.history["loss"]).toHaveLength(1);
  });

  it("refuses what it does not know", () => {
    expect(() => planFineTuning(network(), { strategy: "svm" as "head" })).toThrow(/head, partial or full, got svm/);
    expect(() => planFineTuning(network(), { headEpochs: 0 })).toThrow(/nothing would be trained/);
    expect(() => planFineTuning(network(), { batchNorm: "off" as "train" })).toThrow(/frozen or train, got off/);
  });
});

it("deep features tell apart what a network was never trained on, and leave it as it is", async () => {
  const model = network().train();
  const before = await bits(model, () => true);
  const known = await deepFeatures(model, loader(16, false));
  expect([known.features.rows, known.features.columns]).toEqual([16, 64]);
  expect(nearestNeighbourAccuracy(known)).toBe(1);
  const fresh = await deepFeatures(model, loader(8, false));
  const svm = new LinearSVC().fit(known.features, known.labels);
  expect(Array.from(svm.predict(fresh.features))).toEqual(Array.from(fresh.labels));
  expect(await bits(model, () => true)).toEqual(before);
  expect(model.training).toBe(true);
});

it.each([
  [1000, "similar", "partial"],
  [1000, "different", "full"],
  [100, "similar", "head"],
  [100, "different", "partial"],
  [5, "similar", "svm"],
] as const)("%i pictures a class, %s: %s", (imagesPerClass, similarity, strategy) => {
  const advice = chooseStrategy({ imagesPerClass, similarity });
  expect(advice.strategy).toBe(strategy);
  expect(advice.why).toContain(String(imagesPerClass));
});
