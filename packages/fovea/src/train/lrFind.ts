import { FoveaError, UsageError } from "../base/errors.ts";
import { pow } from "../base/math.ts";
import { defaultStream, restoreDefaultStream } from "../base/random.ts";
import { rememberModes, walk } from "../nn/module.ts";
import { Adam } from "../optim/adam.ts";
import { Optimizer } from "../optim/optimizer.ts";
import { toOptimizer } from "./optimizers.ts";
import { fromHost } from "../tensor/create.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { Named, Values } from "./batch.ts";
import { makeSmoother, suggestRates, type LrPoint, type LrSuggestions } from "./lrSuggestions.ts";
import { makeObjective, type Outputs } from "./objective.ts";
import { openSource, type TrainData } from "./source.ts";
import { StepRunner, type TrainableModel } from "./step.ts";
import type { TrainerOptions } from "./trainer.ts";

export interface LrFindOptions extends Partial<Omit<TrainerOptions, "accumulate" | "metrics">> {
  /** Targets, where `data` are arrays. */
  y?: Named<Values>;
  /** The first rate; default 1e-7. */
  startLr?: number;
  /** The last rate; default 10. */
  endLr?: number;
  /** Steps from one to the other; default 100. */
  iterations?: number;
  /** Examples per step; default 32. A rate found for one size is a rate for that size. */
  batchSize?: number;
  /** Whether to end when the smoothed loss is four times its least; default true. */
  stopDiverging?: boolean;
  /** Seed of the order; default 0. */
  seed?: number | bigint;
  signal?: AbortSignal;
  /** Called after each step. */
  onProgress?: (done: number, iterations: number) => void | Promise<void>;
}

export interface LrFindResult {
  /** Rates and smoothed losses, step by step. */
  readonly points: readonly LrPoint[];
  readonly suggestions: LrSuggestions;
  /** Whether the loss grew so much that the search ended early. */
  readonly diverged: boolean;
}

/**
 * Tries rates from tiny to huge, one step each, and says which are worth training with (Smith, 2015; the rules and the
 * numbers are fastai's). Afterwards weights, optimizer and random numbers are what they were, bit for bit.
 *
 * @param data Arrays (with `y`), or a dataset, a loader, batches to iterate over.
 * @example
 * const { suggestions } = await lrFind(model, dataset, { loss: "crossEntropy" });
 * const trainer = new Trainer(model, { optimizer: (p) => new optim.Adam(p, { lr: suggestions.valley }), loss: "crossEntropy" });
 */
export async function lrFind(
  model: TrainableModel,
  data: Named<Values> | TrainData,
  options: LrFindOptions = {},
): Promise<LrFindResult> {
  const { startLr = 1e-7, endLr = 10, iterations = 100, batchSize = 32, seed = 0, stopDiverging = true } = options;
  if (!(startLr > 0 && startLr < endLr && endLr < Infinity)) {
    throw new UsageError(`lrFind: wants 0 < startLr < endLr, got ${startLr} and ${endLr}`);
  }
  if (!Number.isInteger(iterations) || iterations < 20) {
    throw new UsageError(`lrFind: iterations must be a whole number ≥ 20, got ${iterations}`);
  }
  const source = await openSource(data, options.y, { batchSize, shuffle: true, seed });
  const runner = makeRunner(model, options);
  const { optimizer: given = (p: Tensor[]) => new Adam(p) } = options;
  const restore = await remember(model, given instanceof Optimizer ? given : null);
  const smooth = makeSmoother();
  const points: LrPoint[] = [];
  let least = Infinity;
  let diverged = false;
  try {
    const optimizer = toOptimizer(given, () => model.parameters());
    model.train();
    for (let pass = 0; points.length < iterations && !diverged; pass++) {
      const before = points.length;
      for await (const batch of source.pass(pass, 0)) {
        options.signal?.throwIfAborted();
        const lr = startLr * pow(endLr / startLr, points.length / iterations);
        optimizer.lr = lr;
        const loss = smooth((await runner.train(batch, optimizer)).scores.get("loss")!);
        points.push({ lr, loss });
        await options.onProgress?.(points.length, iterations);
        least = Math.min(least, loss);
        diverged = !Number.isFinite(loss) || (stopDiverging && loss > 4 * least);
        if (diverged || points.length >= iterations) break;
      }
      if (points.length === before) throw new FoveaError(`lrFind: ${source.name} gives no batches`);
    }
  } finally {
    runner.dispose();
    restore();
  }
  return { points, suggestions: suggestRates(points, iterations), diverged };
}

function makeRunner(model: TrainableModel, options: LrFindOptions): StepRunner {
  const { loss = "crossEntropy", lossWeights, forward, compiled = true, clipNorm, clipValue } = options;
  return new StepRunner({
    model,
    objective: makeObjective({ loss, ...(lossWeights && { lossWeights }) }),
    forward: forward ?? (model.forward as unknown as (...x: Tensor[]) => Outputs),
    compiled,
    clipNorm,
    clipValue,
  });
}

/** Copies what training changes; the function puts it back. */
async function remember(model: TrainableModel, optimizer: Optimizer | null): Promise<() => void> {
  const weights = await copyOf(model.stateDict());
  const restoreModes = rememberModes(walk(model));
  const random = defaultStream().state;
  const rates = optimizer?.rates;
  const state = optimizer && { ...optimizer.stateDict(), tensors: await copyOf(optimizer.stateDict().tensors) };
  return () => {
    model.loadStateDict(weights);
    restoreModes();
    restoreDefaultStream(random);
    if (optimizer === null) return;
    optimizer.loadStateDict(state!);
    optimizer.rates = rates!;
  };
}

async function copyOf(tensors: ReadonlyMap<string, Tensor>): Promise<Map<string, Tensor>> {
  const copies = new Map<string, Tensor>();
  for (const [name, tensor] of tensors) copies.set(name, fromHost(await tensor.data(), tensor.shape, tensor.dtype));
  return copies;
}
