import { UsageError } from "../base/errors.ts";
import type { Shape } from "../base/shape.ts";
import type { Optimizer } from "../optim/optimizer.ts";
import { fromHost } from "../tensor/create.ts";
import type { Tensor } from "../tensor.ts";
import type { Named, TrainBatch, Values } from "./batch.ts";
import type { Callback, CallbackList } from "./callback.ts";
import { examine, type Evidence } from "./examine.ts";
import { startState, type FitState } from "./fitState.ts";
import type { Metric } from "./metrics/metric.ts";
import { History } from "./history.ts";
import { runFit } from "./loop.ts";
import { availableBytes, estimateMemory, firstRows } from "./memory.ts";
import { explainWeights, type NonFiniteError } from "./nonFinite.ts";
import { hostMetrics, makeObjective, type LossArgument, type MetricArgument, type Outputs } from "./objective.ts";
import type { DataDescription } from "./fingerprint.ts";
import { takeSnapshot, type Snapshot } from "./snapshot.ts";
import { toOptimizer, type OptimizerArgument } from "./optimizers.ts";
import { isArrays, openSource, toBatch, type BatchSource, type TrainData } from "./source.ts";
import { StepRunner, type BatchResult, type BatchScores, type StepOptions, type TrainableModel } from "./step.ts";
import { computed, targetOf, validate } from "./validate.ts";

/** How a network is to be trained: what Keras' `compile` is told. */
export interface TrainerOptions {
  /** One that exists, a function that makes it of the parameters, or Keras' name of one; default "adam". */
  optimizer?: OptimizerArgument;
  /** A loss by name or as a function or module; for several outputs one for all, or one by output. */
  loss: Named<LossArgument>;
  /** What each output's loss counts; default 1: `{ logits: 1, aux1: 0.3, aux2: 0.3 }`. */
  lossWeights?: readonly number[] | { readonly [output: string]: number };
  /** Of the first output: names ("accuracy", "f1", "top5", …), metric objects, functions. By output: "accuracy" or functions. */
  metrics?: readonly MetricArgument[] | { readonly [output: string]: readonly MetricArgument[] };
  /** How outputs are computed while training; default `model.forward`. For auxiliary heads. */
  forward?: (...x: Tensor[]) => Outputs;
  /** Largest length of all gradients together (the direction stays); default: no limit. */
  clipNorm?: number;
  /** Largest size of any element of a gradient; default: no limit. */
  clipValue?: number;
  /** Batches whose gradients are added up for one step of the optimizer, each by its examples; default 1. */
  accumulate?: number;
  /** Record steps once and replay them; default true. Without, the numbers are the same, but slower. */
  compiled?: boolean;
}

export interface FitOptions {
  /** Examples per batch; default 32. "auto": as `fittingBatchSize` finds. */
  batchSize?: number | "auto";
  /** The epoch to end before, counted from 0: with `initialEpoch` 0 (the default) their number. Default 1. */
  epochs?: number;
  initialEpoch?: number;
  /** 0 silent, 1 a progress bar, 2 a line per epoch; default "auto": a bar on a terminal, lines elsewhere. */
  verbose?: 0 | 1 | 2 | "auto";
  callbacks?: readonly Callback[];
  /** Share of the data, their last part, to validate on; before they are shuffled. */
  validationSplit?: number;
  /** Data to validate on after each epoch: `[x, y]`, `[x, y, sampleWeight]`, a dataset or a loader. */
  validationData?: readonly [x: Named<Values>, y: Named<Values>, sampleWeight?: Values] | TrainData;
  /** A new order in each epoch; default true. Loaders and iterables have an order of their own. */
  shuffle?: boolean;
  /** What examples of each class count in the loss: `{ 0: 1, 1: 5 }`. */
  classWeight?: readonly number[] | { readonly [label: number]: number };
  /** What each example counts in the loss, [N]. */
  sampleWeight?: Values;
  /** Batches per epoch; default: one pass over the data. Each epoch goes on where the one before stopped. */
  stepsPerEpoch?: number;
  /** Batches of a validation; default all. */
  validationSteps?: number;
  /** Default `batchSize`. */
  validationBatchSize?: number;
  /** Epochs between validations, or the epochs (from 1) after which to validate; default 1. */
  validationFreq?: number | readonly number[];
  /** Seed of the order; default 0. */
  seed?: number | bigint;
  /** Stops after the step in progress; callbacks can save there. */
  signal?: AbortSignal;
  /** Where an earlier run stopped: `Checkpoint.newest(folder)`. */
  resume?: Snapshot | null;
  /** Train on the first batches of each pass only: a number, or below 1 a share. */
  limitTrainBatches?: number;
  limitValidationBatches?: number;
  /** Train and validate on the same few batches: a network that cannot learn them by heart has a fault. */
  overfitBatches?: number;
  /** One epoch of one batch (or of so many) without writing anything: does everything run? */
  fastDevRun?: boolean | number;
  /** Run op by op and stop at the first that gives NaN or an infinity, forward or backward. Slow. */
  detectAnomaly?: boolean;
  /** Validation batches that are looked at before the first step, so that a mistake there costs no epoch; default 2. */
  sanityBatches?: number;
}

export interface EvaluateOptions {
  /** Examples per batch; default 32. */
  batchSize?: number;
  sampleWeight?: Values;
  /** Batches to look at; default all. */
  steps?: number;
  signal?: AbortSignal;
}

/** How far training is, for callbacks. */
export interface Progress {
  /** From 0, and the one to end before. */
  epoch: number;
  epochs: number;
  /** Batches done of this epoch, and their number where it is known. */
  batch: number;
  batches: number | null;
  /** Steps of the optimizer since the start. */
  step: number;
  /** Rate of the latest step. */
  lr: number;
  /** Numbers of the latest batch: means over its examples. */
  scores: BatchScores;
  /** Examples of the latest batch. */
  size: number;
  /** Of this session. */
  examplesPerSecond: number;
  /** Training time since the start, over all sessions. */
  seconds: number;
  examples: number;
}

/** What a snapshot is taken of, while `fit` runs. */
export interface Run {
  readonly callbacks: CallbackList;
  readonly data: DataDescription;
  readonly source: BatchSource;
  readonly state: () => FitState;
}

/**
 * Trains a network in the manner of Keras: the constructor is Keras' `compile`, then `fit`, `evaluate` and `predict`.
 * (`model.compile()` is something else in Fovea: the forward pass, recorded.) The numbers are those of a plain loop of
 * `loss.backward()` and `optimizer.step()`, bit for bit.
 *
 * @example
 * const trainer = new Trainer(model, { optimizer: (p) => new optim.Adam(p, { lr: 1e-3 }), loss: "crossEntropy", metrics: ["accuracy"] });
 * const { history } = await trainer.fit(x, y, { epochs: 5, validationSplit: 0.1 });
 * console.log(history.valAccuracy, await trainer.evaluate(testX, testY));
 */
export class Trainer {
  readonly model: TrainableModel;
  /** Set it in `onEpochEnd` (or anywhere) to end training with this epoch. */
  stopTraining = false;
  /** Set it to end this epoch after the batch at hand; its validation follows. */
  endEpoch = false;
  /** Of the latest `fit`. */
  history = new History();
  readonly progress: Progress = {
    epoch: 0,
    epochs: 0,
    batch: 0,
    batches: null,
    step: 0,
    lr: 0,
    scores: new Map(),
    size: 0,
    examplesPerSecond: 0,
    seconds: 0,
    examples: 0,
  };
  /** The weights that are validated, where they are not the model's own: moving averages. */
  averaged: ReadonlyMap<string, Tensor> | null = null;
  readonly options: TrainerOptions;
  readonly #stepOptions: StepOptions;
  readonly #metrics: readonly Metric[];
  #optimizer: Optimizer | null = null;
  #runner: StepRunner | null = null;
  #run: Run | null = null;

  constructor(model: TrainableModel, options: TrainerOptions) {
    const { loss, lossWeights, metrics, forward, clipNorm, clipValue, compiled = true } = options;
    if (loss === undefined) throw new UsageError('Trainer: say what to minimise: { loss: "crossEntropy" }');
    this.model = model;
    this.options = options;
    this.#metrics = hostMetrics(metrics);
    this.#stepOptions = {
      model,
      readOutput: this.#metrics.length > 0,
      objective: makeObjective({ loss, ...(lossWeights && { lossWeights }), ...(metrics && { metrics }) }),
      forward: forward ?? (model.forward as unknown as (...x: Tensor[]) => Outputs),
      compiled,
      clipNorm,
      clipValue,
    };
  }

  /** Made at its first use, because layers of Keras have their weights only then. */
  get optimizer(): Optimizer {
    if (this.#optimizer === null) {
      this.#optimizer = toOptimizer(this.options.optimizer ?? "adam", () => this.model.parameters());
    }
    return this.#optimizer;
  }

  /**
   * Trains for a number of epochs.
   *
   * @param x Arrays (first axis examples; several for several inputs), or a dataset, a loader, batches to iterate over.
   * @param y Targets of arrays: class numbers int32 [N], probabilities, or whatever the loss takes.
   */
  fit(x: Named<Values>, y: Named<Values>, options?: FitOptions): Promise<History>;
  fit(data: TrainData, options?: FitOptions): Promise<History>;
  fit(x: Named<Values> | TrainData, y?: Named<Values> | FitOptions, options?: FitOptions): Promise<History> {
    const [targets, given] = argumentsOf<FitOptions>(x, y, options);
    return runFit(this, this.#stepOptions, this.#metrics, x, targets, given);
  }

  /** Loss and metrics over data, as the model is in inference. */
  evaluate(x: Named<Values>, y: Named<Values>, options?: EvaluateOptions): Promise<Record<string, number>>;
  evaluate(data: TrainData, options?: EvaluateOptions): Promise<Record<string, number>>;
  async evaluate(
    x: Named<Values> | TrainData,
    y?: Named<Values> | EvaluateOptions,
    options?: EvaluateOptions,
  ): Promise<Record<string, number>> {
    const [targets, { batchSize = 32, sampleWeight, steps, signal }] = argumentsOf<EvaluateOptions>(x, y, options);
    const source = await openSource(x, targets, { batchSize, shuffle: false, seed: 0, sampleWeight });
    const runner = new StepRunner(this.#stepOptions);
    try {
      return await validate(this.model, runner, source, { limit: steps, signal, metrics: this.#metrics });
    } finally {
      runner.dispose();
    }
  }

  /** The outputs for data, in order: a tensor [N, ...], or several by name. */
  async predict(
    x: Named<Values> | TrainData,
    { batchSize = 32 }: { batchSize?: number } = {},
  ): Promise<Tensor | Record<string, Tensor>> {
    const source = await openSource(x, undefined, { batchSize, shuffle: false, seed: 0 });
    const runner = new StepRunner(this.#stepOptions);
    const parts = new Map<string, { rows: Float32Array[]; shape: Shape; count: number }>();
    try {
      this.model.eval();
      for await (const batch of source.pass(0, 0)) {
        for (const [name, output] of Object.entries(runner.predict(batch))) {
          const part = parts.get(name) ?? { rows: [], shape: output.shape.slice(1), count: 0 };
          parts.set(name, part);
          part.rows.push((await output.data()) as Float32Array);
          part.count += output.shape[0]!;
          output[Symbol.dispose]();
        }
      }
    } finally {
      runner.dispose();
    }
    const joined = [...parts].map(([name, { rows, shape, count }]) => {
      const values = new Float32Array(rows.reduce((sum, row) => sum + row.length, 0));
      let to = 0;
      for (const row of rows) {
        values.set(row, to);
        to += row.length;
      }
      return [name, fromHost(values, [count, ...shape], "float32")] as const;
    });
    return joined.length === 1 ? joined[0]![1] : Object.fromEntries(joined);
  }

  /** One step on one batch; returns its loss and metrics. */
  async trainOnBatch(x: Named<Values>, y: Named<Values>, sampleWeight?: Values): Promise<Record<string, number>> {
    this.model.train();
    this.#runner ??= new StepRunner(this.#stepOptions);
    return this.#alone(await batchOf(x, y, sampleWeight), (batch) => this.#runner!.train(batch, this.optimizer));
  }

  /** Loss and metrics of one batch. */
  async testOnBatch(x: Named<Values>, y: Named<Values>, sampleWeight?: Values): Promise<Record<string, number>> {
    this.model.eval();
    this.#runner ??= new StepRunner(this.#stepOptions);
    return this.#alone(await batchOf(x, y, sampleWeight), (batch) => this.#runner!.test(batch));
  }

  /**
   * The largest power of two of examples whose training step fits into `available` bytes. More than 32 only where that
   * leaves a hundred steps per epoch, which a network needs to learn something in each, and at most half of the data. Loaders must give small batches: the network is recorded for 2 and 4 examples, not run.
   */
  async fittingBatchSize(
    x: Named<Values> | TrainData,
    y?: Named<Values>,
    available = availableBytes(),
  ): Promise<number> {
    const source = await openSource(x, y, { batchSize: 4, shuffle: false, seed: 0 });
    const { length } = source;
    if (length === null) throw new UsageError('fit: batchSize "auto" goes with arrays, datasets and loaders');
    for await (const batch of source.pass(0, 0)) {
      const fits = estimateMemory(this.#stepOptions, batch, this.optimizer).largestBatch(available);
      const examples = length * batch.size;
      const most = Math.max(1, Math.min(examples / 2, Math.max(32, examples / 100)));
      return Math.max(1, Math.min(fits, 2 ** Math.floor(Math.log2(most))));
    }
    throw new UsageError("fit: there are no examples");
  }

  async #alone(batch: TrainBatch, run: (batch: TrainBatch) => Promise<BatchResult>): Promise<Record<string, number>> {
    const { scores, output } = await run(batch);
    for (const metric of this.#metrics) metric.reset();
    if (output !== null) for (const metric of this.#metrics) metric.update(output, targetOf(batch));
    return { ...Object.fromEntries(scores), ...computed(this.#metrics) };
  }

  /** The weights that validation looks at: the model's, or their moving averages. */
  evaluatedWeights(): ReadonlyMap<string, Tensor> {
    return new Map([...this.model.stateDict(), ...(this.averaged ?? [])]);
  }

  /** The run as it stands, copied: for callbacks that save, at a resume point. */
  snapshot(): Promise<Snapshot> {
    if (this.#run === null) throw new UsageError("Trainer.snapshot: there is no run; call it from a callback of fit");
    const { callbacks, state, data } = this.#run;
    return takeSnapshot({ model: this.model, optimizer: this.optimizer, callbacks, data }, state());
  }

  /** A pass over the training data of the run in progress, in the order of its first epoch. */
  trainData(): AsyncIterable<TrainBatch> {
    if (this.#run === null) throw new UsageError("Trainer.trainData: there is no run; call it from a callback of fit");
    return this.#run.source.pass(0, 0);
  }

  /** What a batch of the training data shows of the network now; null when there is none. */
  async examine(): Promise<Evidence | null> {
    for await (const batch of this.trainData())
      return examine(this.#stepOptions, firstRows(batch, Math.min(batch.size, 128)));
    return null;
  }

  /** Names of the classes of the training data, where it has any. */
  get classes(): readonly string[] {
    return this.#run?.source.classes ?? [];
  }

  /** Why the weights must not be saved: the layer that holds NaN or an infinity; null when all are finite. */
  explainWeights(): Promise<NonFiniteError | null> {
    return explainWeights(this.model, this.progress.step);
  }

  /** Of `fit` alone. */
  enter(run: Run | null): void {
    this.#run = run;
    this.stopTraining = false;
    this.endEpoch = false;
    if (run !== null) this.averaged = null;
  }

  /** The state of the run in progress; before one, that of a start. */
  get state(): FitState {
    return this.#run?.state() ?? startState();
  }
}

function argumentsOf<O extends object>(
  x: unknown,
  y: Named<Values> | O | undefined,
  options: O | undefined,
): [y: Named<Values> | undefined, options: O] {
  if (isArrays(x)) return [y as Named<Values> | undefined, options ?? ({} as O)];
  return [undefined, (y as O | undefined) ?? ({} as O)]; // other data bring their targets
}

function batchOf(x: Named<Values>, y: Named<Values>, sampleWeight: Values | undefined) {
  return toBatch({ x, y, ...(sampleWeight !== undefined && { sampleWeight }) });
}
