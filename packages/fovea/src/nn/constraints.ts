import { UsageError } from "../base/errors.ts";
import { assign } from "../ops/assign.ts";
import { safeSqrt } from "../ops/reduction.ts";
import { clamp, where } from "../ops/select.ts";
import { noGrad } from "../tensor/apply.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { Parameter } from "./parameter.ts";

/**
 * The nearest allowed value of a parameter. Optimizers apply it to every new value, eagerly and inside compile().
 *
 * @example
 * model.fc.weight.constraint = nn.maxNorm(2);
 */
export type Constraint = (x: Tensor) => Tensor;

export interface NormOptions {
  /** Axes over which a length is taken; default all but the first: the incoming weights of each unit. */
  axes?: readonly number[];
}

const EPS = 1e-7; // Keras'

function lengths(x: Tensor, axes: readonly number[] | undefined): Tensor {
  const along = axes ?? (x.rank === 1 ? [0] : x.shape.flatMap((_, i) => (i === 0 ? [] : [i])));
  return safeSqrt(x.square().sum(along, true));
}

/** Shortens the weights of each unit to a length of at most `max` (Srebro and Shraibman, 2005). */
export function maxNorm(max = 2, { axes }: NormOptions = {}): Constraint {
  if (!(max >= 0)) throw new UsageError(`maxNorm: max must be ≥ 0, got ${max}`);
  return (x) => {
    const length = lengths(x, axes);
    return x.mul(length.minimum(max).div(length.add(EPS)));
  };
}

/** Negative weights become 0. */
export function nonNeg(): Constraint {
  return (x) => where(x.greaterEqual(0), x, 0);
}

/** The weights of each unit have length 1. */
export function unitNorm({ axes }: NormOptions = {}): Constraint {
  return (x) => x.div(lengths(x, axes).add(EPS));
}

export interface MinMaxNormOptions extends NormOptions {
  /** Least length; default 0. */
  min?: number;
  /** Largest length; default 1. */
  max?: number;
  /** How far lengths move into the range at each step: 1 (default) at once, less gently. */
  rate?: number;
}

/** The weights of each unit have a length between `min` and `max`. */
export function minMaxNorm({ min = 0, max = 1, rate = 1, axes }: MinMaxNormOptions = {}): Constraint {
  if (!(min >= 0 && min <= max)) throw new UsageError(`minMaxNorm: wants 0 ≤ min ≤ max, got ${min} and ${max}`);
  if (!(rate >= 0 && rate <= 1)) throw new UsageError(`minMaxNorm: rate must be in [0, 1], got ${rate}`);
  return (x) => {
    const length = lengths(x, axes);
    const wanted = clamp(length, min, max)
      .mul(rate)
      .add(length.mul(1 - rate));
    return x.mul(wanted.div(length.add(EPS)));
  };
}

/** What a parameter's constraint makes of a new value; the value itself when it has none. */
export function constrained(parameter: Tensor, value: Tensor): Tensor {
  return parameter instanceof Parameter && parameter.constraint !== null ? parameter.constraint(value) : value;
}

/** Applies the constraints of parameters now: for training loops that change weights without an optimizer. */
export function applyConstraints(parameters: Iterable<Tensor>): void {
  noGrad(() => {
    for (const p of parameters) if (p instanceof Parameter && p.constraint !== null) assign(p, p.constraint(p));
  });
}
