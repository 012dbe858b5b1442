import type { Tensor } from "../../tensor/tensor.ts";
import { named } from "./arguments.ts";

/** What a weight or an output adds to the loss: a function of a tensor in Keras' layout to a number. */
export type Regularizer = (x: Tensor) => Tensor;

/** A name with Keras' default factor (0.01), a function, or null for none. */
export type RegularizerArgument = Regularizer | string | null;

const byName: Readonly<Record<string, Regularizer>> = {
  l1: (x) => x.abs().sum().mul(0.01),
  l2: (x) => x.square().sum().mul(0.01),
};

export function regularizerOf(who: string, name: string, value: RegularizerArgument | undefined): Regularizer | null {
  if (value === undefined || value === null) return null;
  return typeof value === "function" ? value : named(who, name, value, byName);
}
