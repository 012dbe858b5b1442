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

export interface MultiStepOptions {
  /** The steps at which the rate changes, ascending. */
  at: readonly number[];
  /** What the rate is multiplied by at each; default 0.1. */
  factor?: number;
}

/** lr · factor^(how many of `at` have been reached), as `torch.optim.lr_scheduler.MultiStepLR`. */
export function multiStep(lr: number, { at, factor = 0.1 }: MultiStepOptions): Schedule {
  checkRate(lr, "multiStep");
  if (!at.every((step, i) => Number.isInteger(step) && step >= (at[i - 1] ?? 0))) {
    throw new UsageError(`multiStep: at must be ascending whole numbers ≥ 0, got ${at.join(", ")}`);
  }
  return (taken) => lr * pow(factor, at.filter((step) => step <= taken).length);
}

export interface ExponentialOptions {
  /** What the rate is multiplied by after `every` steps. */
  factor: number;
  /** Steps for one factor, a bit at each step; default 1. */
  every?: number;
}

/** lr · factor^(step / every), as PyTorch's `ExponentialLR` and Keras' `ExponentialDecay`. */
export function exponential(lr: number, { factor, every = 1 }: ExponentialOptions): Schedule {
  checkRate(lr, "exponential");
  checkSteps(every, "exponential", "every");
  if (!(factor > 0)) throw new UsageError(`exponential: factor must be above 0, got ${factor}`);
  return (taken) => lr * pow(factor, taken / every);
}

export interface PolynomialOptions {
  /** Steps from `lr` down to `minimum`; the rate stays there afterwards. */
  steps: number;
  /** 1 (default) is a straight line. */
  power?: number;
  /** The last rate; default 0. */
  minimum?: number;
}

/** minimum + (lr − minimum) (1 − step / steps)^power, as PyTorch's `PolynomialLR` and Keras' `PolynomialDecay`. */
export function polynomial(lr: number, { steps, power = 1, minimum = 0 }: PolynomialOptions): Schedule {
  checkRate(lr, "polynomial");
  checkSteps(steps, "polynomial", "steps");
  return (taken) => minimum + (lr - minimum) * pow(1 - Math.min(taken, steps) / steps, power);
}

export interface LinearOptions {
  /** Steps from the first rate to the last, which then stays. */
  steps: number;
  /** The first rate, as a share of lr; default 1/3. */
  from?: number;
  /** The last rate, as a share of lr; default 1. */
  to?: number;
}

/** A straight line from lr · from to lr · to, as PyTorch's `LinearLR`. For a warm-up that leads to a schedule see `warmup`. */
export function linear(lr: number, { steps, from = 1 / 3, to = 1 }: LinearOptions): Schedule {
  checkRate(lr, "linear");
  checkSteps(steps, "linear", "steps");
  return (taken) => lr * (from + ((to - from) * Math.min(taken, steps)) / steps);
}

export interface CosineRestartsOptions {
  /** Steps of the first descent. */
  steps: number;
  /** How much longer each descent is than the one before; default 1. */
  multiply?: number;
  /** The lowest rate; default 0. */
  minimum?: number;
}

/** Half cosines from `lr` to `minimum`, again and again (SGDR: Loshchilov and Hutter, 2017), as `CosineAnnealingWarmRestarts`. */
export function cosineRestarts(lr: number, { steps, multiply = 1, minimum = 0 }: CosineRestartsOptions): Schedule {
  checkSteps(multiply, "cosineRestarts", "multiply");
  const descent = (length: number) => cosine(lr, { steps: length, minimum });
  descent(steps); // checks
  return (taken) => {
    let [start, length] = [0, steps];
    if (multiply === 1) start = Math.floor(taken / steps) * steps;
    else while (taken >= start + length) [start, length] = [start + length, length * multiply];
    return descent(length)(taken - start);
  };
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

export function checkRate(lr: number, who: string): void {
  if (!(lr >= 0 && lr < Infinity)) throw new UsageError(`${who}: the learning rate must be a number ≥ 0, got ${lr}`);
}

export function checkSteps(steps: number, who: string, what: string): void {
  if (!Number.isInteger(steps) || steps < 1) {
    throw new UsageError(`${who}: ${what} must be a whole number ≥ 1, got ${steps}`);
  }
}
