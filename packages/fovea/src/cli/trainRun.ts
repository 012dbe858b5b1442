import { join } from "node:path";
import { FoveaError } from "../base/errors.ts";
import { manualSeed } from "../base/random.ts";
import type { ImageDataset } from "../data/dataset.ts";
import { countParameters } from "../nn/index.ts";
import type { Optimizer } from "../optim/index.ts";
import type { ClassifierModel } from "../train/classifier.ts";
import { describeEnvironment, type Environment } from "../train/environment.ts";
import { evaluate } from "../train/evaluate.ts";
import { fit } from "../train/fit.ts";
import type { FitState } from "../train/fitState.ts";
import { showCount, showDuration, showNumber, showPercent } from "../train/format.ts";
import { bestEpoch, type EpochMetrics } from "../train/history.ts";
import { NonFiniteError } from "../train/nonFinite.ts";
import { renderReport } from "../train/report.ts";
import { RunFolder } from "../train/runFolder.ts";
import { dataStem, holdOut, openData } from "./data.ts";
import { useEngine } from "./engine.ts";
import { Interrupted } from "./errors.ts";
import { buildModel, checkFits, toMetadata, type ModelSpec } from "./model.ts";
import { makeProgress, type Progress } from "./progress.ts";
import { collectReport } from "./reportData.ts";
import { stopOnSignals } from "./signals.ts";
import { completeConfig, makeOptimizer, parseConfig, type TrainConfig } from "./trainConfig.ts";
import { loadWeights } from "./trained.ts";

/** Trains from the start into a new folder. */
export async function startRun(config: TrainConfig, out: string | undefined, json: boolean): Promise<void> {
  useEngine(given(config));
  const progress = await makeProgress();
  const setup = await prepare(config, progress);
  const contents = { train: config, environment: describeEnvironment() };
  const run =
    out === undefined
      ? await RunFolder.createNumbered("runs", `${config.model}-${dataStem(config.data)}`, contents)
      : await RunFolder.create(out, contents);
  progress.say(summaryLine(config, setup, run));
  await trainInto(run, config, setup, { json, progress });
}

/** Goes on with a run from its newest checkpoint. */
export async function resumeRun(path: string, over: Partial<TrainConfig>, json: boolean): Promise<void> {
  const run = await RunFolder.open(path);
  const contents = await run.readConfig();
  const before = (contents as { environment?: Partial<Environment> }).environment;
  const file = parseConfig(contents, join(path, "config.json"));
  const engine = over.engine ?? file.engine ?? (before?.engine as TrainConfig["engine"]) ?? null;
  const config = { ...completeConfig(over, file), engine };
  useEngine(given(config));
  const progress = await makeProgress();
  const setup = await prepare(config, progress);
  const { state, problems } = await run.restore(setup.model, setup.optimizer);
  for (const problem of problems) progress.say(`passed over a damaged checkpoint: ${problem}`);
  const now = describeEnvironment();
  if (before?.engine !== now.engine || before.isa !== now.isa) {
    progress.say(
      `the run was begun with ${before?.engine} (${before?.isa}), this is ${now.engine} (${now.isa}): numbers may differ in the last digits`,
    );
  }
  progress.say(summaryLine(config, setup, run));
  progress.say(`going on after step ${showCount(state.step)}`);
  await trainInto(run, config, setup, { json, progress, from: state });
}

interface Setup {
  readonly spec: ModelSpec;
  readonly model: ClassifierModel;
  readonly optimizer: Optimizer;
  readonly train: ImageDataset;
  readonly validation: ImageDataset;
  readonly test: ImageDataset;
}

/** Data, network and optimizer of a configuration; the network starts from the seed. */
async function prepare(config: TrainConfig, { say }: Progress): Promise<Setup> {
  const source = await openData(config.data, say);
  const all = await source.train();
  const test = await source.test();
  const { train, validation } = holdOut(all);
  const { activation, pooling } = config;
  const numClasses = all.classes.length;
  const options = { ...(activation && { activation }), ...(pooling && { pooling }), numClasses };
  const spec: ModelSpec = { model: config.model, options, classes: all.classes, data: config.data };
  for (const data of [all, test]) checkFits(spec, data);
  manualSeed(config.seed);
  const model = buildModel(spec);
  const steps = config.epochs * Math.ceil(train.length / config.batchSize);
  return { spec, model, optimizer: makeOptimizer(config, model.parameters(), steps), train, validation, test };
}

interface Session {
  readonly json: boolean;
  readonly progress: Progress;
  readonly from?: FitState;
}

async function trainInto(run: RunFolder, config: TrainConfig, setup: Setup, session: Session): Promise<void> {
  const { spec, model, optimizer, train, validation } = setup;
  const { json, progress, from } = session;
  const metadata = toMetadata(spec);
  const stop = stopOnSignals(() => progress.say("stopping after this step and saving; Ctrl-C again to stop at once"));
  let lastEpoch: EpochMetrics | null = null;
  let epochStarted = { images: from?.images ?? 0, seconds: from?.seconds ?? 0 };
  try {
    const { finished, state } = await fit({
      model,
      optimizer,
      trainData: train,
      validationData: validation,
      epochs: config.epochs,
      batchSize: config.batchSize,
      seed: config.seed,
      signal: stop.signal,
      ...(from && { from }),
      onStep: progress.update,
      onEpoch: async (metrics, state) => {
        const seconds = state.seconds - epochStarted.seconds;
        const images = state.images - epochStarted.images; // none when a run is resumed right before a validation
        const imagesPerSecond = images === 0 ? 0 : images / seconds;
        epochStarted = state;
        lastEpoch = metrics;
        progress.say(epochLine(metrics, config.epochs, imagesPerSecond, seconds));
        if (json) console.log(JSON.stringify({ ...metrics, imagesPerSecond, seconds }));
        await run.writeWeights("last", model, metadata);
        if (bestEpoch(state.history) === metrics) await run.writeWeights("best", model, metadata);
      },
      save: async (state) => {
        await run.appendMetrics(state.history);
        await run.saveCheckpoint(state, model, optimizer);
      },
    })
      .finally(progress.close)
      .catch((error: unknown) => {
        throw error instanceof NonFiniteError ? keptError(error, lastEpoch, run) : error;
      });
    if (!finished) {
      throw new Interrupted(
        `stopped after step ${showCount(state.step)} and saved; go on with: fovea train --resume ${run.path}`,
      );
    }
    await finish(run, config, setup, session, state);
  } finally {
    stop.dispose();
  }
}

/** Says what is left of a run whose numbers overflowed. */
function keptError(error: NonFiniteError, lastEpoch: EpochMetrics | null, run: RunFolder): FoveaError {
  const kept = lastEpoch && `; the weights of epoch ${lastEpoch.epoch} are in ${run.file("last.safetensors")}`;
  return new FoveaError(`training stopped: ${error.message}${kept ?? ""}`, { cause: error });
}

/** Tests the best weights, writes the report, and says what came of it. */
async function finish(
  run: RunFolder,
  config: TrainConfig,
  setup: Setup,
  session: Session,
  state: FitState,
): Promise<void> {
  const { spec, model, test } = setup;
  await loadWeights(model, run.file("best.safetensors"));
  const result = await evaluate(model, test, { worst: 24 });
  const environment = describeEnvironment();
  const imagesPerSecond = state.images / state.seconds;
  const parameters = countParameters(model);
  const report = await collectReport({ run, config, environment, parameters, ...setup, result, state });
  await run.writeReport(await renderReport(report));

  if (session.json) {
    const { engine, threads } = environment;
    const done = {
      event: "done",
      model: spec.model,
      parameters,
      engine,
      threads,
      epochs: config.epochs,
      testAccuracy: result.accuracy,
      testLoss: result.loss,
      imagesPerSecond,
      seconds: state.seconds,
      out: run.path,
    };
    console.log(JSON.stringify(done));
    return;
  }
  const best = bestEpoch(state.history);
  console.log(
    [
      `test accuracy ${showPercent(result.accuracy)}, loss ${showNumber(result.loss)}, on ${showCount(test.length)} images ` +
        `(weights of epoch ${best?.epoch}; ${showCount(imagesPerSecond)} images/s, ${showDuration(state.seconds)})`,
      `report   ${run.file("report.html")}`,
      `weights  ${run.file("best.safetensors")}`,
      `next     fovea predict ${run.path} digit.png`,
    ].join("\n"),
  );
}

function summaryLine(config: TrainConfig, { model, train, validation, test }: Setup, run: RunFolder): string {
  const { engine, isa, threads } = describeEnvironment();
  const images = `${showCount(train.length)} + ${showCount(validation.length)} + ${showCount(test.length)} images`;
  return [
    `${config.model}, ${showCount(countParameters(model))} parameters`,
    `${config.data}, ${images} (training + validation + test)`,
    `${engine} engine, ${isa}, ${threads} ${threads === 1 ? "thread" : "threads"}`,
    run.path,
  ].join(" · ");
}

function epochLine(metrics: EpochMetrics, epochs: number, imagesPerSecond: number, seconds: number): string {
  const { epoch, trainLoss, trainAccuracy, validationLoss, validationAccuracy } = metrics;
  return (
    `epoch ${String(epoch).padStart(String(epochs).length)}/${epochs}` +
    `  loss ${showNumber(trainLoss)}  accuracy ${showPercent(trainAccuracy)}` +
    `  validation loss ${showNumber(validationLoss)}  accuracy ${showPercent(validationAccuracy)}` +
    `  ${showCount(imagesPerSecond)} images/s  ${seconds.toFixed(1)} s`
  );
}

function given({ engine, threads }: TrainConfig): Parameters<typeof useEngine>[0] {
  return { engine: engine ?? undefined, threads: threads ?? undefined };
}
