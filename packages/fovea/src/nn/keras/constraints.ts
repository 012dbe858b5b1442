import type { Tensor } from "../../tensor/tensor.ts";
import { named } from "./arguments.ts";

/** Where a weight is put after a step: a function of a tensor in Keras' layout. */
export type Constraint = (w: Tensor) => Tensor;

/** A name with Keras' defaults, a function, or null for none. */
export type ConstraintArgument = Constraint | string | null;

const byName: Readonly<Record<string, Constraint>> = {
  nonNeg: (w) => w.relu(),
};

export function constraintOf(who: string, name: string, value: ConstraintArgument | undefined): Constraint | null {
  if (value === undefined || value === null) return null;
  return typeof value === "function" ? value : named(who, name, value, byName);
}
