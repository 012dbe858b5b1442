import { expect, it } from "vitest";
import { constant, cosine, step, warmup } from "./schedules.ts";

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
