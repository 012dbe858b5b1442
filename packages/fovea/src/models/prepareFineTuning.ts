import { UsageError } from "../base/errors.ts";
import { Conv2d } from "../nn/conv.ts";
import { parametersBefore } from "../nn/freezing.ts";
import { Linear } from "../nn/linear.ts";
import type { AnyModule, Module } from "../nn/module.ts";
import type { ImageClassifier } from "./_classifier.ts";

/**
 * What of a pretrained network learns.
 *
 * `all`: everything, from the weights that are there. `head`: the classifier, on a frozen convolutional base. `last`: only
 * the layer of the classes. `none`: nothing, the network gives features to another method. `{ from: "layer4" }`: what
 * comes from that layer on.
 */
export type TuningStrategy = "all" | "head" | "last" | "none" | { readonly from: string };

/** Elements of parameters; those of batch norm's statistics do not count. */
export interface ParameterCounts {
  readonly total: number;
  readonly trainable: number;
  readonly frozen: number;
}

export interface PrepareOptions {
  /** What learns; default `head`. */
  readonly train?: TuningStrategy;
  /** Another number of classes: the layer of the classes is made anew. */
  readonly numClasses?: number;
}

/**
 * Prepares a pretrained network for other classes: a fresh last layer, and everything that does not learn frozen, batch
 * norms with their statistics too. Make the optimizer afterwards, of the parameters that learn.
 *
 * @example
 * const { model } = await models.load("resnet50.imagenet1k-v2");
 * models.prepareFineTuning(model, { numClasses: 5, train: "last" }); // { total: 23518277, trainable: 10245, frozen: 23508032 }
 * const optimizer = new optim.SGD(models.trainable(model), { lr: 0.01, momentum: 0.9 });
 */
export function prepareFineTuning(
  model: ImageClassifier,
  { train = "head", numClasses }: PrepareOptions = {},
): ParameterCounts {
  const frozenBefore = frozenNames(model, train); // the strategy is checked before anything changes
  if (numClasses !== undefined) model.resetClassifier(numClasses);
  const names = numClasses === undefined ? frozenBefore : frozenNames(model, train);
  for (const [name, parameter] of model.namedParameters()) parameter.requireGrad(!names.has(name));
  return parameterCounts(model);
}

/** How many parameters learn with each strategy; the network is left as it is. */
export function tuningCounts(model: ImageClassifier): Record<"all" | "head" | "last" | "none", ParameterCounts> {
  const parameters = [...model.namedParameters()];
  const total = parameters.reduce((sum, [, { size }]) => sum + size, 0);
  const counts = (strategy: TuningStrategy): ParameterCounts => {
    const names = frozenNames(model, strategy);
    const frozen = parameters.reduce((sum, [name, { size }]) => sum + (names.has(name) ? size : 0), 0);
    return { total, trainable: total - frozen, frozen };
  };
  return { all: counts("all"), head: counts("head"), last: counts("last"), none: counts("none") };
}

/** How many parameters learn as things stand. */
export function parameterCounts(model: AnyModule): ParameterCounts {
  const sizes = (learn: boolean) =>
    model.parameters().reduce((sum, { requiresGrad, size }) => sum + (requiresGrad === learn ? size : 0), 0);
  const [trainable, frozen] = [sizes(true), sizes(false)];
  return { total: trainable + frozen, trainable, frozen };
}

/** The parameters that learn, for an optimizer. */
export function trainable(model: AnyModule): ReturnType<AnyModule["parameters"]> {
  return model.parameters().filter(({ requiresGrad }) => requiresGrad);
}

function frozenNames(model: ImageClassifier, strategy: TuningStrategy): ReadonlySet<string> {
  const names = [...model.namedParameters().keys()];
  if (strategy === "all") return new Set();
  if (strategy === "none") return new Set(names);
  if (strategy === "head" || strategy === "last") {
    const learning = strategy === "head" ? model.classifier : lastLayer(model);
    const own = new Set(learning.parameters());
    return new Set(Array.from(model.namedParameters()).flatMap(([name, one]) => (own.has(one) ? [] : [name])));
  }
  if (typeof strategy !== "object" || typeof strategy.from !== "string") {
    throw new UsageError(
      `prepareFineTuning: train is all, head, last, none or { from: "layer4" }, got ${JSON.stringify(strategy)}`,
    );
  }
  const before = new Set(parametersBefore(model, strategy.from));
  return new Set(Array.from(model.namedParameters()).flatMap(([name, one]) => (before.has(one) ? [name] : [])));
}

function lastLayer(model: ImageClassifier): Module {
  const isOutput = (module: AnyModule): module is Linear | Conv2d =>
    module instanceof Linear || module instanceof Conv2d;
  const last = [...model.classifier.namedModules().values()].filter(isOutput).at(-1);
  if (last === undefined)
    throw new UsageError(`prepareFineTuning: ${model.constructor.name} has no layer of classes (any more)`);
  return last;
}
