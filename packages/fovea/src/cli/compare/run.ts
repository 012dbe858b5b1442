import type { ImageDataset } from "../../data/dataset.ts";
import { bestLabels } from "../../classic/classifier.ts";
import type { Matrix } from "../../classic/index.ts";
import type { ModelName } from "../../models/index.ts";
import { countParameters } from "../../nn/index.ts";
import { ConfusionMatrix } from "../../train/metrics/confusionMatrix.ts";
import { classifierMakers, countKept, featureMakers, scaled, type Features, type Method } from "./methods.ts";
import { runNetwork, SmallCnn, trainNetwork, type ComparedNetwork } from "./network.ts";

/** What came of one method. */
export interface MethodResult {
  readonly method: string;
  /** `HOG, cells of 4 × 4 → linear SVM` */
  readonly about: string;
  readonly accuracy: number;
  /** From pictures to a classifier, features and their network included. */
  readonly trainSeconds: number;
  /** For all test pictures, features included. */
  readonly predictSeconds: number;
  /** Numbers that the classifier keeps, and the weights of its network. */
  readonly parameters: number;
  readonly confusion: ConfusionMatrix;
}

export interface CompareOptions {
  readonly seed: number;
  readonly epochs: number;
  readonly batchSize: number;
  /** Called while a method works: a share of it, and what is done. */
  readonly onProgress: (method: number, share: number, what: string) => void;
}

/** Trains and tests each method on the same pictures. A network and features that several methods need are made once. */
export async function compareMethods(
  methods: readonly Method[],
  train: ImageDataset,
  test: ImageDataset,
  options: CompareOptions,
): Promise<MethodResult[]> {
  const comparison = new Comparison(train, test, options);
  const results: MethodResult[] = [];
  for (const [index, method] of methods.entries()) {
    const progress: Progress = (share, what) => options.onProgress(index, share, `${method.name}: ${what}`);
    progress(0, "begins");
    const { predicted, ...found } =
      method.kind === "network"
        ? await comparison.testNetwork(method.model, progress)
        : await comparison.testClassifier(method.features, method.classifier, progress);
    const confusion = new ConfusionMatrix(test.classes);
    for (let i = 0; i < test.length; i++) confusion.add(test.labels[i]!, predicted[i]!);
    results.push({ method: method.name, ...found, accuracy: confusion.accuracy, confusion });
  }
  return results;
}

type Progress = (share: number, what: string) => void;

/** What a method said of the test pictures, and what that took. */
type Answers = Omit<MethodResult, "method" | "accuracy" | "confusion"> & { readonly predicted: Int32Array };

/** The pictures, and what was made of them so far. */
class Comparison {
  readonly #train: ImageDataset;
  readonly #test: ImageDataset;
  readonly #options: CompareOptions;
  readonly #networks = new Map<string, Timed<ComparedNetwork>>();
  readonly #features = new Map<string, Extracted>();

  constructor(train: ImageDataset, test: ImageDataset, options: CompareOptions) {
    this.#train = train;
    this.#test = test;
    this.#options = options;
  }

  async testNetwork(name: ModelName | "cnn", progress: Progress): Promise<Answers> {
    const { value: model, seconds } = await this.#network(name, progress);
    const { value: scores, seconds: predictSeconds } = await timed(() => runNetwork(model, this.#test, "scores"));
    return {
      predicted: bestLabels(scores, Int32Array.from(this.#test.classes.keys())),
      about: `${name === "cnn" ? "three convolutions" : name}, trained end to end`,
      trainSeconds: seconds,
      predictSeconds,
      parameters: countParameters(model),
    };
  }

  async testClassifier(featuresName: string, classifierName: string, progress: Progress): Promise<Answers> {
    const features = this.#features.get(featuresName) ?? (await this.#extract(featuresName, progress));
    this.#features.set(featuresName, features);
    progress(0.5, "classifier");
    const { about, classifier } = classifierMakers[classifierName]!(this.#options.seed);
    const fitted = await timed(async () => classifier.fit(features.train, this.#train.labels));
    progress(0.9, "prediction");
    const { value: predicted, seconds } = await timed(async () => classifier.predict(features.test));
    return {
      predicted,
      about: `${features.about} → ${about}`,
      trainSeconds: features.trainSeconds + fitted.seconds,
      predictSeconds: features.testSeconds + seconds,
      parameters: countKept(classifier, features.train) + features.weights,
    };
  }

  async #network(name: ModelName | "cnn", progress: Progress): Promise<Timed<ComparedNetwork>> {
    const onProgress = (share: number) => progress(0.9 * share, "training");
    const made =
      this.#networks.get(name) ??
      (await timed(() => trainNetwork(name, this.#train, { ...this.#options, onProgress })));
    this.#networks.set(name, made);
    return made;
  }

  async #extract(name: string, progress: Progress): Promise<Extracted> {
    progress(0, "features");
    if (name !== "deep") {
      return extract(featureMakers[name]!(this.#train.shape, this.#options.seed), this.#train, this.#test);
    }
    const { value: model, seconds } = await this.#network("cnn", progress);
    const deep: Features = {
      about: "numbers before the last layer of cnn",
      uneven: true,
      transform: (data) => runNetwork(model, data, "features"),
    };
    const made = await extract(deep, this.#train, this.#test);
    const last = model instanceof SmallCnn ? countParameters(model.classifier) : 0;
    return { ...made, trainSeconds: made.trainSeconds + seconds, weights: countParameters(model) - last };
  }
}

interface Timed<T> {
  readonly value: T;
  readonly seconds: number;
}

async function timed<T>(work: () => Promise<T>): Promise<Timed<T>> {
  const started = performance.now();
  const value = await work();
  return { value, seconds: (performance.now() - started) / 1000 };
}

interface Extracted {
  readonly about: string;
  readonly train: Matrix;
  readonly test: Matrix;
  readonly trainSeconds: number;
  readonly testSeconds: number;
  /** Of the network that they come from. */
  readonly weights: number;
}

async function extract(features: Features, train: ImageDataset, test: ImageDataset): Promise<Extracted> {
  const ofTrain = await timed(async () => {
    await features.fit?.(train);
    return features.transform(train);
  });
  const ofTest = await timed(() => features.transform(test));
  const [trainRows, testRows] = scaled(features, ofTrain.value, ofTest.value);
  return {
    about: features.about,
    train: trainRows,
    test: testRows,
    trainSeconds: ofTrain.seconds,
    testSeconds: ofTest.seconds,
    weights: 0,
  };
}
