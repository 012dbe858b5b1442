import { UsageError } from "../../base/errors.ts";
import { nearest } from "../../base/nearest.ts";
import {
  BagOfVisualWords,
  gaborFeatures,
  hog,
  KNeighborsClassifier,
  lbpHistograms,
  LinearSVC,
  LogisticRegression,
  PCA,
  StandardScaler,
  SVC,
  type Classifier,
  type HogOptions,
  type Matrix,
} from "../../classic/index.ts";
import type { ImageDataset } from "../../data/dataset.ts";
import { isModelName, modelNames, type ModelName } from "../../models/index.ts";

/** A way from pictures to rows of numbers; `fit` sees the training pictures alone. */
export interface Features {
  readonly about: string;
  /** Whether columns differ in size, so that they must be scaled; pixels and histograms do not. */
  readonly uneven?: boolean;
  fit?(data: ImageDataset): Promise<void>;
  transform(data: ImageDataset): Promise<Matrix>;
}

/** Makes the named features for pictures of a size. "deep" comes from a network and is made by who has it. */
export const featureMakers: Readonly<
  Record<string, (shape: readonly [number, number, number], seed: number) => Features>
> = {
  raw: () => ({ about: "pixels", transform: (data) => Promise.resolve(pixels(data)) }),
  pca: () => {
    const pca = new PCA({ nComponents: 0.95 });
    return {
      about: "principal components with 95 % of the variance",
      fit: (data) => Promise.resolve(void pca.fit(pixels(data))),
      transform: (data) => Promise.resolve(pca.transform(pixels(data))),
    };
  },
  hog: (shape) => {
    const options = hogFor(shape);
    return { about: `HOG, cells of ${options.pixelsPerCell!.join(" × ")}`, transform: (data) => hog(data, options) };
  },
  lbp: ([, height, width]) => {
    const cells = Math.min(4, Math.max(1, Math.floor(Math.min(height, width) / 4)));
    return { about: `uniform LBP in ${cells} × ${cells} cells`, transform: (data) => lbpHistograms(data, { cells }) };
  },
  gabor: () => ({
    about: "12 Gabor filters in 4 × 4 cells",
    uneven: true,
    transform: (data) => gaborFeatures(data, { cells: 4 }),
  }),
  bow: (shape, randomState) => {
    const bag = new BagOfVisualWords({ nWords: 100, hog: hogFor(shape), randomState });
    return {
      about: "100 visual words in 2 × 2 cells",
      fit: (data) => bag.fit(data).then(() => undefined),
      transform: (data) => bag.transform(data),
    };
  },
};

/** Makes the named classifiers. */
export const classifierMakers: Readonly<
  Record<string, (seed: number) => { readonly about: string; readonly classifier: Classifier }>
> = {
  linear: (randomState) => ({
    about: "linear SVM",
    classifier: new LinearSVC({ tol: 1e-2, maxIter: 200, randomState }),
  }),
  svm: () => ({ about: "SVM with a Gaussian kernel", classifier: new SVC({ C: 10 }) }),
  logistic: () => ({ about: "softmax regression", classifier: new LogisticRegression() }),
  knn: () => ({ about: "5 nearest neighbours", classifier: new KNeighborsClassifier() }),
};

export type Method =
  | { readonly name: string; readonly kind: "classical"; readonly features: string; readonly classifier: string }
  | { readonly name: string; readonly kind: "network"; readonly model: ModelName | "cnn" };

/** `hog+svm,lenet5` as methods. */
export function parseMethods(text: string): Method[] {
  const names = text.split(",").map((name) => name.trim());
  if (names.includes("")) throw new UsageError(`"${text}" has an empty place; methods are separated by one comma`);
  return [...new Set(names)].map(parseMethod);
}

function parseMethod(name: string): Method {
  const [features, classifier, ...more] = name.split("+") as [string, string?, ...string[]];
  if (classifier === undefined) {
    if (name === "cnn" || isModelName(name)) return { name, kind: "network", model: name };
    throw new UsageError(
      `"${name}" is no network${suggest(name, ["cnn", ...modelNames])}; classical methods are features+classifier, such as hog+svm`,
    );
  }
  const knownFeatures = [...Object.keys(featureMakers), "deep"];
  if (!knownFeatures.includes(features)) {
    throw new UsageError(
      `there are no features "${features}"${suggest(features, knownFeatures)}; there are ${knownFeatures.join(", ")}`,
    );
  }
  const known = Object.keys(classifierMakers);
  if (more.length > 0 || !known.includes(classifier)) {
    const wrong = [classifier, ...more].join("+");
    throw new UsageError(`there is no classifier "${wrong}"${suggest(wrong, known)}; there are ${known.join(", ")}`);
  }
  return { name, kind: "classical", features, classifier };
}

function suggest(name: string, known: readonly string[]): string {
  const near = nearest(name, known);
  return near === null ? "" : `, did you mean ${near}?`;
}

/** Columns of mean 0, and uneven ones of variance 1, by the training rows: what is not centred takes an SVM far longer. */
export function scaled({ uneven = false }: Features, train: Matrix, test: Matrix): readonly [Matrix, Matrix] {
  const scaler = new StandardScaler({ withStd: uneven }).fit(train);
  return [scaler.transform(train), scaler.transform(test)];
}

/** How many numbers a classifier keeps; of k-NN all its samples. */
export function countKept(classifier: Classifier, train: Matrix): number {
  if (classifier instanceof LinearSVC || classifier instanceof LogisticRegression) {
    return classifier.coef.values.length + classifier.intercept.length;
  }
  if (classifier instanceof SVC) {
    const { supportVectors, pairs } = classifier;
    return pairs.reduce((sum, { dualCoef }) => sum + dualCoef.length + 1, supportVectors.values.length);
  }
  return train.values.length;
}

/** Seven to twelve cells along the shorter side, at least 2 pixels each; blocks of 2 × 2 cells. */
function hogFor([, height, width]: readonly [number, number, number]): HogOptions {
  const cell = Math.max(2, Math.floor(Math.min(height, width) / 7));
  return { pixelsPerCell: [cell, cell], cellsPerBlock: [2, 2] };
}

function pixels({ images, length, shape }: ImageDataset): Matrix {
  return {
    rows: length,
    columns: shape[0] * shape[1] * shape[2],
    values: Float32Array.from(images, (byte) => byte / 255),
  };
}
