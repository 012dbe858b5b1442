import { UsageError } from "../base/errors.ts";
import { matmul } from "../ops/matmul.ts";
import { noGrad } from "../tensor/apply.ts";
import { fromHost } from "../tensor/create.ts";
import { encodeLabels, type Classifier } from "./classifier.ts";
import { dotRows, matrix, takeRows, toFitted, toMatrix, type Matrix, type Rows } from "./matrix.ts";

export interface KNeighborsClassifierOptions {
  /** Samples that vote; default 5. */
  readonly nNeighbors?: number;
  /** Whether each votes alike, or by 1 / distance; default "uniform". */
  readonly weights?: "uniform" | "distance";
}

/** Rows compared at once: the products of 256 rows with 60,000 are 61 MB. */
const BLOCK = 256;

/** The label that most of the nearest samples have, by Euclidean distance; of equal votes the smaller label wins. */
export class KNeighborsClassifier implements Classifier {
  classes: Int32Array = new Int32Array();
  #samples: Matrix | null = null;
  #codes: Int32Array = new Int32Array();
  #norms: Float64Array = new Float64Array();
  readonly #options: Required<KNeighborsClassifierOptions>;

  constructor(options: KNeighborsClassifierOptions = {}) {
    const { nNeighbors = 5, weights = "uniform" } = options;
    if (!Number.isInteger(nNeighbors) || nNeighbors < 1) {
      throw new UsageError(`KNeighborsClassifier: nNeighbors must be a whole number ≥ 1, got ${nNeighbors}`);
    }
    this.#options = { nNeighbors, weights };
  }

  /** Keeps the samples. */
  fit(x: Rows, y: ArrayLike<number>): this {
    const samples = toMatrix(x, "KNeighborsClassifier");
    const { nNeighbors } = this.#options;
    if (samples.rows < nNeighbors) {
      throw new UsageError(`KNeighborsClassifier: ${nNeighbors} neighbours of ${samples.rows} samples; take fewer`);
    }
    const { classes, codes } = encodeLabels(y, samples.rows, "KNeighborsClassifier");
    this.classes = classes;
    this.#codes = codes;
    this.#samples = samples;
    this.#norms = Float64Array.from({ length: samples.rows }, (_, r) => dotRows(samples, r, samples, r));
    return this;
  }

  /** The nearest samples of each row, nearest first: places in what was fitted, and distances, [rows, nNeighbors]. */
  async kneighbors(x: Rows): Promise<{ readonly distances: Matrix; readonly indices: Int32Array }> {
    const queries = toFitted(x, this.#samples?.columns ?? null, "KNeighborsClassifier");
    const samples = this.#samples!;
    const { nNeighbors } = this.#options;
    const distances = matrix(queries.rows, nNeighbors);
    const indices = new Int32Array(queries.rows * nNeighbors);
    const all = fromHost(Float32Array.from(samples.values), [samples.rows, samples.columns], "float32");
    for (let from = 0; from < queries.rows; from += BLOCK) {
      const block = takeRows(queries, range(from, Math.min(queries.rows, from + BLOCK)));
      // ‖a − b‖² = ‖a‖² + ‖b‖² − 2 a·b chooses; among the chosen the distances are computed again, exactly.
      const rows = fromHost(Float32Array.from(block.values), [block.rows, block.columns], "float32");
      const products = await noGrad(() => matmul(rows, all, { transposeB: true })).data();
      for (let r = 0; r < block.rows; r++) {
        const found = nearest(samples.rows, nNeighbors, (s) => this.#norms[s]! - 2 * products[r * samples.rows + s]!)
          .map((s) => ({ s, distance: distanceOf(block, r, samples, s) }))
          .toSorted((a, b) => a.distance - b.distance || a.s - b.s);
        found.forEach(({ s, distance }, k) => {
          indices[(from + r) * nNeighbors + k] = s;
          distances.values[(from + r) * nNeighbors + k] = distance;
        });
      }
    }
    return { distances, indices };
  }

  async predict(x: Rows): Promise<Int32Array> {
    const { distances, indices } = await this.kneighbors(x);
    const { nNeighbors, weights } = this.#options;
    return Int32Array.from({ length: distances.rows }, (_, r) => {
      const votes = new Float64Array(this.classes.length);
      const exact = weights === "distance" && distances.values[r * nNeighbors] === 0;
      for (let k = r * nNeighbors; k < (r + 1) * nNeighbors; k++) {
        const distance = distances.values[k]!;
        const vote = weights === "uniform" ? 1 : exact ? Number(distance === 0) : 1 / distance;
        votes[this.#codes[indices[k]!]!]! += vote;
      }
      return this.classes[votes.indexOf(Math.max(...votes))]!;
    });
  }
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, i) => from + i);
}

/** The `count` places of smallest value, the earlier of equal ones. */
function nearest(size: number, count: number, value: (s: number) => number): number[] {
  const best: { s: number; v: number }[] = [];
  for (let s = 0; s < size; s++) {
    const v = value(s);
    if (best.length === count && v >= best[count - 1]!.v) continue;
    let at = best.length;
    while (at > 0 && best[at - 1]!.v > v) at--;
    best.splice(at, 0, { s, v });
    if (best.length > count) best.pop();
  }
  return best.map(({ s }) => s);
}

function distanceOf(a: Matrix, r: number, b: Matrix, s: number): number {
  let sum = 0;
  for (let i = r * a.columns, j = s * b.columns, end = i + a.columns; i < end; i++, j++) {
    sum += (a.values[i]! - b.values[j]!) ** 2;
  }
  return Math.sqrt(sum);
}
