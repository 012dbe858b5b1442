import { maxNorm, minMaxNorm, nonNeg, unitNorm, type Constraint } from "../constraints.ts";
import { checkArguments, named } from "./arguments.ts";

/** An axis of a kernel as Keras counts them, in [...kernel, in, out]; or several. */
export type KernelAxis = number | readonly number[];

/** The same axes of [out, in, ...kernel]. */
function ours(axis: KernelAxis, rank: number): number[] {
  return (typeof axis === "number" ? [axis] : axis).map((a) => {
    const at = a < 0 ? a + rank : a;
    if (rank < 2) return at;
    return at === rank - 1 ? 0 : at === rank - 2 ? 1 : at + 2;
  });
}

/**
 * Constraints with Keras' arguments: `axis` counts in Keras' [...kernel, in, out], default 0, which is right for
 * `Dense`; for each filter of a `Conv2D` use [0, 1, 2]. Those of `nn` (`nn.maxNorm(2)`) and functions of your own do as
 * well: a kernel comes to them as [out, in, ...kernel].
 */
export const constraints = {
  /** Lengths of at most `maxValue`; default 2. */
  maxNorm: (options: { maxValue?: number; axis?: KernelAxis } = {}): Constraint => {
    checkArguments("constraints.maxNorm", options, ["maxValue", "axis"]);
    const { maxValue = 2, axis = 0 } = options;
    maxNorm(maxValue); // checks it here, where it was given
    return (w) => maxNorm(maxValue, { axes: ours(axis, w.rank) })(w);
  },
  /** Negative weights become 0. */
  nonNeg,
  /** Lengths of 1. */
  unitNorm: (options: { axis?: KernelAxis } = {}): Constraint => {
    checkArguments("constraints.unitNorm", options, ["axis"]);
    return (w) => unitNorm({ axes: ours(options.axis ?? 0, w.rank) })(w);
  },
  /** Lengths between `minValue` (0) and `maxValue` (1), reached at `rate` (1: at once). */
  minMaxNorm: (
    options: { minValue?: number; maxValue?: number; rate?: number; axis?: KernelAxis } = {},
  ): Constraint => {
    checkArguments("constraints.minMaxNorm", options, ["minValue", "maxValue", "rate", "axis"]);
    const { minValue: min = 0, maxValue: max = 1, rate = 1, axis = 0 } = options;
    minMaxNorm({ min, max, rate }); // checks them here
    return (w) => minMaxNorm({ min, max, rate, axes: ours(axis, w.rank) })(w);
  },
} as const;

const byName: Readonly<Record<string, () => Constraint>> = {
  ...constraints,
  nonNegative: constraints.nonNeg,
};

/** A name with Keras' defaults (`max_norm`), a function, or null for none. */
export type ConstraintArgument = Constraint | string | null;

export function constraintOf(who: string, name: string, value: ConstraintArgument | undefined): Constraint | null {
  if (value === undefined || value === null) return null;
  return typeof value === "function" ? value : named(who, name, value, byName)();
}
