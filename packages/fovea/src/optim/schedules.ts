import { UsageError } from "../base/errors.ts";
import { cos, pow } from "../base/math.ts";

/**
 * A learning rate as a function of the number of steps already taken. It is pure, so that a resumed run and a
 * compiled step see the same rates, and it uses our own cos and pow, so that they are the same bits everywhere.
 */
export type Schedule = (step: number) => number;

/** The same rate at every step. */
export function constant(lr: number): Schedule {
  checkRate(lr, "constant");
  return () => lr;
}

export interface StepOptions {
  /** Steps between two changes. */
  every: number;
  /** What the rate is multiplied by at each change; default 0.1. */
  factor?: number;
}

/** lr · factor^⌊step / every⌋: a stair. */
export function step(lr: number, { every, factor = 0.1 }: StepOptions): Schedule {
  checkRate(lr, "step");
  checkSteps(every, "step", "every");
  return (taken) => lr * pow(factor, Math.floor(taken / every));
}

export interface CosineOptions {
  /** Steps from `lr` down to `minimum`; the rate stays there afterwards. */
  steps: number;
  /** The last rate; default 0. */
  minimum?: number;
}

/** Half a cosine from `lr` down to `minimum` (Loshchilov and Hutter, 2017, without restarts). */
export function cosine(lr: number, { steps, minimum = 0 }: CosineOptions): Schedule {
  checkRate(lr, "cosine");
  checkSteps(steps, "cosine", "steps");
  return (taken) => minimum + ((lr - minimum) * (1 + cos((Math.PI * Math.min(taken, steps)) / steps))) / 2;
}

/**
 * A straight line up to the first rate of `then`, which starts when the line has reached it:
 * `warmup(500, cosine(0.1, { steps: 9500 }))`.
 */
export function warmup(steps: number, then: Schedule | number): Schedule {
  checkSteps(steps, "warmup", "steps");
  const after = toSchedule(then);
  return (taken) => (taken < steps ? (after(0) * (taken + 1)) / (steps + 1) : after(taken - steps));
}

/** A number as the constant schedule. */
export function toSchedule(lr: Schedule | number): Schedule {
  return typeof lr === "number" ? constant(lr) : lr;
}

function checkRate(lr: number, who: string): void {
  if (!(lr >= 0 && lr < Infinity)) throw new UsageError(`${who}: the learning rate must be a number ≥ 0, got ${lr}`);
}

function checkSteps(steps: number, who: string, what: string): void {
  if (!Number.isInteger(steps) || steps < 1) {
    throw new UsageError(`${who}: ${what} must be a whole number ≥ 1, got ${steps}`);
  }
}
