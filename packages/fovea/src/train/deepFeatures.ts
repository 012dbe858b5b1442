import { UsageError } from "../base/errors.ts";
import type { Matrix } from "../classic/matrix.ts";
import { compile } from "../graph/compile.ts";
import type { ImageClassifier } from "../models/_classifier.ts";
import { rememberModes, walk } from "../nn/module.ts";
import { noGrad } from "../tensor/apply.ts";
import { scope } from "../tensor/scope.ts";
import type { Tensor } from "../tensor.ts";
import { toDevice } from "./batch.ts";
import { openSource, type TrainData } from "./source.ts";

/** What a network sees in pictures, and what they are: rows for a classifier of `fovea/classic`. */
export interface DeepFeatures {
  /** The mean of each of the last feature maps, [pictures, channels]. */
  readonly features: Matrix;
  readonly labels: Int32Array;
}

/**
 * The features of labelled pictures: the network's last feature maps, averaged over their pixels (Donahue et al., 2014,
 * "DeCAF"). The network is left as it is.
 *
 * @param data Pictures as the network wants them; a loader should not shuffle if the order matters.
 * @example
 * const { features, labels } = await deepFeatures(model, loader);
 * const svm = new LinearSVC({ C: 0.01 }).fit(new StandardScaler().fitTransform(features), labels);
 */
export async function deepFeatures(
  model: ImageClassifier,
  data: TrainData,
  { batchSize = 32, signal }: { batchSize?: number; signal?: AbortSignal } = {},
): Promise<DeepFeatures> {
  const source = await openSource(data, undefined, { batchSize, shuffle: false, seed: 0 });
  const restore = rememberModes(walk(model));
  const rows: Float32Array[] = [];
  const labels: number[] = [];
  const run = compile((x: Tensor) => noGrad(() => model.forwardFeatures(x).mean([2, 3])));
  let columns = 0;
  try {
    model.eval();
    for await (const batch of source.pass(0, 0)) {
      signal?.throwIfAborted();
      const target = [...batch.y.values()][0];
      if (target === undefined) throw new UsageError("deepFeatures: the pictures have no labels");
      const x = toDevice(batch.x[0]!);
      const features = scope(() => run(x));
      rows.push((await features.data()) as Float32Array);
      for (let i = 0; i < batch.size; i++) labels.push(target.data[i]!);
      columns = features.shape[1]!;
      for (const t of [x, features]) t[Symbol.dispose]();
    }
  } finally {
    run.dispose();
    restore();
  }
  if (labels.length === 0) throw new UsageError(`deepFeatures: ${source.name} gives no pictures`);
  const values = new Float32Array(labels.length * columns);
  let to = 0;
  for (const row of rows) {
    values.set(row, to);
    to += row.length;
  }
  return { features: { rows: labels.length, columns, values }, labels: Int32Array.from(labels) };
}

/**
 * Share of pictures whose nearest other one (by the angle between features) is of their class: how well a network tells
 * classes apart that it was not trained on.
 */
export function nearestNeighbourAccuracy({ features, labels }: DeepFeatures): number {
  const { rows, columns, values } = features;
  const unit = new Float64Array(rows * columns);
  for (let r = 0; r < rows; r++) {
    const row = values.subarray(r * columns, (r + 1) * columns);
    const length = Math.hypot(...row) || 1;
    for (let c = 0; c < columns; c++) unit[r * columns + c] = row[c]! / length;
  }
  let right = 0;
  for (let r = 0; r < rows; r++) {
    let [nearest, most] = [-1, -Infinity];
    for (let other = 0; other < rows; other++) {
      if (other === r) continue;
      let cosine = 0;
      for (let c = 0; c < columns; c++) cosine += unit[r * columns + c]! * unit[other * columns + c]!;
      if (cosine > most) [nearest, most] = [other, cosine];
    }
    if (nearest >= 0 && labels[nearest] === labels[r]) right++;
  }
  return right / rows;
}
