import { ShapeError, UsageError } from "../base/errors.ts";
import { defaultStream, restoreDefaultStream } from "../base/random.ts";
import { showShape } from "../base/shape.ts";
import { recordShapes } from "../graph/macs.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { noGrad } from "../tensor/apply.ts";
import { catchAnomaly } from "./anomaly.ts";
import { isTensor, type Named, type TrainBatch, type Values } from "./batch.ts";
import { CallbackList, type Callback } from "./callback.ts";
import { ProgressBar } from "./callbacks/progressBar.ts";
import { addBatch, emptyTally, meansOf, startState, type FitState } from "./fitState.ts";
import { History } from "./history.ts";
import { checkMemory } from "./memory.ts";
import { explainLoss } from "./nonFinite.ts";
import type { Metric } from "./metrics/metric.ts";
import { named } from "./objective.ts";
import { restoreSnapshot } from "./snapshot.ts";
import type { TrainData } from "./source.ts";
import { checkCount, openSources } from "./fitSources.ts";
import { checkAccumulate, StepRunner, type StepOptions } from "./step.ts";
import { BatchStream } from "./stream.ts";
import type { FitOptions, Trainer } from "./trainer.ts";
import { computed, targetOf, validate } from "./validate.ts";

/** Trains: `Trainer.fit`. */
export async function runFit(
  trainer: Trainer,
  stepOptions: StepOptions,
  metrics: readonly Metric[],
  x: Named<Values> | TrainData,
  y: Named<Values> | undefined,
  given: FitOptions,
): Promise<History> {
  const options = withDevRun(given);
  const { model } = trainer;
  const { accumulate = 1 } = trainer.options;
  const { epochs = 1, initialEpoch = 0, signal, detectAnomaly = false, sanityBatches = 2, resume = null } = options;
  checkAccumulate(accumulate);
  checkCount("epochs", epochs, 1);
  checkCount("initialEpoch", initialEpoch, 0);
  if (options.stepsPerEpoch !== undefined) checkCount("stepsPerEpoch", options.stepsPerEpoch, 1);
  const own: StepOptions = detectAnomaly ? { ...stepOptions, compiled: false } : stepOptions;
  const { train, validation } = await openSources(trainer, x, y, options);
  const { stepsPerEpoch } = options;
  const callbacks = new CallbackList(callbacksOf(options));
  const runner = new StepRunner(own);
  const pause = makePause();

  let state = startState(initialEpoch);
  /** Of the training part of the epoch, while the metrics look at the validation. */
  let measured: FitState["metrics"] | null = null;
  const data = { ...train.description, ...(train.length !== null && { batches: train.length }) };
  trainer.enter({
    callbacks,
    data,
    source: train,
    state: () => ({
      ...state,
      stopped: trainer.stopTraining,
      random: defaultStream().state,
      metrics: measured ?? metrics.map((metric) => metric.state),
    }),
  });
  const { progress } = trainer;
  const showState = () => {
    const { epoch, batch, step, examples: all, seconds: time } = state;
    Object.assign(progress, { epoch, epochs, batch, batches: stepsPerEpoch ?? train.length, step });
    Object.assign(progress, { examples: all, seconds: time, lr: trainer.optimizer.lr, examplesPerSecond: 0 });
  };
  showState();
  let stream: BatchStream | null = null;
  let [examples, seconds] = [0, 0]; // of this session

  /** Takes a step of the optimizer, of one batch or several of one pass; false at the end of a pass. */
  const step = async (batches: BatchStream): Promise<boolean> => {
    let done = 0;
    for (let share = 1; ; share++) {
      const started = performance.now();
      const batch = await batches.next();
      if (batch === null) return false;
      await callbacks.call("onTrainBatchBegin", state.batch, trainer);
      const { lr } = trainer.optimizer;
      done += batch.size;
      const last = share >= accumulate || state.batch + 1 === stepsPerEpoch || !(await batches.hasNext());
      if (examples === 0) checkMemory(own, batch, trainer.optimizer);
      const run = () => runner.train(batch, trainer.optimizer, accumulate === 1 ? undefined : { last, examples: done });
      const { scores, output } = detectAnomaly ? await catchAnomaly(run, state.step + 1) : await run();
      const loss = scores.get("loss")!;
      if (!Number.isFinite(loss)) throw await explainLoss(model, batch, loss, state.step + 1);
      if (output !== null) for (const metric of metrics) metric.update(output, targetOf(batch));
      const taken = (performance.now() - started) / 1000;
      seconds += taken;
      examples += batch.size;
      state = {
        ...state,
        batch: state.batch + 1,
        step: state.step + (last ? 1 : 0),
        at: batches.at,
        tally: addBatch(state.tally, batch.size, scores),
        lr,
        examples: state.examples + batch.size,
        seconds: state.seconds + taken,
      };
      progress.batch = state.batch;
      progress.step = state.step;
      progress.lr = lr;
      progress.scores = scores;
      progress.size = batch.size;
      progress.examplesPerSecond = examples / seconds;
      progress.seconds = state.seconds;
      progress.examples = state.examples;
      await callbacks.call("onTrainBatchEnd", state.batch - 1, meansOf(state.tally), trainer);
      await pause();
      if (last) return true;
    }
  };
  const interrupted = async (): Promise<History> => {
    await callbacks.call("onResumePoint", "stop", trainer);
    return trainer.history;
  };

  try {
    await callbacks.call("onTrainBegin", trainer);
    if (resume !== null) {
      state = restoreSnapshot(resume, { model, optimizer: trainer.optimizer, callbacks, data });
      trainer.stopTraining = state.stopped;
      showState();
    }
    trainer.history = new History(state.history.epoch, state.history.history);
    if (validation !== null && validation.length !== null && sanityBatches > 0) {
      const { classes } = validation;
      const onFirst = (batch: TrainBatch) => checkOutputs(model, batch, classes, validation.name);
      await validate(model, runner, validation, { limit: sanityBatches, signal, onFirst }).catch(ifAborted(signal));
    }
    if (resume !== null) restoreDefaultStream(state.random);

    metrics.forEach((metric, i) => {
      metric.reset();
      if (resume !== null) metric.state = state.metrics[i]!;
    });

    stream = new BatchStream(train, state.at);
    while (state.epoch < epochs && (state.begun || !trainer.stopTraining)) {
      const { epoch } = state;
      Object.assign(progress, { epoch, batch: state.batch });
      if (!state.begun) {
        await callbacks.call("onEpochBegin", epoch, trainer);
        state = { ...state, begun: true };
      }
      model.train();
      let passes = 0;
      for (;;) {
        if (trainer.endEpoch || state.batch === stepsPerEpoch) break;
        if (signal?.aborted) return await interrupted();
        if (await step(stream)) {
          passes = 0;
          await callbacks.call("onResumePoint", "step", trainer);
          if (!model.training) model.train(); // a callback has evaluated
          continue;
        }
        state = { ...state, at: stream.at };
        if (stepsPerEpoch === undefined) break;
        if (++passes < 2) continue; // the next pass
        if (state.batch === 0) throw new UsageError("fit: the data gave no batch");
        trainer.stopTraining = true; // they were for once, and are used up
        break;
      }
      if (signal?.aborted) return await interrupted();
      if (state.tally.examples === 0) throw new UsageError("fit: the data gave no batch");

      measured = metrics.map((metric) => metric.state);
      const trained = { ...meansOf(state.tally), ...computed(metrics) };
      const logs: Record<string, number> = { ...trained, lr: state.lr };
      if (validation !== null && isDue(options.validationFreq ?? 1, epoch)) {
        await callbacks.call("onTestBegin", trainer);
        const found = await validate(model, runner, validation, {
          limit: options.validationSteps,
          metrics,
          signal,
          onBatch: pause,
        }).catch(ifAborted(signal));
        await callbacks.call("onTestEnd", found ?? {}, trainer);
        if (found === null) return await interrupted();
        for (const [name, value] of Object.entries(found)) logs[named("val", name)] = value;
      }
      trainer.history.add(epoch, logs);
      await callbacks.call("onEpochEnd", epoch, logs, trainer);
      const { epoch: done, history } = trainer.history;
      state = {
        ...state,
        epoch: epoch + 1,
        batch: 0,
        begun: false,
        tally: emptyTally,
        history: { epoch: [...done], history },
      };
      if (trainer.endEpoch && stepsPerEpoch === undefined && state.at.batch > 0) {
        await stream.close(); // the next epoch is a pass of its own
        stream = new BatchStream(train, { pass: state.at.pass + 1, batch: 0 });
        state = { ...state, at: stream.at };
      }
      measured = null;
      trainer.endEpoch = false;
      Object.assign(progress, { epoch: epoch + 1, batch: 0 });
      await callbacks.call("onResumePoint", "epoch", trainer);
    }
    trainer.history.finished = true;
    if (trainer.averaged !== null) model.loadStateDict(trainer.averaged, { strict: false });
    await callbacks.call("onTrainEnd", lastOf(trainer.history), trainer);
    return trainer.history;
  } finally {
    await stream?.close();
    runner.dispose();
    try {
      await callbacks.call("close", trainer);
    } finally {
      trainer.enter(null);
    }
  }
}

function withDevRun(options: FitOptions): FitOptions {
  if (!options.fastDevRun) return options;
  const batches = options.fastDevRun === true ? 1 : options.fastDevRun;
  const { initialEpoch = 0, callbacks = [] } = options;
  return {
    ...options,
    epochs: initialEpoch + 1,
    limitTrainBatches: batches,
    limitValidationBatches: batches,
    sanityBatches: 0,
    callbacks: callbacks.filter(({ writes }) => !writes),
  };
}

function callbacksOf({ callbacks = [], verbose = "auto" }: FitOptions): Callback[] {
  if (verbose === 0) return [...callbacks];
  return [...callbacks, new ProgressBar(verbose === "auto" ? {} : { bar: verbose === 1 })];
}

/** Throws unless the network gives a score per class: labels would be read as nonsense. */
function checkOutputs(
  model: StepOptions["model"],
  { x, y }: TrainBatch,
  classes: readonly string[],
  name: string,
): void {
  const labels = y.get("");
  if (classes.length === 0 || labels?.dtype !== "int32" || labels.shape.length !== 1) return;
  const before = defaultStream().state;
  const { outputs, values } = recordShapes(
    (...inputs) =>
      noGrad(() => {
        const output = (model.eval().forward as (...x: Tensor[]) => unknown)(...inputs);
        return isTensor(output) ? output : inputs[0]!; // several outputs: not judged
      }),
    x.map(({ shape, dtype }) => ({ shape, dtype })),
  );
  restoreDefaultStream(before);
  const scores = values[outputs[0]!]!.shape;
  if (scores.length !== 2 || scores[1] === classes.length || scores[1] === 1) return;
  throw new ShapeError(
    `${model.constructor.name} gives scores ${showShape(scores)} for images ${showShape(x[0]!.shape)}, and ${name} has ` +
      `${classes.length} classes; the last layer should give ${classes.length}`,
  );
}

function isDue(frequency: number | readonly number[], epoch: number): boolean {
  return typeof frequency === "number" ? (epoch + 1) % frequency === 0 : frequency.includes(epoch + 1);
}

function lastOf({ history }: History): Record<string, number> {
  return Object.fromEntries(Object.entries(history).map(([name, values]) => [name, values.at(-1)!]));
}

/** Lets timers and signals through now and then: awaiting finished work alone never would. */
function makePause(): () => Promise<void> {
  let last = performance.now();
  return async () => {
    if (performance.now() - last < 50) return;
    await new Promise<void>((resolve) => {
      // A timer waits for a millisecond at least, which steps of a few would notice.
      if (typeof setImmediate === "function") setImmediate(resolve);
      else setTimeout(resolve, 0);
    });
    last = performance.now();
  };
}

/** Turns a stop by the signal into null; other errors stay errors. */
function ifAborted(signal: AbortSignal | undefined): (error: unknown) => null {
  return (error) => {
    if (signal?.aborted) return null;
    throw error;
  };
}
