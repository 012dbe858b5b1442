import { UsageError } from "../base/errors.ts";
import { RandomStream } from "../base/random.ts";
import { matrix, toFitted, toMatrix, type Matrix, type Rows } from "./matrix.ts";

export interface KMeansOptions {
  readonly nClusters: number;
  /** Default 50. */
  readonly maxIter?: number;
  /** Seed of the first centres; default 0. */
  readonly randomState?: number | bigint;
}

/** Lloyd's k-means (1982) from the centres of k-means++ (Arthur and Vassilvitskii, 2007). */
export class KMeans {
  /** Centres [nClusters, columns]. */
  clusterCenters: Matrix = matrix(0, 0);
  /** Sum of squared distances of the samples to their centres. */
  inertia = Infinity;
  nIter = 0;
  readonly #options: Required<KMeansOptions>;

  constructor({ nClusters, maxIter = 50, randomState = 0 }: KMeansOptions) {
    if (!Number.isInteger(nClusters) || nClusters < 1) {
      throw new UsageError(`KMeans: nClusters must be a whole number ≥ 1, got ${nClusters}`);
    }
    this.#options = { nClusters, maxIter, randomState };
  }

  fit(x: Rows): this {
    const samples = toMatrix(x, "KMeans");
    const { nClusters, maxIter, randomState } = this.#options;
    if (samples.rows < nClusters) {
      throw new UsageError(`KMeans: ${nClusters} clusters of ${samples.rows} samples; take fewer clusters`);
    }
    const { columns } = samples;
    const centres = firstCentres(samples, nClusters, new RandomStream(randomState).fork("kmeans"));
    let labels = new Int32Array(samples.rows).fill(-1);
    for (this.nIter = 1; this.nIter <= maxIter; this.nIter++) {
      const { labels: next, distances } = assign(samples, centres);
      this.inertia = distances.reduce((a, b) => a + b, 0);
      if (next.every((label, r) => label === labels[r])) break;
      labels = next;
      const counts = new Float64Array(nClusters);
      const sums = new Float64Array(nClusters * columns);
      labels.forEach((k, r) => {
        counts[k]!++;
        for (let c = 0; c < columns; c++) sums[k * columns + c]! += samples.values[r * columns + c]!;
      });
      for (let k = 0; k < nClusters; k++) {
        if (counts[k] === 0) continue; // nobody is nearest: the centre stays
        for (let c = k * columns; c < (k + 1) * columns; c++) centres.values[c] = sums[c]! / counts[k]!;
      }
    }
    this.clusterCenters = centres;
    return this;
  }

  /** The nearest centre of each sample. */
  predict(x: Rows): Int32Array {
    return assign(toFitted(x, this.clusterCenters.columns || null, "KMeans"), this.clusterCenters).labels;
  }
}

/** Each next centre is a sample, taken with a probability that grows with the square of its distance to those there are. */
function firstCentres(samples: Matrix, count: number, random: RandomStream): Matrix {
  const { rows, columns, values } = samples;
  const centres = matrix(count, columns);
  const nearest = new Float64Array(rows).fill(Infinity);
  let chosen = random.int(rows);
  for (let k = 0; k < count; k++) {
    centres.values.set(values.subarray(chosen * columns, (chosen + 1) * columns), k * columns);
    let total = 0;
    for (let r = 0; r < rows; r++) {
      nearest[r] = Math.min(nearest[r]!, squaredDistance(samples, r, centres, k));
      total += nearest[r]!;
    }
    let left = random.uniformDouble() * total;
    chosen = nearest.findIndex((d) => (left -= d) < 0);
    if (chosen < 0) chosen = random.int(rows); // all samples are centres already
  }
  return centres;
}

function assign(samples: Matrix, centres: Matrix): { labels: Int32Array<ArrayBuffer>; distances: Float64Array } {
  const labels = new Int32Array(samples.rows);
  const distances = new Float64Array(samples.rows).fill(Infinity);
  for (let r = 0; r < samples.rows; r++) {
    for (let k = 0; k < centres.rows; k++) {
      const distance = squaredDistance(samples, r, centres, k);
      if (distance < distances[r]!) {
        distances[r] = distance;
        labels[r] = k;
      }
    }
  }
  return { labels, distances };
}

function squaredDistance(a: Matrix, r: number, b: Matrix, s: number): number {
  const { columns } = a;
  let sum = 0;
  for (let i = r * columns, j = s * columns, end = i + columns; i < end; i++, j++) {
    const difference = a.values[i]! - b.values[j]!;
    sum += difference * difference;
  }
  return sum;
}
