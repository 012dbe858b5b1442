import { join } from "node:path";
import { FoveaError } from "../base/errors.ts";
import { manualSeed } from "../base/random.ts";
import type { ImageDataset } from "../data/dataset.ts";
import { countParameters } from "../nn/index.ts";
import type { Optimizer } from "../optim/index.ts";
import type { Callback, Logs } from "../train/callback.ts";
import { Checkpoint } from "../train/callbacks/checkpoint.ts";
import { ProgressBar } from "../train/callbacks/progressBar.ts";
import { RunRecorder } from "../train/callbacks/runRecorder.ts";
import type { ClassifierModel } from "../train/classifier.ts";
import { describeEnvironment, type Environment } from "../train/environment.ts";
import { evaluate } from "../train/evaluate.ts";
import { showCount, showDuration, showNumber, showPercent } from "../train/format.ts";
import { NonFiniteError } from "../train/nonFinite.ts";
import { renderReport } from "../train/report.ts";
import { RunFolder } from "../train/runFolder.ts";
import { bestEpoch, epochsOf } from "../train/runLines.ts";
import { readFitState, type Snapshot } from "../train/snapshot.ts";
import { Trainer } from "../train/trainer.ts";
import { dataStem, holdOut, openData } from "./data.ts";
import { useEngine } from "./engine.ts";
import { Interrupted } from "./errors.ts";
import { buildModel, checkFits, toMetadata, type ModelSpec } from "./model.ts";
import { collectReport } from "./reportData.ts";
import { stopOnSignals } from "./signals.ts";
import { completeConfig, makeOptimizer, parseConfig, type TrainConfig } from "./trainConfig.ts";
import { loadWeights } from "./trained.ts";

/** Trains from the start into a new folder. */
export async function startRun(config: TrainConfig, out: string | undefined, json: boolean): Promise<void> {
  useEngine(given(config));
  const progress = makeProgress();
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
  const progress = makeProgress();
  const problems: string[] = [];
  const resume = await Checkpoint.newest(path, (problem) => problems.push(problem));
  if (resume === null) {
    const why =
      problems.length > 0 ? `none of its checkpoints is whole: ${problems.join("; ")}` : "it has no checkpoint yet";
    throw new FoveaError(`${path} cannot be resumed: ${why}`);
  }
  for (const problem of problems) progress.say(`passed over a damaged checkpoint: ${problem}`);
  const setup = await prepare(config, progress);
  const now = describeEnvironment();
  if (before?.engine !== now.engine || before.isa !== now.isa) {
    progress.say(
      `the run was begun with ${before?.engine} (${before?.isa}), this is ${now.engine} (${now.isa}): numbers may differ in the last digits`,
    );
  }
  progress.say(summaryLine(config, setup, run));
  progress.say(`going on after step ${showCount(readFitState(resume).step)}`);
  await trainInto(run, config, setup, { json, progress, resume });
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
async function prepare(config: TrainConfig, progress: ProgressBar): Promise<Setup> {
  const source = await openData(config.data, (line) => progress.say(line));
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
  readonly progress: ProgressBar;
  readonly resume?: Snapshot;
}

async function trainInto(run: RunFolder, config: TrainConfig, setup: Setup, session: Session): Promise<void> {
  const { spec, model, optimizer, train, validation } = setup;
  const { json, progress, resume = null } = session;
  const stop = stopOnSignals(() => progress.say("stopping after this step and saving; Ctrl-C again to stop at once"));
  const trainer = new Trainer(model, { optimizer, loss: "crossEntropy", metrics: ["accuracy"] });
  const recorder = new RunRecorder(run);
  const checkpoint = new Checkpoint(run.path, {
    monitor: "valAccuracy",
    thenBy: "valLoss",
    metadata: toMetadata(spec),
  });
  try {
    const { finished } = await trainer
      .fit(train, {
        validationData: validation,
        validationBatchSize: 256,
        epochs: config.epochs,
        batchSize: config.batchSize,
        seed: config.seed,
        signal: stop.signal,
        verbose: 0,
        resume,
        callbacks: [progress, recorder, checkpoint, ...(json ? [new JsonLines(recorder)] : [])],
      })
      .catch((error: unknown) => {
        throw error instanceof NonFiniteError ? keptError(error, recorder, run) : error;
      });
    if (!finished) {
      throw new Interrupted(
        `stopped after step ${showCount(trainer.progress.step)} and saved; go on with: fovea train --resume ${run.path}`,
      );
    }
    await finish(run, config, setup, session, trainer, recorder);
  } finally {
    stop.dispose();
  }
}

/** Prints an object per epoch. */
class JsonLines implements Callback {
  readonly #recorder: RunRecorder;
  #before = { seconds: 0, examples: 0 };

  constructor(recorder: RunRecorder) {
    this.#recorder = recorder;
  }

  onEpochBegin(_epoch: number, { progress: { seconds, examples } }: Trainer): void {
    this.#before = { seconds, examples };
  }

  onEpochEnd(_epoch: number, _logs: Logs, { progress }: Trainer): void {
    const seconds = progress.seconds - this.#before.seconds;
    const images = progress.examples - this.#before.examples; // none when a run is resumed right before a validation
    const imagesPerSecond = images === 0 ? 0 : images / seconds;
    console.log(JSON.stringify({ ...this.#recorder.lines.at(-1), imagesPerSecond, seconds }));
  }
}

/** Says what is left of a run whose numbers overflowed. */
function keptError(error: NonFiniteError, recorder: RunRecorder, run: RunFolder): FoveaError {
  const lastEpoch = epochsOf(recorder.lines).at(-1);
  const kept = lastEpoch && `; the weights of epoch ${lastEpoch.epoch} are in ${run.file("last.safetensors")}`;
  return new FoveaError(`training stopped: ${error.message}${kept ?? ""}`, { cause: error });
}

/** Tests the best weights, writes the report, and says what came of it. */
async function finish(
  run: RunFolder,
  config: TrainConfig,
  setup: Setup,
  session: Session,
  { progress: { examples: images, seconds } }: Trainer,
  { lines: history }: RunRecorder,
): Promise<void> {
  const { spec, model, test } = setup;
  await loadWeights(model, run.file("best.safetensors"));
  const result = await evaluate(model, test, { worst: 24 });
  const environment = describeEnvironment();
  const imagesPerSecond = images / seconds;
  const parameters = countParameters(model);
  const report = await collectReport({
    run,
    config,
    environment,
    parameters,
    ...setup,
    result,
    history,
    images,
    seconds,
  });
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
      seconds,
      out: run.path,
    };
    console.log(JSON.stringify(done));
    return;
  }
  const best = bestEpoch(history);
  console.log(
    [
      `test accuracy ${showPercent(result.accuracy)}, loss ${showNumber(result.loss)}, on ${showCount(test.length)} images ` +
        `(weights of epoch ${best?.epoch}; ${showCount(imagesPerSecond)} images/s, ${showDuration(seconds)})`,
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

/** A bar on a terminal, a line every few seconds elsewhere, and one per epoch. */
function makeProgress(): ProgressBar {
  return new ProgressBar({ stream: process.stderr, lineEvery: 5, unit: "images" });
}

function given({ engine, threads }: TrainConfig): Parameters<typeof useEngine>[0] {
  return { engine: engine ?? undefined, threads: threads ?? undefined };
}
