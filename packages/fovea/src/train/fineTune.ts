import { UsageError } from "../base/errors.ts";
import type { ImageClassifier } from "../models/_classifier.ts";
import { parameterCounts, prepareFineTuning, type ParameterCounts } from "../models/prepareFineTuning.ts";
import { BatchNorm } from "../nn/batchNorm.ts";
import { AdamW } from "../optim/adam.ts";
import { oneCycle } from "../optim/oneCycle.ts";
import { parameterGroups, parametersByStage } from "../optim/parameterGroups.ts";
import { fromHost } from "../tensor/create.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { Callback, Logs } from "./callback.ts";
import { History } from "./history.ts";
import { openSource, type TrainData } from "./source.ts";
import { Trainer } from "./trainer.ts";
import type { FineTuneStrategy } from "./strategy.ts";

export interface FineTuningOptions {
  /** What learns: the `head` alone (default), then also the later stages (`partial`), or then everything (`full`). */
  strategy?: Exclude<FineTuneStrategy, "svm">;
  /** Other classes than the network has: its last layer is made anew. Default: as many as the data have. */
  numClasses?: number;
  /** Epochs in which only the head learns; default 8. */
  headEpochs?: number;
  /** Epochs after that, with more layers; default 8. */
  epochs?: number;
  /** Highest rate of the head; default 3e-3. */
  headLr?: number;
  /** Highest rate of the last layers once more of them learn; default 2e-4. */
  lr?: number;
  /** What the rate is multiplied by from each stage to the one before; default 0.4. */
  decay?: number;
  /** Default 0.01. */
  weightDecay?: number;
  /**
   * `frozen` (default): batch norms keep the statistics that they came with, bit for bit, also where other layers learn:
   * small batches would spoil them. `train`: those of layers that learn follow the new data.
   */
  batchNorm?: "frozen" | "train";
  /** Looked at after each epoch; the weights that are most accurate on it are kept, of equal ones those with the least loss. */
  validationData?: TrainData;
  /** Where `data` are no loader; default 16. */
  batchSize?: number;
  seed?: number | bigint;
  /** As `fit`'s; default 0, silent. */
  verbose?: 0 | 1 | 2 | "auto";
  callbacks?: readonly Callback[];
  signal?: AbortSignal;
  compiled?: boolean;
  /** Called with what will learn and when, before anything runs. */
  onPlan?: (plan: readonly TuningPhase[]) => void | Promise<void>;
}

/** A part of fine-tuning in which the same layers learn. */
export interface TuningPhase {
  readonly name: "head" | "partial" | "full";
  readonly epochs: number;
  /** Highest rate of the last layers. */
  readonly lr: number;
  readonly counts: ParameterCounts;
  readonly stages: readonly TuningStage[];
}

export interface TuningStage {
  /** The last module of the stage. */
  readonly stage: string;
  readonly parameters: number;
  readonly trainable: number;
  /** What `lr` is multiplied by here. */
  readonly lrScale: number;
}

export interface FineTuningResult {
  readonly plan: readonly TuningPhase[];
  /** Of the phases, one after the other. */
  readonly history: { readonly [name: string]: readonly number[] };
  /** Of the epoch whose weights the network has now; null without validation data. */
  readonly best: Logs | null;
  /** False when the signal stopped it. */
  readonly finished: boolean;
}

/**
 * Fits a pretrained classifier to other pictures: first the head on a frozen base, then (`partial`, `full`) more layers
 * with rates that fall towards the input (Howard and Ruder, 2018). Each phase has one cycle of AdamW.
 *
 * @param data Pictures as the network wants them, with classes: a loader (see `pictureOptions`) or a dataset.
 * @example
 * const { model, preprocessing } = await models.load("squeezenet1.0.imagenet1k-v1");
 * const { train, validation } = await imageFolder("photos");
 * const loader = (part, augment) => new DataLoader(part, { batchSize: 16, shuffle: augment, ...pictureOptions(preprocessing, { augment }) });
 * const { best } = await fineTune(model, loader(train, true), { validationData: loader(validation, false), strategy: "full" });
 */
export async function fineTune(
  model: ImageClassifier,
  data: TrainData,
  options: FineTuningOptions = {},
): Promise<FineTuningResult> {
  const {
    seed = 0,
    batchSize = 16,
    validationData,
    compiled,
    signal,
    verbose = 0,
    weightDecay = 0.01,
    decay,
  } = options;
  const source = await openSource(data, undefined, { batchSize, shuffle: true, seed });
  const numClasses = options.numClasses ?? source.classes.length;
  const plan = planFineTuning(model, { ...options, ...(numClasses > 0 && { numClasses }) });
  await options.onPlan?.(plan);

  const best = new KeepBest();
  const history: Record<string, number[]> = {};
  let finished = true;
  let initialEpoch = 0;
  for (const phase of plan) {
    setPhase(model, phase.name, options);
    const cycle = source.length === null ? phase.lr : oneCycle(phase.lr, { steps: phase.epochs * source.length });
    const groups = parameterGroups(model, { decay: decay ?? DECAY, weightDecay });
    const trainer = new Trainer(model, {
      optimizer: new AdamW(groups, { lr: cycle }),
      loss: "crossEntropy",
      metrics: ["accuracy"],
      ...(compiled !== undefined && { compiled }),
    });
    const done = await trainer.fit(data, {
      initialEpoch,
      epochs: initialEpoch + phase.epochs,
      batchSize,
      seed,
      verbose,
      callbacks: [best, ...(options.callbacks ?? [])],
      ...(validationData && { validationData }),
      ...(signal && { signal }),
    });
    append(history, done);
    initialEpoch += phase.epochs;
    if (!done.finished) {
      finished = false;
      break;
    }
  }
  best.apply(model);
  return { plan, history, best: best.logs, finished };
}

const DECAY = 0.4;

/** What `fineTune` will do: the head gets its classes and the layers their freezing, but nothing is trained. */
export function planFineTuning(model: ImageClassifier, options: FineTuningOptions = {}): TuningPhase[] {
  const { strategy = "head", headEpochs = 8, epochs = 8, headLr = 3e-3, lr = 2e-4, decay = DECAY } = options;
  if (strategy !== "head" && strategy !== "partial" && strategy !== "full") {
    throw new UsageError(`fineTune: strategy is head, partial or full, got ${String(strategy)}`);
  }
  const { batchNorm = "frozen", numClasses } = options;
  if (batchNorm !== "frozen" && batchNorm !== "train") {
    throw new UsageError(`fineTune: batchNorm is frozen or train, got ${String(batchNorm)}`);
  }
  prepareFineTuning(model, { train: "head", ...(numClasses !== undefined && { numClasses }) });
  const names = strategy === "head" ? (["head"] as const) : (["head", strategy] as const);
  const phases = names.map((name): TuningPhase => {
    setPhase(model, name, options);
    const stages = parametersByStage(model);
    return {
      name,
      epochs: name === "head" ? headEpochs : epochs,
      lr: name === "head" ? headLr : lr,
      counts: parameterCounts(model),
      stages: stages.map(({ stage, params }, i) => ({
        stage,
        parameters: params.reduce((sum, { size }) => sum + size, 0),
        trainable: params.reduce((sum, { size, requiresGrad }) => sum + (requiresGrad ? size : 0), 0),
        lrScale: decay ** (stages.length - 1 - i),
      })),
    };
  });
  setPhase(model, "head", options);
  const planned = phases.filter((phase) => phase.epochs > 0);
  if (planned.length === 0) throw new UsageError("fineTune: headEpochs and epochs are 0, so nothing would be trained");
  return planned;
}

/** Freezes what does not learn in a phase: of `partial` the first half of the stages. */
function setPhase(
  model: ImageClassifier,
  name: TuningPhase["name"],
  { batchNorm = "frozen" }: FineTuningOptions,
): void {
  prepareFineTuning(model, { train: name === "head" ? "head" : "all" });
  if (name === "partial") {
    const stages = parametersByStage(model);
    for (const { params } of stages.slice(0, Math.floor(stages.length / 2))) {
      for (const parameter of params) parameter.requireGrad(false);
    }
  }
  if (batchNorm === "train") return;
  for (const module of model.namedModules().values()) if (module instanceof BatchNorm) module.freeze();
}

/** Keeps the weights of the epoch that was most accurate in validation, over all phases, as `fovea train` does. */
class KeepBest implements Callback {
  logs: Logs | null = null;
  #weights: ReadonlyMap<string, Tensor> | null = null;

  async onEpochEnd(_epoch: number, logs: Logs, { model }: Trainer): Promise<void> {
    const { valAccuracy: accuracy, valLoss: loss } = logs;
    if (accuracy === undefined || loss === undefined) return;
    const { valAccuracy: most = -1, valLoss: least = Infinity } = this.logs ?? {};
    if (!(accuracy > most || (accuracy === most && loss < least))) return;
    this.logs = logs;
    const copies = new Map<string, Tensor>();
    for (const [name, t] of model.stateDict()) copies.set(name, fromHost(await t.data(), t.shape, t.dtype));
    this.#weights = copies;
  }

  apply(model: ImageClassifier): void {
    if (this.#weights !== null) model.loadStateDict(this.#weights);
  }
}

function append(history: Record<string, number[]>, { history: fresh }: History): void {
  for (const [name, values] of Object.entries(fresh)) (history[name] ??= []).push(...values);
}
