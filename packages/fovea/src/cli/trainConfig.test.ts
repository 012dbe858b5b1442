import "../tensor.ts";
import { describe, expect, it } from "vitest";
import { zeros } from "../tensor/create.ts";
import { completeConfig, makeOptimizer, optimizerNames, parseConfig, type TrainConfig } from "./trainConfig.ts";

describe("the configuration", () => {
  it("is complete without anything given", () => {
    expect(completeConfig({})).toMatchObject({
      model: "lenet5",
      data: "strokes",
      optimizer: "adam",
      lr: 0.002,
      engine: null,
    });
  });

  it("survives config.json", () => {
    const config = completeConfig({ epochs: 3, optimizer: "sgd", engine: "wasm", seed: 9 });
    const json: unknown = JSON.parse(JSON.stringify({ train: config, environment: {} }));
    expect(completeConfig({}, parseConfig(json, "config.json"))).toEqual(config);
  });

  it("survives config.json with everything set", () => {
    const more = {
      augment: "standard",
      time: 90,
      clip: 1,
      accumulate: 2,
      ema: 0.99,
      earlyStop: 3,
      workers: 2,
      weightDecay: 5e-4,
      momentum: 0,
      labelSmoothing: 0.1,
      normalize: "imagenet",
      mixup: 0.2,
      cutmix: 1,
      optimizer: "rmsprop",
    } as const;
    const config = completeConfig({ ...more, tensorboard: true, batchSize: 16 });
    const json: unknown = JSON.parse(JSON.stringify({ train: config }));
    expect(completeConfig({}, parseConfig(json, "config.json"))).toEqual(config);
    expect(config).toMatchObject({ ...more, tensorboard: true });
  });

  it("takes what is given over the file, and the file over the defaults", () => {
    const file: Partial<TrainConfig> = { epochs: 3, optimizer: "sgd", lr: 0.3 };
    expect(completeConfig({ epochs: 5 }, file)).toMatchObject({ epochs: 5, optimizer: "sgd", lr: 0.3 });
    expect(completeConfig({ optimizer: "adam" }, file).lr).toBe(0.002); // a rate for SGD is none for Adam
  });

  it("has null for what the model does not have, and refuses it where it was given", () => {
    const lenet = completeConfig({ pooling: "avg" });
    expect(lenet).toMatchObject({ activation: "relu", pooling: "avg" });
    const resnet = completeConfig({ model: "resnet20.cifar" }, lenet);
    expect(resnet).toMatchObject({ activation: null, pooling: null });
    expect(completeConfig({}, parseConfig({ train: resnet }, "config.json"))).toEqual(resnet);
    expect(() => completeConfig({ activation: "tanh" }, resnet)).toThrow(/resnet20\.cifar has no --activation.*lenet5/);
  });

  it("has a momentum only where the optimizer has", () => {
    const file: Partial<TrainConfig> = { optimizer: "sgd", momentum: 0.5 };
    expect(completeConfig({}, file).momentum).toBe(0.5);
    expect(completeConfig({ optimizer: "adam" }, file).momentum).toBeNull();
    expect(() => completeConfig({ optimizer: "lion", momentum: 0.5 })).toThrow(
      /lion has no --momentum; .*sgd, rmsprop, lars, muon/,
    );
  });

  it.each([
    [null, /no "train"/],
    [[], /no "train"/],
    [{ train: { epochs: 0 } }, /"epochs": "0" is not a whole number from 1/],
    [{ train: { epochs: [1] } }, /"epochs" must be text, a number, true or false/],
    [{ train: { optimizer: "adma" } }, /did you mean adam\?/],
    [{ train: { toString: 1 } }, /no setting "toString"/],
    [JSON.parse('{"train":{"__proto__":1}}'), /no setting "__proto__"/],
  ])("refuses %j in config.json", (json, message) => {
    expect(() => parseConfig(json, "config.json")).toThrow(message);
  });
});

describe("makeOptimizer", () => {
  it("makes every optimizer by name, with its own weight decay or another", async () => {
    for (const name of optimizerNames) {
      const own = makeOptimizer(completeConfig({ optimizer: name }), [zeros([2, 2]).requireGrad()], 10);
      expect(own.name.toLowerCase()).toBe(name);
      expect(own.lr).toBeGreaterThan(0);
    }
    const step = (weightDecay: number | null) => {
      const p = zeros([1]).add(1).detach().requireGrad();
      const optimizer = makeOptimizer(completeConfig({ optimizer: "sgd", lr: 1, weightDecay, momentum: 0 }), [p], 10);
      p.mul(0).sum().backward();
      optimizer.step();
      return p.item();
    };
    expect(await Promise.all([step(null), step(0.25)])).toEqual([1, 0.75]);
  });
});

const rates = (schedule: TrainConfig["schedule"]) => {
  const config = completeConfig({ schedule, lr: 1, optimizer: "sgd" });
  return [0, 30, 60, 99].map((step) => {
    const optimizer = makeOptimizer(config, [zeros([1]).requireGrad()], 100);
    const { tensors, scalars } = optimizer.stateDict();
    optimizer.loadStateDict({ tensors, scalars: { ...scalars, steps: [step] } });
    return optimizer.lr;
  });
};

describe("schedules", () => {
  it("constant stays", () => expect(rates("constant")).toEqual([1, 1, 1, 1]));
  it("step falls twice", () => {
    const [a, b, c, d] = rates("step"); // every ⌈100 / 3⌉ = 34 steps
    expect([a, b]).toEqual([1, 1]);
    expect(c).toBeCloseTo(0.1, 12);
    expect(d).toBeCloseTo(0.01, 12);
  });
  it("cosine falls to nearly nothing", () => {
    const [a, , , d] = rates("cosine");
    expect(a).toBe(1);
    expect(d).toBeLessThan(0.001);
  });
  it("others fall along their curves", () => {
    const close = (name: TrainConfig["schedule"], wanted: number[]) =>
      rates(name).forEach((rate, i) => expect(rate).toBeCloseTo(wanted[i]!, 12));
    close("multi-step", [1, 1, 0.1, 0.01]); // at steps 50 and 75
    close("exponential", [1, 0.01 ** 0.3, 0.01 ** 0.6, 0.01 ** 0.99]);
    close("linear", [1, 0.7, 0.4, 0.01]);
    close("polynomial", [1, 0.7 ** 0.9, 0.4 ** 0.9, 0.01 ** 0.9]);
    close("plateau", [1, 1, 1, 1]); // until a callback lowers it
    // Descents of 15, 30 and 60 steps: 30 is the middle of the second, 60 a quarter of the third, 99 at 54 of 60.
    close("cosine-restarts", [1, 0.5, (1 + Math.cos(Math.PI / 4)) / 2, (1 + Math.cos(0.9 * Math.PI)) / 2]);
    const [first, peak, , last] = rates("one-cycle"); // from 1/25 up to 1 at step 29, down to 1/25e4 at the last
    expect(first).toBeCloseTo(0.04, 12);
    expect(peak).toBeGreaterThan(0.99);
    expect(last).toBeCloseTo(4e-6, 12);
  });
  it("warmup rises first", () => {
    const [a, b, c] = rates("warmup");
    expect(a).toBeLessThan(0.5);
    expect(b).toBeGreaterThan(c!);
  });
});
