import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { init, manualSeed, nn, optim, tensor, type Tensor } from "../index.ts";
import { defaultStream } from "../base/random.ts";
import { lrFind, type LrFindOptions } from "./lrFind.ts";
import { makeSmoother, suggestRates } from "./lrSuggestions.ts";

await init();

/** Written by test/fixtures/lrFind.py. */
const { searches } = JSON.parse(readFileSync(new URL("../../test/fixtures/lrFind.json", import.meta.url), "utf8")) as {
  searches: { lrs: number[]; losses: number[]; suggestions: Record<string, number> }[];
};

it.each(searches.map((search, i) => [i, search] as const))("suggestions are fastai's, search %i", (_, search) => {
  const points = search.lrs.map((lr, i) => ({ lr, loss: search.losses[i]! }));
  const found = suggestRates(points, 100);
  for (const [rule, lr] of Object.entries(found)) expect(lr / search.suggestions[rule]!, rule).toBeCloseTo(1, 12);
  expect(Object.keys(found)).toEqual(Object.keys(search.suggestions));
});

it("the smoothed loss starts at the loss and follows it slowly", () => {
  const smooth = makeSmoother();
  expect(smooth(2)).toBeCloseTo(2, 12);
  expect(smooth(4)).toBeCloseTo((0.98 * 0.02 * 2 + 0.02 * 4) / (1 - 0.98 ** 2), 12); // by hand: 3.0101…
});

/** Two clouds that a line separates. */
function clouds(): [x: Tensor, y: Tensor] {
  const labels = Int32Array.from({ length: 64 }, (_, i) => i % 2);
  const x = Float32Array.from({ length: 64 * 4 }, (_, i) => Math.sin(i * 12.9898) + (labels[i >> 2]! ? 0.8 : -0.8));
  return [tensor(x, { shape: [64, 4] }), tensor(labels)];
}

function network() {
  manualSeed(3);
  return new nn.Sequential(
    new nn.Linear(4, 16),
    new nn.BatchNorm1d(16),
    new nn.ReLU(),
    new nn.Dropout(0.2),
    new nn.Linear(16, 2),
  );
}

const [x, y] = clouds();
const search = (model: nn.Module, options: LrFindOptions = {}) => lrFind(model, x, { y, batchSize: 16, ...options });

describe("lrFind", () => {
  it("goes from rate to rate and suggests some between that train", async () => {
    const optimizer = (p: Tensor[]) => new optim.SGD(p, { lr: 1, momentum: 0.9 });
    const { points, suggestions } = await search(network(), { optimizer, endLr: 100 });
    expect(points[0]!.lr).toBe(1e-7);
    expect(points[50]!.lr).toBeCloseTo(Math.sqrt(1e-7 * 100), 12); // half of the way is the geometric mean
    for (const lr of Object.values(suggestions)) {
      expect(lr).toBeGreaterThan(1e-7);
      expect(lr).toBeLessThan(100);
    }
  });

  it("stops when the loss is four times its least", async () => {
    const optimizer = (p: Tensor[]) => new optim.SGD(p, { lr: 1 });
    const { points, diverged } = await search(network(), { optimizer, startLr: 1e-4, endLr: 1e6 });
    const least = Math.min(...points.map(({ loss }) => loss));
    expect(diverged).toBe(true);
    expect(points.length).toBeLessThan(100);
    expect(points.at(-1)!.loss).toBeGreaterThan(4 * least);
    expect(points.at(-2)!.loss).toBeLessThanOrEqual(4 * least);
  });

  it("leaves weights, statistics, optimizer, schedule, modes and random numbers bit for bit as they were", async () => {
    const model = network();
    const schedule = optim.step(0.01, { every: 5 });
    const optimizer = new optim.Adam(model.parameters(), { lr: schedule });
    optimizer.minimize(model.forward(x).sum()); // moments that are not zero
    model.eval();
    model.namedModules().get("3")!.train();
    const state = () =>
      [...model.stateDict(), ...optimizer.stateDict().tensors].map(([name, t]) => [
        name,
        Array.from(t.storage.values()),
      ]);
    const before = state();
    const { scalars } = optimizer.stateDict();
    const random = JSON.stringify(defaultStream().state);
    await search(model, { optimizer, iterations: 20 });
    expect(state()).toEqual(before);
    expect(optimizer.stateDict().scalars).toEqual(scalars);
    expect(optimizer.rates).toEqual([schedule]);
    expect(JSON.stringify(defaultStream().state)).toBe(random);
    expect([...model.namedModules().values()].map(({ training }) => training)).toEqual([
      false,
      false,
      false,
      false,
      true,
      false,
    ]);
  });

  it("restores after an error too", async () => {
    const model = network();
    const before = Array.from(model.parameters()[0]!.storage.values());
    const controller = new AbortController();
    const onProgress = (done: number) => void (done === 5 && controller.abort(new Error("enough")));
    await expect(search(model, { signal: controller.signal, onProgress })).rejects.toThrow("enough");
    expect(Array.from(model.parameters()[0]!.storage.values())).toEqual(before);
  });

  it("refuses what makes no sense, and says when it diverged too soon", async () => {
    await expect(search(network(), { startLr: 1, endLr: 0.1 })).rejects.toThrow(/0 < startLr < endLr, got 1 and 0.1/);
    await expect(search(network(), { iterations: 3 })).rejects.toThrow(/whole number ≥ 20, got 3/);
    const steep = (p: Tensor[]) => new optim.SGD(p, { lr: 1 });
    await expect(search(network(), { optimizer: steep, startLr: 1e5, endLr: 1e30 })).rejects.toThrow(/smaller startLr/);
  });
});
