import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { oneCycle, oneCycleMomentum } from "./oneCycle.ts";
import { Plateau, type PlateauOptions } from "./plateau.ts";
import {
  constant,
  cosine,
  cosineRestarts,
  exponential,
  linear,
  multiStep,
  polynomial,
  step,
  warmup,
  type Schedule,
} from "./schedules.ts";

const at = (schedule: (step: number) => number, steps: number[]) => steps.map(schedule);

it("constant stays", () => expect(at(constant(0.1), [0, 1, 1000])).toEqual([0.1, 0.1, 0.1]));

it("step multiplies by the factor every so many steps", () => {
  const rates = at(step(1, { every: 10, factor: 0.5 }), [0, 9, 10, 19, 20, 35]);
  expect(rates).toEqual([1, 1, 0.5, 0.5, 0.25, 0.125]); // lr · factor^⌊t / every⌋
});

it("cosine runs from the rate through the middle to the minimum and stays there", () => {
  const schedule = cosine(0.2, { steps: 100, minimum: 0.1 });
  const rates = at(schedule, [0, 25, 50, 100, 500]);
  // 0.1 + 0.1 · (1 + cos(π t / 100)) / 2; cos(π/4) = √½
  [0.2, 0.1 + 0.05 * (1 + Math.SQRT1_2), 0.15, 0.1, 0.1].forEach((want, i) => expect(rates[i]).toBeCloseTo(want, 14));
});

it("warm-up is a line to the first rate of what follows, which then starts", () => {
  const schedule = warmup(4, step(1, { every: 2 }));
  const rates = at(schedule, [0, 1, 2, 3, 4, 5, 6]);
  [0.2, 0.4, 0.6, 0.8, 1, 1, 0.1].forEach((want, i) => expect(rates[i]).toBeCloseTo(want, 14));
});

it("schedules compose", () => {
  const schedule = warmup(2, warmup(2, 9));
  // the inner line starts at 3; the outer one leads to it
  expect(at(schedule, [0, 1, 2, 3, 4, 5])).toEqual([1, 2, 3, 6, 9, 9]);
});

it("bad rates and lengths are refused with the value", () => {
  expect(() => constant(-1)).toThrow("constant: the learning rate must be a number ≥ 0, got -1");
  expect(() => constant(NaN)).toThrow(/got NaN/);
  expect(() => cosine(1, { steps: 0 })).toThrow(/steps must be a whole number ≥ 1, got 0/);
  expect(() => step(1, { every: 1.5 })).toThrow(/every must be a whole number ≥ 1, got 1.5/);
});

/** Written by test/fixtures/schedules.py from PyTorch. */
const torch = JSON.parse(readFileSync(new URL("../../test/fixtures/schedules.json", import.meta.url), "utf8")) as {
  readonly rates: Readonly<Record<string, readonly number[]>>;
  readonly metrics: readonly number[];
  readonly plateau: Readonly<Record<string, readonly number[]>>;
};

describe("as PyTorch", () => {
  const cycle = { steps: 31 };
  const schedules: Readonly<Record<string, Schedule>> = {
    step: step(0.2, { every: 7, factor: 0.5 }),
    multiStep: multiStep(0.2, { at: [4, 4, 20], factor: 0.3 }),
    exponential: exponential(0.2, { factor: 0.9 }),
    polynomial: polynomial(0.2, { steps: 20, power: 2.5 }),
    linear: linear(0.2, { steps: 12, from: 0.25, to: 0.9 }),
    linearDefaults: linear(0.2, { steps: 5 }),
    cosine: cosine(0.2, { steps: 30, minimum: 0.01 }),
    cosineRestarts: cosineRestarts(0.2, { steps: 4, multiply: 2, minimum: 0.01 }),
    cosineRestartsAlike: cosineRestarts(0.2, { steps: 7 }),
    oneCycle: oneCycle(0.2, cycle),
    oneCycleThree: oneCycle(0.2, {
      ...cycle,
      threePhase: true,
      annealStrategy: "linear",
      divFactor: 10,
      finalDivFactor: 100,
    }),
    oneCycleMomentum: oneCycleMomentum(cycle),
    oneCycleMomentumThree: oneCycleMomentum({ ...cycle, threePhase: true, baseMomentum: 0.8, maxMomentum: 0.9 }),
  };

  it("there is a schedule for every row of the fixture", () => {
    expect(Object.keys(schedules).toSorted()).toEqual(Object.keys(torch.rates).toSorted());
  });

  it.each(Object.entries(schedules))("%s", (name, schedule) => {
    torch.rates[name]!.forEach((want, i) => expect(schedule(i), `step ${i}`).toBeCloseTo(want, 12));
  });

  it.each<[string, PlateauOptions]>([
    ["relative", { patience: 2 }],
    ["cooldown", { patience: 1, cooldown: 3, factor: 0.5 }],
    ["absolute", { patience: 1, threshold: 0.2, thresholdMode: "abs", factor: 0.5, minLr: 0.03 }],
    ["rising", { mode: "max", patience: 2, factor: 0.5 }],
    ["risingAbsolute", { mode: "max", patience: 0, thresholdMode: "abs" }],
  ])("plateau, %s, also when interrupted after every measurement", (name, options) => {
    let lr = 0.2;
    let { state } = new Plateau(options);
    torch.metrics.forEach((metric, i) => {
      const plateau = new Plateau(options);
      plateau.state = JSON.parse(JSON.stringify(state)) as typeof state;
      lr = plateau.step(options.mode === "max" ? -metric : metric, lr);
      ({ state } = plateau);
      expect(lr, `measurement ${i}`).toBeCloseTo(torch.plateau[name]![i]!, 12);
    });
  });
});

it("after its last step a schedule stays where it is", () => {
  expect(polynomial(1, { steps: 5, minimum: 0.1 })(50)).toBeCloseTo(0.1, 14);
  expect(linear(1, { steps: 5 })(50)).toBeCloseTo(1, 14);
  expect(oneCycle(1, { steps: 10 })(50)).toBe(1 / 25 / 1e4);
  expect(oneCycle(1, { steps: 2 })(1)).toBe(1 / 25 / 1e4); // no time to rise
});

it("a NaN is no improvement for a plateau", () => {
  const plateau = new Plateau({ patience: 0 });
  expect(plateau.step(NaN, 1)).toBe(0.1);
  expect(plateau.step(5, 1)).toBe(1);
});

it("the new schedules refuse what makes no sense", () => {
  expect(() => multiStep(1, { at: [5, 3] })).toThrow(/ascending/);
  expect(() => exponential(1, { factor: 0 })).toThrow(/factor must be above 0/);
  expect(() => cosineRestarts(1, { steps: 4, multiply: 1.5 })).toThrow(/multiply must be a whole number/);
  expect(() => oneCycle(1, { steps: 10, pctStart: 1.2 })).toThrow(/pctStart/);
  expect(() => oneCycle(1, { steps: 10, pctStart: 0.6, threePhase: true })).toThrow(/up to 0.5/);
  expect(() => new Plateau({ factor: 1 })).toThrow(/factor must be between 0 and 1, got 1/);
});
