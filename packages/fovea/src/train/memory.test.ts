import "../tensor.ts";
import { beforeEach, expect, it } from "vitest";
import { manualSeed } from "../base/random.ts";
import { availableEngines, setEngine } from "../backend/engines.ts";
import { Conv2d } from "../nn/conv.ts";
import { Linear } from "../nn/linear.ts";
import { Flatten } from "../nn/shape.ts";
import { Sequential } from "../nn/sequential.ts";
import { ReLU } from "../nn/activation.ts";
import { SGD } from "../optim/index.ts";
import type { Tensor } from "../tensor.ts";
import type { TrainBatch } from "./batch.ts";
import { checkMemory, estimateMemory } from "./memory.ts";
import { makeObjective } from "./objective.ts";
import { StepRunner, type StepOptions } from "./step.ts";
import { Trainer } from "./trainer.ts";

beforeEach(() => void setEngine(availableEngines().find((name) => name !== "reference")!));

manualSeed(1);
const model = new Sequential(new Conv2d(1, 8, 3), new ReLU(), new Flatten(), new Linear(8 * 26 * 26, 10));
const optimizer = new SGD(model.parameters(), { lr: 0.1 });
const options: StepOptions = {
  model,
  objective: makeObjective({ loss: "crossEntropy" }),
  forward: (x) => model.forward(x as Tensor),
  compiled: true,
};
const batchOf = (size: number): TrainBatch => ({
  x: [{ data: new Float32Array(size * 784), shape: [size, 1, 28, 28], dtype: "float32" }],
  y: new Map([["", { data: new Int32Array(size), shape: [size], dtype: "int32" }]]),
  weight: null,
  size,
  indices: null,
});

it("the estimate from two small batches is near the plan of a large one", () => {
  const runner = new StepRunner(options);
  const real = runner.stepBytes(batchOf(64), optimizer) + 64 * 785 * 4;
  runner.dispose();
  const estimated = estimateMemory(options, batchOf(3), optimizer).bytes(64);
  expect(estimated / real).toBeGreaterThan(0.75);
  expect(estimated / real).toBeLessThan(1.35);
  expect(optimizer.steps).toBe(0);
});

it("a step that does not fit is refused before it runs, with a batch size that would fit", () => {
  const bytes = estimateMemory(options, batchOf(4), optimizer).bytes;
  const available = bytes(40) / 0.8;
  expect(() => checkMemory(options, batchOf(4), optimizer, available)).not.toThrow();
  expect(() => checkMemory(options, batchOf(64), optimizer, available)).toThrow(
    /^a training step on 64 examples would take about [\d.]+ MiB, and [\d.]+ MiB are free; a batch size of 32 would fit$/,
  );
  expect(() => checkMemory(options, batchOf(64), optimizer, 1000)).toThrow(/not even one example fits/);
});

it('batchSize "auto" is the largest power of two that fits, and leaves steps to take', async () => {
  const trainer = new Trainer(model, { optimizer, loss: "crossEntropy" });
  const x = { data: new Float32Array(200 * 784), shape: [200, 1, 28, 28] };
  const y = new Int32Array(200);
  const { bytes } = estimateMemory(options, batchOf(4), optimizer);
  expect(await trainer.fittingBatchSize(x, y, bytes(17) / 0.8)).toBe(16);
  expect(await trainer.fittingBatchSize(x, y, 1e12)).toBe(32);
  await trainer.fit(x, y, { batchSize: "auto", verbose: 0 });
  expect(trainer.progress.step).toBe(7);
});
