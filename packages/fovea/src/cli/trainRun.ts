import { join } from "node:path";
import { FoveaError } from "../base/errors.ts";
import { countParameters } from "../nn/index.ts";
import type { Callback, Logs } from "../train/callback.ts";
import { Checkpoint } from "../train/callbacks/checkpoint.ts";
import { Diagnoses } from "../train/callbacks/diagnoses.ts";
import { EarlyStopping } from "../train/callbacks/earlyStopping.ts";
import { EMA } from "../train/callbacks/ema.ts";
import { ProgressBar } from "../train/callbacks/progressBar.ts";
import { ReduceLROnPlateau } from "../train/callbacks/reduceLrOnPlateau.ts";
import { RunRecorder } from "../train/callbacks/runRecorder.ts";
import { TensorBoard } from "../train/callbacks/tensorBoard.ts";
import { TimeLimit } from "../train/callbacks/timeLimit.ts";
import { describeEnvironment, type Environment } from "../train/environment.ts";
import { evaluate } from "../train/evaluate.ts";
import { showCount, showDuration, showNumber, showPercent } from "../train/format.ts";
import { NonFiniteError } from "../train/nonFinite.ts";
import { renderReport } from "../train/report.ts";
import { RunFolder } from "../train/runFolder.ts";
import { bestEpoch, epochsOf } from "../train/runLines.ts";
import { readFitState, type Snapshot } from "../train/snapshot.ts";
import type { Trainer } from "../train/trainer.ts";
import { dataStem } from "./data.ts";
import { useEngine } from "./engine.ts";
import { Interrupted } from "./errors.ts";
import { imageShape, inOrder, toMetadata } from "./model.ts";
import { collectReport } from "./reportData.ts";
import { stopOnSignals } from "./signals.ts";
import { completeConfig, parseConfig, type TrainConfig } from "./trainConfig.ts";
import { loadWeights } from "./trained.ts";
import { fitToMachine, makeTrainer, openTraining, prepare, type Setup } from "./trainSetup.ts";

/** Trains from the start into a new folder. */
export async function startRun(
  asked: TrainConfig,
  isCounted: boolean,
  out: string | undefined,
  json: boolean,
): Promise<void> {
  useEngine(given(asked));
  const progress = makeProgress();
  const data = await openTraining(asked, (line) => progress.say(line));
  const config = await fitToMachine(asked, isCounted, data);
  const setup = prepare(config, data);
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
  const setup = prepare(config, await openTraining(config, (line) => progress.say(line)));
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

interface Session {
  readonly json: boolean;
  readonly progress: ProgressBar;
  readonly resume?: Snapshot;
}

async function trainInto(run: RunFolder, config: TrainConfig, setup: Setup, session: Session): Promise<void> {
  const { spec, model, optimizer, loader, validation } = setup;
  const { ema, earlyStop, time, tensorboard } = config;
  const { json, progress, resume = null } = session;
  const stop = stopOnSignals(() => progress.say("stopping after this step and saving; Ctrl-C again to stop at once"));
  const trainer = makeTrainer(config, model, optimizer);
  const recorder = new RunRecorder(run);
  const diagnoses = new Diagnoses((text, { kind }) => {
    progress.say(`note: ${text}`);
    if (json) console.log(JSON.stringify({ event: "diagnosis", kind, text, epoch: trainer.progress.epoch + 1 }));
  });
  const checkpoint = new Checkpoint(run.path, {
    monitor: "valAccuracy",
    thenBy: "valLoss",
    metadata: toMetadata(spec),
  });
  try {
    const { finished } = await trainer
      .fit(loader, {
        validationData: inOrder(validation, spec),
        epochs: config.epochs,
        signal: stop.signal,
        verbose: 0,
        resume,
        callbacks: [
          progress,
          ...(ema === null ? [] : [new EMA({ decay: ema })]),
          ...(earlyStop === null ? [] : [new EarlyStopping({ patience: earlyStop })]),
          ...(config.schedule === "plateau" ? [new ReduceLROnPlateau({ patience: 3 })] : []),
          ...(time === null ? [] : [new TimeLimit(time)]),
          ...(tensorboard
            ? [new TensorBoard(join(run.path, "tensorboard"), { histogramEvery: 1, imageEvery: 1 })]
            : []),
          diagnoses,
          recorder,
          checkpoint,
          ...(json ? [new JsonLines(recorder)] : []),
        ],
      })
      .catch((error: unknown) => {
        throw error instanceof NonFiniteError ? keptError(error, recorder, run) : error;
      });
    if (!finished) {
      throw new Interrupted(
        `stopped after step ${showCount(trainer.progress.step)} and saved; go on with: fovea train --resume ${run.path}`,
      );
    }
    await finish(run, config, setup, session, trainer, recorder, diagnoses);
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
  { found }: Diagnoses,
): Promise<void> {
  const { spec, model, test } = setup;
  await loadWeights(model, run.file("best.safetensors"));
  const result = await evaluate(model, inOrder(test, spec), { worst: 24 });
  const environment = describeEnvironment();
  const imagesPerSecond = images / seconds;
  const parameters = countParameters(model);
  const report = await collectReport({
    ...setup,
    run,
    config,
    environment,
    parameters,
    result,
    history,
    images,
    seconds,
    diagnoses: found.map(({ text }) => text),
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
      `next     fovea predict ${run.path} ${imageShape(spec)[0] === 3 ? "photo.jpg" : "digit.png"}`,
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
