import type { Tensor } from "../../tensor/tensor.ts";
import * as init from "../init.ts";
import { named } from "./arguments.ts";

/** Fills a weight of shape [out, in, ...kernel] in place, as the functions of `nn.init` do. */
export type Initializer = (x: Tensor) => unknown;

/** A name in Keras' spelling (`he_normal`) or ours (`heNormal`), or a function. */
export type InitializerArgument = Initializer | string | null;

const byName: Readonly<Record<string, Initializer>> = {
  zeros: (x) => init.zeros(x),
  ones: (x) => init.ones(x),
  glorotUniform: (x) => init.glorotUniform(x),
  heUniform: (x) => init.kaimingUniform(x),
};

export function initializerOf(who: string, name: string, value: InitializerArgument | undefined): Initializer {
  if (value === undefined || value === null) return byName.zeros!;
  return typeof value === "function" ? value : named(who, name, value, byName);
}
