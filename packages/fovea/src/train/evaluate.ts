import { exp } from "../base/math.ts";
import { ShapeError } from "../base/errors.ts";
import { showShape } from "../base/shape.ts";
import type { ImageDataset } from "../data/dataset.ts";
import { DataLoader, type Batch } from "../data/loader.ts";
import type { Dataset } from "../data/sample.ts";
import { argmaxOf, makeClassifier, type Classifier, type ClassifierModel } from "./classifier.ts";
import { ConfusionMatrix } from "./metrics/confusionMatrix.ts";

export interface Evaluation {
  /** Mean cross-entropy. */
  readonly loss: number;
  /** Share of images whose most probable class is the right one. */
  readonly accuracy: number;
  readonly images: number;
  readonly confusion: ConfusionMatrix;
  /** The mistakes of which the network was surest, worst first. */
  readonly mistakes: readonly Prediction[];
}

/** What a network said of one image of a dataset. */
export interface Prediction {
  /** Place of the image in the dataset. */
  readonly index: number;
  readonly label: number;
  readonly predicted: number;
  /** Probability of the predicted class. */
  readonly confidence: number;
}

export interface EvaluateOptions {
  /** Images per batch, where there is no loader; default 256. It changes the speed, and numbers only by rounding. */
  batchSize?: number;
  /** Record the network once and replay it; default true. */
  compiled?: boolean;
  /** How many of the worst mistakes to keep; default 0. */
  worst?: number;
  /** Look at the first batches only. */
  batches?: number;
  /** Stops early: `evaluate` rejects with the signal's reason. */
  signal?: AbortSignal;
  /** Called after each batch. */
  onProgress?: (images: number, total: number) => void | Promise<void>;
  /** One that exists already, so that nothing is recorded anew. */
  classifier?: Classifier;
}

/** Measures a network on labelled images: a dataset, or a loader that prepares them and should not shuffle. */
export async function evaluate(
  model: ClassifierModel,
  data: ImageDataset | DataLoader,
  options: EvaluateOptions = {},
): Promise<Evaluation> {
  const { batchSize = 256, worst = 0, signal, batches = Infinity } = options;
  const classifier = options.classifier ?? makeClassifier(model, options.compiled);
  const loader = inOrder(data, batchSize);
  const { dataset } = loader;
  const classes = dataset.classes.length;
  const confusion = new ConfusionMatrix(dataset.classes);
  let mistakes: Prediction[] = [];
  let loss = 0;
  let images = 0;
  try {
    for await (const batch of loader.epoch(0)) {
      if (batch.index >= batches) break;
      signal?.throwIfAborted();
      const scores = await classifier.logProbabilities(batch);
      checkScores(model, scores, batch, dataset);
      for (let i = 0; i < batch.size; i++) {
        const label = batch.y[i]!;
        const predicted = argmaxOf(scores, i * classes, classes);
        confusion.add(label, predicted);
        loss -= scores[i * classes + label]!;
        if (worst > 0 && predicted !== label) {
          mistakes.push({
            index: batch.indices[i]!,
            label,
            predicted,
            confidence: exp(scores[i * classes + predicted]!),
          });
        }
      }
      if (mistakes.length > worst) mistakes = surest(mistakes, worst);
      images += batch.size;
      await options.onProgress?.(images, dataset.length);
    }
  } finally {
    if (options.classifier === undefined) classifier.dispose();
  }
  return { loss: loss / images, accuracy: confusion.accuracy, images, confusion, mistakes: surest(mistakes, worst) };
}

/** What the network says of each image, in order. */
export async function predict(model: ClassifierModel, data: ImageDataset | DataLoader): Promise<Prediction[]> {
  const classifier = makeClassifier(model);
  const loader = inOrder(data, 256);
  const classes = loader.dataset.classes.length;
  const found: Prediction[] = [];
  for await (const batch of loader.epoch(0)) {
    const scores = await classifier.logProbabilities(batch);
    checkScores(model, scores, batch, loader.dataset);
    for (let i = 0; i < batch.size; i++) {
      const predicted = argmaxOf(scores, i * classes, classes);
      const confidence = exp(scores[i * classes + predicted]!);
      found.push({ index: batch.indices[i]!, label: batch.y[i]!, predicted, confidence });
    }
  }
  classifier.dispose();
  return found;
}

/** Images as they are; a loader prepares them, in batches of its own. */
function inOrder(data: ImageDataset | DataLoader, batchSize: number): DataLoader {
  return data instanceof DataLoader ? data : new DataLoader(data, { batchSize, shuffle: false });
}

/** Throws unless the network gives a score per class: rows of another length would be read as nonsense. */
function checkScores(model: ClassifierModel, scores: Float32Array, { size, shape }: Batch, data: Dataset): void {
  const classes = data.classes.length;
  if (scores.length === size * classes) return;
  throw new ShapeError(
    `${model.constructor.name} gives scores [${size}, ${scores.length / size}] for images ` +
      `${showShape(shape)}, and ${data.name} has ${classes} classes; the last layer should give ${classes}`,
  );
}

function surest(mistakes: readonly Prediction[], count: number): Prediction[] {
  return mistakes.toSorted((a, b) => b.confidence - a.confidence || a.index - b.index).slice(0, count);
}
