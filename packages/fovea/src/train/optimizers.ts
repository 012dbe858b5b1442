import { UsageError } from "../base/errors.ts";
import { nearest } from "../base/nearest.ts";
import { Adadelta } from "../optim/adadelta.ts";
import { Adagrad } from "../optim/adagrad.ts";
import { Adam, AdamW } from "../optim/adam.ts";
import { Adamax } from "../optim/adamax.ts";
import { LAMB } from "../optim/lamb.ts";
import { LARS } from "../optim/lars.ts";
import { Lion } from "../optim/lion.ts";
import { Muon } from "../optim/muon.ts";
import { NAdam } from "../optim/nadam.ts";
import type { Optimizer } from "../optim/optimizer.ts";
import { RMSprop } from "../optim/rmsprop.ts";
import type { Schedule } from "../optim/schedules.ts";
import { SGD } from "../optim/sgd.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** What an optimizer that is known by name may be told; each takes what it has. */
export interface OptimizerSettings {
  readonly lr?: number | Schedule;
  readonly weightDecay?: number;
  /** Of SGD, RMSprop, LARS and Muon. */
  readonly momentum?: number;
  /** Of SGD. */
  readonly nesterov?: boolean;
}

/** Optimizers by Keras' names; what they are not told is as they have it by themselves, SGD's and LARS' rate as in Keras. */
export const optimizers = {
  adadelta: (p, settings) => new Adadelta(p, settings),
  adagrad: (p, settings) => new Adagrad(p, settings),
  adam: (p, settings) => new Adam(p, settings),
  adamax: (p, settings) => new Adamax(p, settings),
  adamw: (p, settings) => new AdamW(p, settings),
  lamb: (p, settings) => new LAMB(p, settings),
  lars: (p, settings) => new LARS(p, { lr: 0.01, ...settings }),
  lion: (p, settings) => new Lion(p, settings),
  muon: (p, settings) => new Muon(p, settings),
  nadam: (p, settings) => new NAdam(p, settings),
  rmsprop: (p, settings) => new RMSprop(p, settings),
  sgd: (p, settings) => new SGD(p, { lr: 0.01, ...settings }),
} as const satisfies Record<string, (parameters: Tensor[], settings: OptimizerSettings) => Optimizer>;

export type OptimizerName = keyof typeof optimizers;

/** An optimizer, or how to come by one. */
export type OptimizerArgument = Optimizer | OptimizerName | ((parameters: Tensor[]) => Optimizer);

/** The optimizer that was given, made, or named. */
export function toOptimizer(given: OptimizerArgument, parameters: () => Tensor[]): Optimizer {
  if (typeof given === "function") return given(parameters());
  if (typeof given !== "string") return given;
  if (Object.hasOwn(optimizers, given)) return optimizers[given](parameters(), {});
  const near = nearest(String(given), Object.keys(optimizers));
  throw new UsageError(
    `there is no optimizer "${String(given)}"${near === null ? "" : `; did you mean ${near}?`} Optimizers are ${Object.keys(optimizers).join(", ")}`,
  );
}
