import "../tensor.ts";
import { describe, expect, it } from "vitest";
import { zeros } from "../tensor/create.ts";
import { completeConfig, makeOptimizer, parseConfig, type TrainConfig } from "./trainConfig.ts";

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
  it("warmup rises first", () => {
    const [a, b, c] = rates("warmup");
    expect(a).toBeLessThan(0.5);
    expect(b).toBeGreaterThan(c!);
  });
});
