import { UsageError } from "../base/errors.ts";
import { matrix, toFitted, toMatrix, type Matrix, type Rows } from "./matrix.ts";
import { columnMeans, type Transformer } from "./scaler.ts";
import { symmetricEigen } from "./symmetricEigen.ts";

export interface PCAOptions {
  /** Directions to keep: a whole number, or a share of the variance below 1; default all there are. */
  readonly nComponents?: number;
  /** Whether results get variance 1 each; default false. */
  readonly whiten?: boolean;
}

/** Principal components: the directions in which samples differ most (Pearson, 1901; Hotelling, 1933). */
export class PCA implements Transformer {
  mean: Float64Array = new Float64Array();
  /** Directions, [nComponents, columns], of length 1; the entry of largest size of each is positive. */
  components: Matrix = matrix(0, 0);
  /** Variance along each, largest first. */
  explainedVariance: Float64Array = new Float64Array();
  /** Its share of all variance. */
  explainedVarianceRatio: Float64Array = new Float64Array();
  readonly #options: PCAOptions;

  constructor(options: PCAOptions = {}) {
    const { nComponents } = options;
    if (nComponents !== undefined && !(nComponents > 0 && (nComponents < 1 || Number.isInteger(nComponents)))) {
      throw new UsageError(`PCA: nComponents must be a whole number ≥ 1 or a share below 1, got ${nComponents}`);
    }
    this.#options = options;
  }

  fit(x: Rows): this {
    const samples = toMatrix(x, "PCA");
    const { rows, columns } = samples;
    const { nComponents } = this.#options;
    const most = Math.min(rows, columns);
    if (nComponents !== undefined && nComponents > most) {
      throw new UsageError(`PCA: ${nComponents} components of x [${rows}, ${columns}]; there are ${most} at most`);
    }
    this.mean = columnMeans(samples);
    const centred = centre(samples, this.mean);
    // The smaller of XᵀX and XXᵀ has the same eigenvalues; vectors of the second become directions by Xᵀ.
    const narrow = columns <= rows;
    const size = narrow ? columns : rows;
    const { values, vectors } = symmetricEigen(narrow ? gram(transposed(centred)) : gram(centred), size);
    const variances = values.slice(0, most).map((value) => Math.max(0, value) / Math.max(1, rows - 1));
    const total = variances.reduce((a, b) => a + b, 0);
    const count = keep(variances, total, nComponents);
    this.components = matrix(count, columns);
    for (let k = 0; k < count; k++) {
      const vector = vectors.subarray(k * size, (k + 1) * size);
      this.components.values.set(direction(narrow ? vector : combine(centred, vector)), k * columns);
    }
    this.explainedVariance = variances.slice(0, count);
    this.explainedVarianceRatio = this.explainedVariance.map((v) => (total === 0 ? 0 : v / total));
    return this;
  }

  fitTransform(x: Rows): Matrix {
    return this.fit(x).transform(x);
  }

  transform(x: Rows): Matrix {
    const samples = toFitted(x, this.mean.length || null, "PCA");
    const centred = centre(samples, this.mean);
    const { rows: count, columns } = this.components;
    const found = matrix(samples.rows, count);
    for (let r = 0; r < samples.rows; r++) {
      for (let k = 0; k < count; k++) {
        let sum = 0;
        for (let c = 0, i = r * columns, j = k * columns; c < columns; c++) {
          sum += centred.values[i++]! * this.components.values[j++]!;
        }
        const deviation = this.#options.whiten ? Math.sqrt(this.explainedVariance[k]!) || 1 : 1;
        found.values[r * count + k] = sum / deviation;
      }
    }
    return found;
  }
}

function keep(variances: Float64Array, total: number, wanted: number | undefined): number {
  if (wanted === undefined || wanted >= 1) return wanted ?? variances.length;
  let sum = 0;
  const count = variances.findIndex((v) => (sum += v) >= wanted * total);
  return count < 0 ? variances.length : count + 1;
}

function centre(x: Matrix, mean: Float64Array): Matrix {
  const centred = matrix(x.rows, x.columns);
  for (let i = 0; i < x.values.length; i++) centred.values[i] = x.values[i]! - mean[i % x.columns]!;
  return centred;
}

function transposed(x: Matrix): Matrix {
  const turned = matrix(x.columns, x.rows);
  for (let r = 0, i = 0; r < x.rows; r++) {
    for (let c = 0; c < x.columns; c++) turned.values[c * x.rows + r] = x.values[i++]!;
  }
  return turned;
}

/** x · xᵀ, [rows, rows]. */
function gram({ rows, columns, values }: Matrix): Float64Array {
  const products = new Float64Array(rows * rows);
  for (let r = 0; r < rows; r++) {
    for (let s = 0; s <= r; s++) {
      let sum = 0;
      for (let i = r * columns, j = s * columns, end = i + columns; i < end; i++, j++) sum += values[i]! * values[j]!;
      products[r * rows + s] = sum;
      products[s * rows + r] = sum;
    }
  }
  return products;
}

/** Σ weightᵣ · row r. */
function combine({ columns, values }: Matrix, weights: Float64Array): Float64Array {
  const sum = new Float64Array(columns);
  weights.forEach((weight, r) => {
    for (let c = 0, i = r * columns; c < columns; c++) sum[c]! += weight * values[i++]!;
  });
  return sum;
}

/** Length 1, and the sign that makes the entry of largest size positive. */
function direction(vector: Float64Array): Float64Array {
  let squares = 0;
  let largest = 0;
  for (const v of vector) {
    squares += v * v;
    if (Math.abs(v) > Math.abs(largest) * (1 + 1e-12)) largest = v;
  }
  const length = Math.sqrt(squares);
  return length === 0 ? vector : vector.map((v) => (Math.sign(largest) * v) / length);
}
