import { UsageError } from "../base/errors.ts";
import { defaultStream, restoreDefaultStream } from "../base/random.ts";
import type { ImageDataset } from "../data/dataset.ts";
import { DataLoader } from "../data/loader.ts";
import type { Optimizer } from "../optim/optimizer.ts";
import { makeClassifier, type ClassifierModel } from "./classifier.ts";
import { evaluate } from "./evaluate.ts";
import { startState, type FitState } from "./fitState.ts";
import { stretchesOf, type EpochMetrics, type StretchMetrics } from "./history.ts";
import { addBatch, emptyTally, means } from "./metrics.ts";
import { explainLoss, explainWeights } from "./nonFinite.ts";
import { makeTrainStep } from "./trainStep.ts";

export interface FitOptions {
  model: ClassifierModel;
  /** Its learning rate may be a schedule. */
  optimizer: Optimizer;
  trainData: ImageDataset;
  /** Looked at after every epoch, and twice before the first, so that a mistake there does not cost an epoch. */
  validationData: ImageDataset;
  epochs: number;
  /** Images per step; default 64. */
  batchSize?: number;
  /** Seed of the images' order; default 0. */
  seed?: number | bigint;
  /** Record the training step once and replay it; default true. Without, the numbers are the same, but slower. */
  compiled?: boolean;
  /** Stops after the step in progress, and saves. */
  signal?: AbortSignal;
  /** Where an earlier run stopped; the weights and the optimizer's state must have been loaded. */
  from?: FitState;
  onStep?: (progress: StepProgress) => void;
  onEpoch?: (metrics: EpochMetrics, state: FitState) => void | Promise<void>;
  /** Writes a checkpoint: after every epoch, when stopped by the signal, and every `saveEvery` seconds. */
  save?: (state: FitState) => void | Promise<void>;
  /** Default 300. */
  saveEvery?: number;
}

export interface StepProgress {
  readonly epoch: number;
  readonly epochs: number;
  /** Of this epoch, from 1. */
  readonly batch: number;
  readonly batches: number;
  readonly step: number;
  /** Means over this epoch so far. */
  readonly loss: number;
  readonly accuracy: number;
  /** Of this session. */
  readonly imagesPerSecond: number;
}

export interface FitResult {
  /** False when the signal stopped it. */
  readonly finished: boolean;
  readonly state: FitState;
}

/** Lines of history per epoch. */
const STRETCHES = 20;

/** Trains a classifier with cross-entropy. */
export async function fit(options: FitOptions): Promise<FitResult> {
  const { model, optimizer, epochs, batchSize = 64, seed = 0, compiled = true, signal, saveEvery = 300 } = options;
  if (!Number.isInteger(epochs) || epochs < 1) throw new UsageError(`epochs must be a whole number ≥ 1, got ${epochs}`);
  const loader = new DataLoader(options.trainData, { batchSize, seed });
  const classifier = makeClassifier(model, compiled);
  const validate = (more: { batches?: number } = {}) =>
    evaluate(model, options.validationData, { classifier, onProgress: breathe, ...(signal && { signal }), ...more });
  const step = makeTrainStep(model, optimizer, compiled);
  const stretchLength = Math.max(1, Math.ceil(loader.length / STRETCHES));

  let state = options.from ?? startState();
  const breathe = makeBreathe();
  let saved = performance.now();
  const save = async () => {
    const trouble = await explainWeights(model, state.step);
    if (trouble !== null) throw trouble;
    state = { ...state, random: defaultStream().state };
    await options.save?.(state);
    saved = performance.now();
  };
  const stopped = async (): Promise<FitResult> => {
    await save();
    return { finished: false, state };
  };

  try {
    await validate({ batches: 2 }).catch(ifAborted(signal));
    if (options.from !== undefined) restoreDefaultStream(options.from.random);
    let sessionImages = 0;
    let sessionSeconds = 0;
    while (state.epoch <= epochs) {
      const { epoch } = state;
      model.train();
      let started = performance.now();
      for await (const batch of loader.epoch(epoch, state.batch)) {
        if (signal?.aborted) return await stopped();
        const { lr } = optimizer;
        const { loss, correct } = await step(batch);
        const taken = state.step + 1;
        if (!Number.isFinite(loss)) throw await explainLoss(model, batch, loss, taken);

        const seconds = (performance.now() - started) / 1000;
        started = performance.now();
        sessionSeconds += seconds;
        sessionImages += batch.size;
        const done = batch.index + 1;
        const tally = addBatch(state.tally, batch.size, loss, correct);
        let stretch = addBatch(state.stretch, batch.size, loss, correct);
        let { history } = state;
        if (done % stretchLength === 0 || done === loader.length) {
          const line: StretchMetrics = { event: "steps", epoch, step: taken, lr, ...means(stretch) };
          history = [...history, line];
          stretch = emptyTally;
        }
        state = {
          ...state,
          batch: done,
          step: taken,
          tally,
          stretch,
          history,
          images: state.images + batch.size,
          seconds: state.seconds + seconds,
        };
        const imagesPerSecond = sessionImages / sessionSeconds;
        options.onStep?.({
          epoch,
          epochs,
          batch: done,
          batches: loader.length,
          step: taken,
          ...means(tally),
          imagesPerSecond,
        });
        await breathe();
        if ((performance.now() - saved) / 1000 > saveEvery) await save();
      }
      if (signal?.aborted) return await stopped();

      const validation = await validate().catch(ifAborted(signal));
      if (validation === null) return await stopped();
      const trained = means(state.tally);
      const metrics: EpochMetrics = {
        event: "epoch",
        epoch,
        step: state.step,
        lr: stretchesOf(state.history).at(-1)!.lr, // of the last step, which a resumed run did not take itself
        trainLoss: trained.loss,
        trainAccuracy: trained.accuracy,
        validationLoss: validation.loss,
        validationAccuracy: validation.accuracy,
      };
      state = { ...state, epoch: epoch + 1, batch: 0, tally: emptyTally, history: [...state.history, metrics] };
      await options.onEpoch?.(metrics, state);
      await save();
    }
    return { finished: true, state };
  } finally {
    classifier.dispose();
    step.dispose();
  }
}

/** Lets timers and signals through now and then: awaiting finished work alone never would. */
function makeBreathe(): () => Promise<void> {
  let last = performance.now();
  return async () => {
    if (performance.now() - last < 50) return;
    await new Promise((resolve) => setTimeout(resolve, 0));
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
