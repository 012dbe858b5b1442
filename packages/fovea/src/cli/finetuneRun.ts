import { FoveaError } from "../base/errors.ts";
import { manualSeed } from "../base/random.ts";
import { LinearSVC } from "../classic/linearSvc.ts";
import { StandardScaler } from "../classic/scaler.ts";
import { imageFolder } from "../data/datasets/imageFolder.ts";
import { DataLoader } from "../data/loader.ts";
import { pictureOptions } from "../data/pictureOptions.ts";
import type { Dataset } from "../data/sample.ts";
import { split, subset } from "../data/subset.ts";
import { writeFileAtomic } from "../io/files.ts";
import { ProgressBar } from "../train/callbacks/progressBar.ts";
import { RunRecorder } from "../train/callbacks/runRecorder.ts";
import { deepFeatures, nearestNeighbourAccuracy } from "../train/deepFeatures.ts";
import type { ClassifierModel } from "../train/classifier.ts";
import { describeEnvironment } from "../train/environment.ts";
import { evaluate } from "../train/evaluate.ts";
import { fineTune, type FineTuningOptions, type TuningPhase } from "../train/fineTune.ts";
import { showCount, showDuration, showPercent } from "../train/format.ts";
import { RunFolder } from "../train/runFolder.ts";
import { epochsOf, type HistoryLine } from "../train/runLines.ts";
import { chooseStrategy, type FineTuneStrategy, type StrategyAdvice } from "../train/strategy.ts";
import { encodeTensors } from "../train/weights.ts";
import { dataStem } from "./data.ts";
import { useEngine, type EngineOptions } from "./engine.ts";
import { Interrupted } from "./errors.ts";
import { openBase, type Base, type BaseOptions } from "./finetuneBase.ts";
import { spread, writeTuningReport } from "./finetuneReport.ts";
import { commandOf, showConfusion, showPhase } from "./finetuneText.ts";
import { toMetadata, withLinearTop, type ModelSpec } from "./model.ts";
import { readableParts } from "./readableParts.ts";
import { stopOnSignals } from "./signals.ts";
import { svmLayer } from "./svmLayer.ts";

export interface FineTuneRunOptions extends EngineOptions, BaseOptions {
  readonly strategy?: "auto" | FineTuneStrategy;
  readonly similarity?: "similar" | "different";
  readonly headEpochs?: number;
  readonly epochs?: number;
  readonly headLr?: number;
  readonly lr?: number;
  readonly batchSize?: number;
  readonly batchNorm?: "frozen" | "train";
  readonly seed?: number;
  readonly strict?: boolean;
  readonly out?: string;
  readonly json?: boolean;
}

/** Everything that both ways of learning need. */
interface Session {
  readonly base: Base;
  /** As it was named. */
  readonly name: string;
  readonly folder: string;
  readonly options: FineTuneRunOptions;
  readonly train: Dataset;
  readonly validation: Dataset;
  readonly run: RunFolder;
  readonly signal: AbortSignal;
  loader(part: Dataset, augment: boolean): DataLoader;
  /** A line on stderr, so that `--json` stays clean. */
  say(line: string): void;
}

export async function runFineTuning(name: string, folder: string, options: FineTuneRunOptions): Promise<void> {
  useEngine(options);
  const say = (line: string) => void process.stderr.write(`${line}\n`);
  const { seed = 0, batchSize = 16, strict = false } = options;
  const pictures = await readableParts(await imageFolder(folder, { strict }), say, strict);
  const { train, validation } = withValidation(pictures, seed, say);
  manualSeed(seed);
  const base = await openBase(name, options);
  const contents = { finetune: { model: name, data: folder, ...options }, environment: describeEnvironment() };
  const run =
    options.out === undefined
      ? await RunFolder.createNumbered("runs", `${base.name}-${dataStem(folder)}`, contents)
      : await RunFolder.create(options.out, contents);
  const stop = stopOnSignals(() => say("stopping after this step, and saving"));
  const loader = (part: Dataset, augment: boolean) =>
    new DataLoader(part, {
      batchSize,
      seed,
      shuffle: augment,
      cache: "memory",
      onBadSample: strict ? "throw" : ({ name: file, error }) => say(`left out ${file}: ${error.message}`),
      ...pictureOptions(base.preprocessing, { augment }),
    });
  const session: Session = { base, name, folder, options, train, validation, run, signal: stop.signal, loader, say };
  try {
    const advice = await adviceFor(session);
    const { strategy } = advice;
    say(`strategy ${strategy}: ${advice.why}`);
    await finish(session, advice, await (strategy === "svm" ? trainSvm(session) : tune(session, strategy)));
  } catch (error) {
    if (!stop.signal.aborted || error instanceof Interrupted) throw error;
    throw new Interrupted(`stopped before anything was learnt; ${run.path} holds the configuration alone`);
  } finally {
    stop.dispose();
  }
}

function withValidation(
  { train, validation, test }: { readonly train: Dataset; readonly validation?: Dataset; readonly test?: Dataset },
  seed: number,
  say: (line: string) => void,
): { train: Dataset; validation: Dataset } {
  const other = validation ?? test;
  if (other !== undefined) return { train, validation: other };
  const [most, rest] = split(train, 0.8, { seed });
  say(`no val folder: a fifth of each class (${showCount(rest.length)} pictures) is kept for validation`);
  return { train: most, validation: rest };
}

/** What was asked for, or what suits. */
async function adviceFor({ base, options, train, loader, signal, say }: Session): Promise<StrategyAdvice> {
  const { strategy = "auto", similarity } = options;
  if (base.from === null) {
    if (strategy !== "auto" && strategy !== "full") {
      throw new FoveaError(`--from-scratch trains everything; it does not go with --strategy ${strategy}`);
    }
    return { strategy: "full", why: "the weights are fresh, so everything has to learn" };
  }
  if (strategy !== "auto") return { strategy, why: "as asked for" };
  const counts = train.classes.map((_, label) => Array.from(train.labels!).filter((one) => one === label).length);
  const imagesPerClass = Math.min(...counts);
  if (similarity !== undefined) return chooseStrategy({ imagesPerClass, similarity });
  const sample = subset(train, spread(train.length, 400));
  const accuracy = nearestNeighbourAccuracy(await deepFeatures(base.model, loader(sample, false), { signal }));
  const chance = Math.max(...counts) / train.length;
  say(`the pretrained features put ${showPercent(accuracy, 0)} of the pictures beside one of their own class`);
  return chooseStrategy({
    imagesPerClass,
    similarity: accuracy - chance >= (1 - chance) / 2 ? "similar" : "different",
  });
}

/** A network that learnt. */
interface Learnt {
  readonly model: ClassifierModel;
  readonly spec: ModelSpec;
  readonly plan: readonly TuningPhase[];
  readonly history: readonly HistoryLine[];
  /** Pictures it learnt from, each as often as it was shown, and the time that took. */
  readonly images: number;
  readonly learning: number;
  /** All the time since the strategy was known. */
  readonly seconds: number;
  readonly finished: boolean;
}

/** What the weights say of themselves. */
function specOf({ base, train, folder }: Session): ModelSpec {
  return {
    model: base.name,
    options: { ...base.options, numClasses: train.classes.length },
    classes: train.classes,
    data: folder,
    preprocessing: base.preprocessing,
  };
}

async function tune(session: Session, strategy: Exclude<FineTuneStrategy, "svm">): Promise<Learnt> {
  const { base, options, train, validation, run, signal, loader, say } = session;
  const { json = false, seed = 0, headEpochs, epochs, headLr, lr, batchNorm } = options;
  // Without batch norm, as in SqueezeNet, higher rates leave fresh networks with dead ReLUs.
  const scratch: FineTuningOptions =
    base.from === null ? { headEpochs: 0, epochs: 16, lr: 3e-4, decay: 1, batchNorm: "train" } : {};
  const recorder = new RunRecorder(run);
  const progress = new ProgressBar({ stream: process.stderr, lineEvery: 5, unit: "pictures" });
  const started = performance.now();
  let [images, learning] = [0, 0];
  const { plan, finished } = await fineTune(base.model, loader(train, true), {
    strategy,
    ...defined({ headEpochs, epochs, headLr, lr, batchNorm }),
    ...scratch,
    ...(base.from === null && defined({ epochs: options.epochs, lr })),
    seed,
    signal,
    validationData: loader(validation, false),
    callbacks: [
      progress,
      recorder,
      {
        onTrainEnd: (_logs, trainer) => {
          images += trainer.progress.examples;
          learning += trainer.progress.seconds;
        },
      },
      ...(json ? [{ onEpochEnd: () => console.log(JSON.stringify(recorder.lines.at(-1))) }] : []),
    ],
    onPlan: (phases) => {
      for (const phase of phases) say(showPhase(phase));
      if (json) console.log(JSON.stringify({ event: "plan", strategy, phases }));
    },
  });
  const seconds = (performance.now() - started) / 1000;
  return {
    model: base.model,
    spec: specOf(session),
    plan,
    history: recorder.lines,
    images,
    learning,
    seconds,
    finished,
  };
}

/** A linear support vector machine on deep features, which becomes the network's last layer. */
async function trainSvm(session: Session): Promise<Learnt> {
  const { base, train, loader, signal, say } = session;
  const started = performance.now();
  say(`${showCount(train.length)} pictures through ${base.name}; nothing of it learns`);
  const { features, labels } = await deepFeatures(base.model, loader(train, false), { signal });
  const scaler = new StandardScaler().fit(features);
  const svm = new LinearSVC({ C: 0.01 }).fit(scaler.transform(features), labels);
  const seconds = (performance.now() - started) / 1000;
  return {
    model: withLinearTop(base.model, svmLayer(svm, scaler, train.classes.length)),
    spec: { ...specOf(session), linearOn: features.columns },
    plan: [],
    history: [],
    images: labels.length,
    learning: seconds,
    seconds,
    finished: true,
  };
}

/** Saves, measures on the validation pictures, writes the report, and says what came of it. */
async function finish(session: Session, { strategy, why }: StrategyAdvice, learnt: Learnt): Promise<void> {
  const { base, folder, options, train, validation, run, loader } = session;
  const { model, spec, plan, history, seconds } = learnt;
  const file = run.file("best.safetensors");
  await writeFileAtomic(file, await encodeTensors(model.stateDict(), toMetadata(spec)));
  if (!learnt.finished) {
    throw new Interrupted(`stopped after epoch ${epochsOf(history).length}; the best weights so far are in ${file}`);
  }
  const result = await evaluate(model, loader(validation, false), { worst: 24 });
  const count = ({ length }: Dataset) => showCount(length);
  await writeTuningReport({
    title: `${base.name} on ${dataStem(folder)}`,
    run,
    model,
    preprocessing: base.preprocessing,
    train,
    validation,
    loader,
    result,
    plan,
    history,
    imagesPerSecond: learnt.images / learnt.learning,
    seconds,
    config: [
      ["network", base.name],
      ["weights", base.from ?? "fresh"],
      ["strategy", `${strategy}: ${why}`],
      ["data", folder],
      ["training + validation", `${count(train)} + ${count(validation)}`],
      ["batch size", String(options.batchSize ?? 16)],
      ["batch norm", options.batchNorm ?? "frozen"],
      ["seed", String(options.seed ?? 0)],
    ],
    command: commandOf(session.name, folder, strategy, options),
  });
  const { accuracy, confusion } = result;
  if (options.json) {
    console.log(
      JSON.stringify({
        event: "done",
        model: base.name,
        weights: base.from,
        strategy,
        images: train.length,
        validationImages: result.images,
        validationAccuracy: accuracy,
        seconds,
        out: run.path,
        classes: confusion.scores(),
        confusion,
      }),
    );
    return;
  }
  console.log(
    [
      `${showPercent(accuracy, 1)} of ${showCount(result.images)} validation pictures right, in ${showDuration(seconds)}`,
      ...(confusion.classes.length <= 12 ? [showConfusion(confusion)] : []),
      `report   ${run.file("report.html")}`,
      `weights  ${file}`,
      `next     fovea predict ${run.path} picture.jpg`,
    ].join("\n"),
  );
}

function defined<T extends object>(options: T): { [K in keyof T]?: NonNullable<T[K]> } {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: NonNullable<T[K]>;
  };
}
