import { UsageError } from "../base/errors.ts";
import { nearest } from "../base/nearest.ts";
import { Adadelta } from "../optim/adadelta.ts";
import { Adagrad } from "../optim/adagrad.ts";
import { Adam, AdamW } from "../optim/adam.ts";
import { Adamax } from "../optim/adamax.ts";
import { LAMB } from "../optim/lamb.ts";
import { Lion } from "../optim/lion.ts";
import { NAdam } from "../optim/nadam.ts";
import type { Optimizer } from "../optim/optimizer.ts";
import { RMSprop } from "../optim/rmsprop.ts";
import { SGD } from "../optim/sgd.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** Optimizers by Keras' names, each with the settings that it has by itself; SGD at a rate of 0.01, as in Keras. */
const optimizers = {
  adadelta: (p) => new Adadelta(p),
  adagrad: (p) => new Adagrad(p),
  adam: (p) => new Adam(p),
  adamax: (p) => new Adamax(p),
  adamw: (p) => new AdamW(p),
  lamb: (p) => new LAMB(p),
  lion: (p) => new Lion(p),
  nadam: (p) => new NAdam(p),
  rmsprop: (p) => new RMSprop(p),
  sgd: (p) => new SGD(p, { lr: 0.01 }),
} as const satisfies Record<string, (parameters: Tensor[]) => Optimizer>;

export type OptimizerName = keyof typeof optimizers;

/** An optimizer, or how to come by one. */
export type OptimizerArgument = Optimizer | OptimizerName | ((parameters: Tensor[]) => Optimizer);

/** The optimizer that was given, made, or named. */
export function toOptimizer(given: OptimizerArgument, parameters: () => Tensor[]): Optimizer {
  if (typeof given === "function") return given(parameters());
  if (typeof given !== "string") return given;
  if (Object.hasOwn(optimizers, given)) return optimizers[given](parameters());
  const near = nearest(String(given), Object.keys(optimizers));
  throw new UsageError(
    `there is no optimizer "${String(given)}"${near === null ? "" : `; did you mean ${near}?`} Optimizers are ${Object.keys(optimizers).join(", ")}`,
  );
}
