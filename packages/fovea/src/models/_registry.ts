import { UsageError } from "../base/errors.ts";
import { nearest } from "../base/nearest.ts";
import type { Module } from "../nn/module.ts";
import { lenet5, lenet5InputShape } from "./lenet5.ts";

/** What the zoo knows of a family. */
interface Family<Options> {
  /** One line for people who choose. */
  readonly summary: string;
  create(options?: Options): Module;
  /** Shape of one input, without the batch. */
  inputShape(options?: Options): readonly number[];
}

/** Every model by name. */
export const registry = {
  lenet5: {
    summary: "LeNet-5 (1998): two convolutions, three fully connected layers; digits in seconds",
    create: lenet5,
    inputShape: lenet5InputShape,
  },
} as const satisfies Record<string, Family<never>>;

export type ModelName = keyof typeof registry;
export type ModelOptions<N extends ModelName> = NonNullable<Parameters<(typeof registry)[N]["create"]>[0]>;
export type ModelOf<N extends ModelName> = ReturnType<(typeof registry)[N]["create"]>;

/** Names that `create` takes. */
export const modelNames = Object.keys(registry) as ModelName[];

/** A model by name: `create("lenet5", { pooling: "avg" })`. */
export function create<N extends ModelName>(name: N, options?: ModelOptions<N>): ModelOf<N> {
  return family(name).create(options) as ModelOf<N>;
}

/** Shape of one input of the model, without the batch. */
export function inputShape<N extends ModelName>(name: N, options?: ModelOptions<N>): readonly number[] {
  return family(name).inputShape(options);
}

/** True for a name that `create` takes. */
export function isModelName(name: string): name is ModelName {
  return Object.hasOwn(registry, name);
}

function family(name: string): (typeof registry)[ModelName] {
  if (isModelName(name)) return registry[name];
  const near = nearest(name, modelNames);
  throw new UsageError(
    `there is no model "${name}"${near === null ? "" : `; did you mean "${near}"?`} Models are: ${modelNames.join(", ")}`,
  );
}
