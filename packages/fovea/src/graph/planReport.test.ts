import { expect, it } from "vitest";
import { compile, nn, rand, type Tensor } from "../index.ts";
import { lenet5 } from "../models/index.ts";
import { SGD } from "../optim/index.ts";
import { BATCH_NORM_FOLDED, nearlyEqual } from "../testing/compiled.ts";
import { describeEngines } from "../testing/engines.ts";

describeEngines("explainPlan", () => {
  it("lists the ops of the latest call with their work, as data and as text", () => {
    const model = lenet5();
    const predict = model.compile();
    expect(() => predict.explainPlan()).toThrow(/nothing is recorded/);
    predict(rand([2, 1, 28, 28]));
    const report = predict.explainPlan();
    // 28² · 6 · 25 + 10² · 16 · 150 + 400 · 120 + 120 · 84 + 84 · 10 per image
    expect(report.macs).toBe(2 * 416_520);
    expect(report.ms).toBeNull();
    const { rows } = JSON.parse(JSON.stringify(report)) as { rows: { shape: number[]; bytesWritten: number }[] };
    expect(rows.at(-1)!.shape).toEqual([2, 10]);
    expect(rows.at(-1)!.bytesWritten).toBe(80);
    expect(String(report)).toMatch(/\[2, 10\][^]*memory plan .* MiB/);
  });

  it("times ops one by one, and leaves results and memory as they were", () => {
    const predict = lenet5().compile();
    const x = rand([3, 1, 28, 28]);
    const before = Array.from(predict(x).storage.values());
    const report = predict.explainPlan({ profile: [x], runs: 2 });
    expect(report.ms).toBeGreaterThan(0);
    expect(report.rows.every(({ ms }) => Number.isFinite(ms))).toBe(true);
    expect(Array.from(predict(x).storage.values())).toEqual(before);
  });

  it("timing a training step trains", () => {
    const layer = new nn.Linear(4, 2);
    const optimizer = new SGD(layer.parameters(), { lr: 0.1 });
    const step = compile((x: Tensor) => {
      optimizer.zeroGrad();
      layer.forward(x).square().mean().backward();
      optimizer.step();
    });
    const before = Array.from(layer.weight.storage.values());
    step.explainPlan({ profile: [rand([3, 4])], runs: 1 });
    expect(Array.from(layer.weight.storage.values())).not.toEqual(before);
  });
});

describeEngines("a module's compile()", () => {
  it("infers in eval mode without gradients, and leaves the mode alone", () => {
    const model = new nn.Sequential(new nn.Conv2d(1, 4, 3), new nn.BatchNorm2d(4), new nn.Dropout(0.5));
    const predict = model.compile();
    const x = rand([2, 1, 6, 6]);
    const y = predict(x);
    expect(y.requiresGrad).toBe(false);
    expect(model.training).toBe(true);
    nearlyEqual([y], [model.eval().forward(x)], BATCH_NORM_FOLDED);
    predict(rand([1, 1, 5, 7]));
    expect(predict.plans.size).toBe(2);
  });
});
