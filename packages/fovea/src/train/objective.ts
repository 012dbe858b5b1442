import { UsageError } from "../base/errors.ts";
import { nearest } from "../base/nearest.ts";
import { showShape } from "../base/shape.ts";
import { BCEWithLogitsLoss } from "../nn/losses.ts";
import { Module } from "../nn/module.ts";
import { bceLoss, bceWithLogitsLoss, diceLoss, hingeLoss, jaccardLoss } from "../ops/binaryLosses.ts";
import { crossEntropy, focalLoss, klDiv, nllLoss } from "../ops/losses.ts";
import { multiMarginLoss } from "../ops/marginLosses.ts";
import { huberLoss, l1Loss, mseLoss, smoothL1Loss } from "../ops/regressionLosses.ts";
import type { LossOptions } from "../ops/reduction.ts";
import type { Tensor } from "../tensor.ts";
import { toMetric, type MetricName } from "./metrics/index.ts";
import type { Metric } from "./metrics/metric.ts";
import { entriesOf, isTensor, type Named } from "./batch.ts";

/** What a network gives: one output, or several by position or name. */
export type Outputs = Named<Tensor>;

/** The loss of a batch: its mean over the examples, or with `reduction: "none"` a loss per example. */
export type LossFunction = (output: Tensor, target: Tensor, options?: LossOptions) => Tensor;

export type LossArgument = LossName | LossFunction | Module<[output: Tensor, target: Tensor]>;

/** Kept away from 0 and 1, as Keras does where its losses take probabilities. */
const EPSILON = 1e-7;
const logOf = (p: Tensor) =>
  p
    .maximum(EPSILON)
    .minimum(1 - EPSILON)
    .log();

/** Losses by name: those of `fovea/nn`, and Keras' names for losses that take probabilities. */
const losses = {
  crossEntropy,
  nllLoss,
  focalLoss,
  bceLoss,
  bceWithLogitsLoss,
  mseLoss,
  l1Loss,
  huberLoss,
  smoothL1Loss,
  hingeLoss,
  diceLoss,
  jaccardLoss,
  klDiv: (output, target, options) => klDiv(output, target, options),
  multiMarginLoss,
  mse: mseLoss,
  mean_squared_error: mseLoss,
  mae: l1Loss,
  mean_absolute_error: l1Loss,
  huber: huberLoss,
  hinge: hingeLoss,
  binary_crossentropy: bceLoss,
  sparse_categorical_crossentropy: (p, labels, options) => nllLoss(logOf(p), labels, options),
  categorical_crossentropy: (p, target, options) => {
    const each = logOf(p).mul(target).sum(1).neg();
    return options?.reduction === "none" ? each : each.mean();
  },
} as const satisfies Record<string, LossFunction>;

export type LossName = keyof typeof losses;

/** A metric of a batch: its mean, or values whose mean it is, such as one per example. */
export type MetricFunction = (output: Tensor, target: Tensor) => Tensor;

/**
 * "accuracy": the share of examples (or pixels) whose largest output, or side of ½, is the right one. Other names and
 * metrics as objects are computed on the host, from all outputs.
 */
export type MetricArgument = MetricName | MetricFunction | Metric;

export interface ObjectiveOptions {
  /** One for all outputs, or one by output. Outputs without one are left alone. */
  readonly loss: Named<LossArgument>;
  /** What each output's loss counts; default 1. */
  readonly lossWeights?: readonly number[] | { readonly [output: string]: number };
  /** Of the first output, or by output. */
  readonly metrics?: readonly MetricArgument[] | { readonly [output: string]: readonly MetricArgument[] };
}

/** What a batch gives: the loss to minimise, and numbers to show. */
export interface Scores {
  /** The first output. */
  readonly output: Tensor;
  readonly total: Tensor;
  /** Losses of single outputs: means over the examples. */
  readonly parts: ReadonlyMap<string, Tensor>;
  /** Sums over the examples. */
  readonly metrics: ReadonlyMap<string, Tensor>;
}

export type Objective = (outputs: Outputs, targets: ReadonlyMap<string, Tensor>, weight: Tensor | null) => Scores;

/** The loss and the metrics of a network with any number of outputs. */
export function makeObjective({ loss, lossWeights = {}, metrics = [] }: ObjectiveOptions): Objective {
  const single = isLoss(loss);
  const byOutput = new Map(entriesOf<LossArgument>(loss, isLoss).map(([name, given]) => [name, lossFunction(given)]));
  // A yes-or-no answer is yes from a probability of ½ on, which is a logit of 0.
  const byLogits = new Set(
    [...entriesOf<LossArgument>(loss, isLoss)].filter(([, given]) => takesLogit(given)).map(([name]) => name),
  );
  const weightOf = (name: string) => (lossWeights as Record<string, number>)[name] ?? 1;
  return (outputs, targets, weight) => {
    const all = entriesOf<Tensor>(outputs, isTensor);
    const [first, firstOutput] = all[0]!;
    const size = firstOutput.shape[0] ?? 1;
    // In inference a network with auxiliary heads gives its main output alone: the first loss is that one's.
    const main = single ? byOutput.get("")! : (byOutput.get(first) ?? [...byOutput.values()][0]!);
    const targetOf = (name: string): Tensor => {
      const target = targets.get(name) ?? targets.get("") ?? (name === first ? [...targets.values()][0] : undefined);
      if (target !== undefined) return target;
      const known = targets.size === 0 ? "there are no targets (y)" : `targets are ${[...targets.keys()].join(", ")}`;
      throw new UsageError(`fit: the output "${name}" has no target: ${known}`);
    };
    const parts = new Map<string, Tensor>();
    let total: Tensor | null = null;
    for (const [name, output] of all) {
      const fn = name === first ? main : single ? main : byOutput.get(name);
      if (fn === undefined) continue;
      const part =
        weight === null ? meanLoss(fn, output, targetOf(name)) : weightedLoss(fn, output, targetOf(name), weight);
      parts.set(name, part);
      const scaled = weightOf(name) === 1 ? part : part.mul(weightOf(name));
      total = total === null ? scaled : total.add(scaled);
    }
    const values = new Map<string, Tensor>();
    const add = (metric: MetricArgument, prefix: string, name: string, output: Tensor) => {
      if (isHostMetric(metric)) return;
      const isRight: MetricFunction = (scores, wanted) =>
        accuracy(scores, wanted, byLogits.has(single ? "" : name) ? 0 : 0.5);
      const [label, fn] = metric === "accuracy" ? ["accuracy", isRight] : [metric.name || "metric", metric];
      const value = fn(output.detach(), targetOf(name));
      const sum = (value.dtype === "float32" ? value : value.cast("float32")).sum();
      const perExample = value.size / size;
      values.set(named(prefix, label), perExample === 1 ? sum : sum.mul(1 / perExample));
    };
    if (Array.isArray(metrics)) for (const m of metrics as MetricArgument[]) add(m, "", first, firstOutput);
    else {
      for (const [name, list] of Object.entries(metrics as { [output: string]: readonly MetricArgument[] })) {
        const output = all.find(([known]) => known === name)?.[1];
        if (output !== undefined) for (const m of list) add(m, name, name, output);
      }
    }
    return { output: firstOutput, total: total!, parts: all.length > 1 ? parts : new Map(), metrics: values };
  };
}

/** The metrics that are computed on the host, from the first output. */
export function hostMetrics(metrics: ObjectiveOptions["metrics"] = []): Metric[] {
  if (Array.isArray(metrics)) return (metrics as MetricArgument[]).filter(isHostMetric).map(toMetric);
  const wrong = Object.entries(metrics as { [output: string]: readonly MetricArgument[] }).find(([, list]) =>
    list.some(isHostMetric),
  );
  if (wrong === undefined) return [];
  throw new UsageError(`fit: metrics by output ("${wrong[0]}") are "accuracy" or functions; give others as a list`);
}

function isHostMetric(metric: MetricArgument): metric is Exclude<MetricName, "accuracy"> | Metric {
  return metric !== "accuracy" && typeof metric !== "function";
}

/** `aux1` and `loss` → `aux1Loss`; without a name the label itself. */
export function named(prefix: string, label: string): string {
  return prefix === "" ? label : `${prefix}${label[0]!.toUpperCase()}${label.slice(1)}`;
}

function meanLoss(fn: LossFunction, output: Tensor, target: Tensor): Tensor {
  const loss = fn(output, target);
  return loss.size === 1 ? loss : loss.mean();
}

/** Σ weight · loss / N over the examples, as in Keras. */
function weightedLoss(fn: LossFunction, output: Tensor, target: Tensor, weight: Tensor): Tensor {
  const each = fn(output, target, { reduction: "none" });
  if (each.rank === 0 || each.shape[0] !== weight.shape[0]) {
    throw new UsageError(
      `fit: weights need a loss per example, and this loss gives ${showShape(each.shape)} for ${weight.shape[0]}; ` +
        'honour its third argument, { reduction: "none" }',
    );
  }
  const perExample = each.rank === 1 ? each : each.reshape([each.shape[0]!, -1]).mean(1);
  return perExample.mul(weight).mean();
}

function lossFunction(given: LossArgument): LossFunction {
  if (typeof given === "function") return given;
  if (given instanceof Module) return moduleLoss(given);
  if (Object.hasOwn(losses, given)) return losses[given];
  const near = nearest(String(given), Object.keys(losses));
  throw new UsageError(
    `there is no loss "${String(given)}"${near === null ? "" : `; did you mean ${near}?`} Losses are ${Object.keys(losses).join(", ")}`,
  );
}

/** A loss as a module; without reduction it is one of its class with that option. */
function moduleLoss(module: Module<[output: Tensor, target: Tensor]>): LossFunction {
  return (output, target, options) => {
    if (options?.reduction === undefined) return module.forward(output, target);
    const own = (module as { options?: object }).options;
    const Kind = module.constructor as new (options: object) => typeof module;
    return new Kind({ ...own, reduction: options.reduction }).forward(output, target);
  };
}

function takesLogit(loss: LossArgument): boolean {
  return loss === "bceWithLogitsLoss" || loss === bceWithLogitsLoss || loss instanceof BCEWithLogitsLoss;
}

function accuracy(output: Tensor, target: Tensor, yesFrom: number): Tensor {
  const yesNo = output.rank < 2 || output.shape[1] === 1;
  if (yesNo) return output.greater(yesFrom).equal(target.reshape(output.shape).greater(0.5));
  const labels = target.rank === output.rank ? target.argmax(1) : target;
  return output.argmax(1).equal(labels);
}

function isLoss(v: unknown): v is LossArgument {
  return typeof v === "string" || typeof v === "function" || v instanceof Module;
}
