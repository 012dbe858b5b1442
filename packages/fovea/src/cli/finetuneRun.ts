import { FoveaError } from "../base/errors.ts";
import { manualSeed } from "../base/random.ts";
import { accuracyScore } from "../classic/classifier.ts";
import { LinearSVC } from "../classic/linearSvc.ts";
import { StandardScaler } from "../classic/scaler.ts";
import { imageFolder, type ImageFolder } from "../data/datasets/imageFolder.ts";
import { DataLoader } from "../data/loader.ts";
import { pictureOptions } from "../data/pictureOptions.ts";
import type { Dataset } from "../data/sample.ts";
import { split, subset } from "../data/subset.ts";
import { writeFileAtomic } from "../io/files.ts";
import { tensor } from "../tensor/create.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { ProgressBar } from "../train/callbacks/progressBar.ts";
import { RunRecorder } from "../train/callbacks/runRecorder.ts";
import { deepFeatures, nearestNeighbourAccuracy } from "../train/deepFeatures.ts";
import { describeEnvironment } from "../train/environment.ts";
import { fineTune, type FineTuningOptions, type TuningPhase } from "../train/fineTune.ts";
import { showCount, showDuration, showPercent } from "../train/format.ts";
import { ConfusionMatrix } from "../train/metrics/confusionMatrix.ts";
import { RunFolder } from "../train/runFolder.ts";
import { chooseStrategy, type FineTuneStrategy, type StrategyAdvice } from "../train/strategy.ts";
import { Trainer } from "../train/trainer.ts";
import { encodeTensors } from "../train/weights.ts";
import { dataStem } from "./data.ts";
import { useEngine, type EngineOptions } from "./engine.ts";
import { Interrupted } from "./errors.ts";
import { openBase, type Base, type BaseOptions } from "./finetuneBase.ts";
import { toMetadata, type ModelSpec } from "./model.ts";
import { stopOnSignals } from "./signals.ts";
import { showTable } from "./table.ts";

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
  const pictures = await imageFolder(folder, { strict });
  for (const line of summarizeFolder(pictures)) say(line);
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
  const session: Session = { base, options, train, validation, run, signal: stop.signal, loader, say };
  try {
    const { strategy, why } = await adviceFor(session);
    say(`strategy ${strategy}: ${why}`);
    await (strategy === "svm" ? trainSvm(session) : tune(session, strategy));
  } catch (error) {
    if (!stop.signal.aborted || error instanceof Interrupted) throw error;
    throw new Interrupted(`stopped before anything was learnt; ${run.path} holds the configuration alone`);
  } finally {
    stop.dispose();
  }
}

/** Pictures per class and part, and what was passed over. */
function summarizeFolder({ classes, train, validation, test, problems }: ImageFolder): string[] {
  if (classes.length < 2) {
    throw new FoveaError(
      `${train.name} has one class only, ${classes[0]}; fine-tuning needs two at least: a folder for each`,
    );
  }
  const parts = Object.entries({ train, validation, test }).filter(([, part]) => part !== undefined);
  const count = (part: Dataset, label: number) =>
    showCount(Array.from(part.labels!).filter((one) => one === label).length);
  const rows = [
    ["class", ...parts.map(([part]) => part)],
    ...classes.map((name, label) => [name, ...parts.map(([, part]) => count(part!, label))]),
    ["all", ...parts.map(([, part]) => showCount(part!.length))],
  ];
  return [showTable(rows, [false, ...parts.map(() => true)]), ...problems.map((problem) => `note: ${problem}`)];
}

function withValidation(
  { train, validation, test }: ImageFolder,
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
  const sample = subset(train, everyNth(train.length, 400));
  const accuracy = nearestNeighbourAccuracy(await deepFeatures(base.model, loader(sample, false), { signal }));
  const chance = Math.max(...counts) / train.length;
  say(`the pretrained features put ${showPercent(accuracy, 0)} of the pictures beside one of their own class`);
  return chooseStrategy({
    imagesPerClass,
    similarity: accuracy - chance >= (1 - chance) / 2 ? "similar" : "different",
  });
}

/** At most `most` places, evenly over all. */
function everyNth(length: number, most: number): number[] {
  const count = Math.min(length, most);
  return Array.from({ length: count }, (_, i) => Math.floor((i * length) / count));
}

async function tune(session: Session, strategy: Exclude<FineTuneStrategy, "svm">): Promise<void> {
  const { base, options, train, validation, run, signal, loader, say } = session;
  const { model } = base;
  const { json = false, seed = 0, headEpochs, epochs, headLr, lr, batchNorm } = options;
  const scratch: FineTuningOptions =
    base.from === null ? { headEpochs: 0, epochs: 16, lr: 1e-3, decay: 1, batchNorm: "train" } : {};
  const recorder = new RunRecorder(run);
  const progress = new ProgressBar({ stream: process.stderr, lineEvery: 5, unit: "pictures" });
  const validating = loader(validation, false);
  const started = performance.now();
  const result = await fineTune(model, loader(train, true), {
    strategy,
    ...defined({ headEpochs, epochs, headLr, lr, batchNorm }),
    ...scratch,
    ...(base.from === null && defined({ epochs: options.epochs, lr })),
    seed,
    signal,
    validationData: validating,
    callbacks: [
      progress,
      recorder,
      ...(json ? [{ onEpochEnd: () => console.log(JSON.stringify(recorder.lines.at(-1))) }] : []),
    ],
    onPlan: (plan) => {
      for (const phase of plan) say(showPhase(phase));
      if (json) console.log(JSON.stringify({ event: "plan", strategy, phases: plan }));
    },
  });
  const seconds = (performance.now() - started) / 1000;
  const spec: ModelSpec = {
    model: base.name,
    options: { ...base.options, numClasses: train.classes.length },
    classes: train.classes,
    data: "pictures",
    preprocessing: base.preprocessing,
  };
  const weights = run.file("best.safetensors");
  await writeFileAtomic(weights, await encodeTensors(model.stateDict(), toMetadata(spec)));
  if (!result.finished) {
    throw new Interrupted(
      `stopped after epoch ${result.history["loss"]?.length ?? 0}; the best weights so far are in ${weights}`,
    );
  }
  const { confusion, accuracy } = await measure(session, validating);
  report(session, {
    strategy,
    accuracy,
    confusion,
    seconds,
    file: weights,
    next: `fovea predict ${run.path} picture.jpg`,
  });
}

/** How often each class is taken for each, on the validation pictures. */
async function measure({ base: { model }, validation }: Session, loader: DataLoader) {
  const scores = (await new Trainer(model, { loss: "crossEntropy" }).predict(loader)) as Tensor;
  const values = await scores.data();
  const classes = scores.shape[1]!;
  const bad = new Set(loader.badSamples.map(({ index }) => index));
  const confusion = new ConfusionMatrix(validation.classes);
  let row = 0;
  for (let i = 0; i < validation.length; i++) {
    if (bad.has(i)) continue;
    let best = 0;
    for (let c = 1; c < classes; c++) if (values[row * classes + c]! > values[row * classes + best]!) best = c;
    confusion.add(validation.labels![i]!, best);
    row++;
  }
  return { confusion, accuracy: confusion.accuracy };
}

async function trainSvm(session: Session): Promise<void> {
  const { base, train, validation, run, loader, signal, say } = session;
  const started = performance.now();
  say(`${showCount(train.length + validation.length)} pictures through ${base.name}; nothing of it learns`);
  const known = await deepFeatures(base.model, loader(train, false), { signal });
  const fresh = await deepFeatures(base.model, loader(validation, false), { signal });
  const scaler = new StandardScaler().fit(known.features);
  const svm = new LinearSVC({ C: 0.01 }).fit(scaler.transform(known.features), known.labels);
  const predicted = svm.predict(scaler.transform(fresh.features));
  const seconds = (performance.now() - started) / 1000;
  const confusion = new ConfusionMatrix(validation.classes);
  predicted.forEach((label, i) => confusion.add(fresh.labels[i]!, label));
  const row = (values: ArrayLike<number>, shape: number[]) => tensor(Float32Array.from(values), { shape });
  const { coef, intercept } = svm;
  const tensors = new Map([
    ["coef", row(coef.values, [coef.rows, coef.columns])],
    ["intercept", row(intercept, [intercept.length])],
    ["mean", row(scaler.mean, [scaler.mean.length])],
    ["scale", row(scaler.scale, [scaler.scale.length])],
  ]);
  const file = run.file("svm.safetensors");
  const metadata = new Map([["fovea.svm", JSON.stringify({ model: base.name, classes: train.classes })]]);
  await writeFileAtomic(file, await encodeTensors(tensors, metadata));
  const accuracy = accuracyScore(fresh.labels, predicted);
  report(session, { strategy: "svm", accuracy, confusion, seconds, file, next: null });
}

interface Result {
  readonly strategy: FineTuneStrategy;
  readonly accuracy: number;
  readonly confusion: ConfusionMatrix;
  readonly seconds: number;
  readonly file: string;
  readonly next: string | null;
}

function report({ base, options, train, run }: Session, result: Result): void {
  const { strategy, accuracy, confusion, seconds, file, next } = result;
  const images = confusion.total;
  if (options.json) {
    const facts = { event: "done", model: base.name, weights: base.from, strategy, images: train.length };
    console.log(
      JSON.stringify({
        ...facts,
        validationImages: images,
        validationAccuracy: accuracy,
        seconds,
        out: run.path,
        classes: confusion.scores(),
        confusion,
      }),
    );
    return;
  }
  const rows = [
    ["true \\ called", ...confusion.classes, "recall"],
    ...confusion
      .scores()
      .map(({ name, recall }, label) => [
        name,
        ...confusion.classes.map((_, predicted) => showCount(confusion.count(label, predicted))),
        showPercent(recall, 1),
      ]),
  ];
  console.log(
    [
      `${showPercent(accuracy, 1)} of ${showCount(images)} validation pictures right, in ${showDuration(seconds)}`,
      ...(confusion.classes.length <= 12 ? [showTable(rows, [false, ...rows[0]!.slice(1).map(() => true)])] : []),
      `weights  ${file}`,
      ...(next === null ? [] : [`next     ${next}`]),
    ].join("\n"),
  );
}

/** A phase as a table: what of the network learns, and how fast. */
function showPhase({ name, epochs, lr, counts, stages }: TuningPhase): string {
  const rows = [
    ["up to", "parameters", "trainable", "rate"],
    ...stages.map(({ stage, parameters, trainable, lrScale }) => [
      stage,
      showCount(parameters),
      showCount(trainable),
      trainable === 0 ? "frozen" : (lr * lrScale).toPrecision(2),
    ]),
    ["all", showCount(counts.total), showCount(counts.trainable), ""],
  ];
  return `${name}, ${epochs} ${epochs === 1 ? "epoch" : "epochs"}:\n${showTable(rows, [false, true, true, true])}`;
}

function defined<T extends object>(options: T): { [K in keyof T]?: NonNullable<T[K]> } {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: NonNullable<T[K]>;
  };
}
