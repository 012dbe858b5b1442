import type { ImageDataset } from "../../data/dataset.ts";
import { bestLabels } from "../../classic/classifier.ts";
import type { Matrix } from "../../classic/index.ts";
import type { ModelName } from "../../models/index.ts";
import { countParameters } from "../../nn/index.ts";
import { ConfusionMatrix } from "../../train/metrics/confusionMatrix.ts";
import { classifierMakers, countKept, featureMakers, scaled, type Features, type Method } from "./methods.ts";
import { runNetwork, trainNetwork, type ComparedNetwork } from "./network.ts";

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
  const { seed, onProgress } = options;
  const networks = new Map<string, Promise<Timed<ComparedNetwork>>>();
  const extracted = new Map<string, Promise<Extracted>>();
  const results: MethodResult[] = [];
  for (const [index, method] of methods.entries()) {
    const progress = (share: number, what: string) => onProgress(index, share, `${method.name}: ${what}`);
    const network = (name: ModelName | "cnn") =>
      once(networks, name, () =>
        timed(() =>
          trainNetwork(name, train, { ...options, onProgress: (share) => progress(0.9 * share, "training") }),
        ),
      );
    const found = new ConfusionMatrix(test.classes);
    const finish = (predicted: ArrayLike<number>) => {
      for (let i = 0; i < test.length; i++) found.add(test.labels[i]!, predicted[i]!);
      return { method: method.name, accuracy: found.accuracy, confusion: found };
    };
    progress(0, "begins");
    if (method.kind === "network") {
      const { value: model, seconds } = await network(method.model);
      const { value: scores, seconds: predictSeconds } = await timed(() => runNetwork(model, test, "scores"));
      const classes = Int32Array.from(test.classes.keys());
      results.push({
        ...finish(argmaxLabels(scores, classes)),
        about:
          method.model === "cnn" ? "three convolutions, trained end to end" : `${method.model}, trained end to end`,
        trainSeconds: seconds,
        predictSeconds,
        parameters: countParameters(model),
      });
      continue;
    }

    const features = await once(extracted, method.features, async () => {
      progress(0, "features");
      if (method.features !== "deep") return extract(featureMakers[method.features]!(train.shape, seed), train, test);
      const { value: model, seconds } = await network("cnn");
      const deep: Features = {
        about: "numbers before the last layer of cnn",
        uneven: true,
        transform: (data) => runNetwork(model, data, "features"),
      };
      const made = await extract(deep, train, test);
      const { classifier } = model as unknown as { classifier: Parameters<typeof countParameters>[0] };
      const weights = countParameters(model) - countParameters(classifier);
      return { ...made, trainSeconds: made.trainSeconds + seconds, weights };
    });
    progress(0.5, "classifier");
    const { about, classifier } = classifierMakers[method.classifier]!(seed);
    const fitted = await timed(async () => classifier.fit(features.train, train.labels));
    progress(0.9, "prediction");
    const predicted = await timed(async () => classifier.predict(features.test));
    results.push({
      ...finish(predicted.value),
      about: `${features.about} → ${about}`,
      trainSeconds: features.trainSeconds + fitted.seconds,
      predictSeconds: features.testSeconds + predicted.seconds,
      parameters: countKept(classifier, features.train) + features.weights,
    });
  }
  return results;
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

function once<T>(known: Map<string, Promise<T>>, name: string, make: () => Promise<T>): Promise<T> {
  const found = known.get(name) ?? make();
  known.set(name, found);
  return found;
}

function argmaxLabels(scores: Matrix, classes: Int32Array): Int32Array {
  if (scores.columns !== 1) return bestLabels(scores, classes);
  return new Int32Array(scores.rows);
}
