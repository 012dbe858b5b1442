import { matrix, toFitted, toMatrix, type Matrix, type Rows } from "./matrix.ts";

/** Learns from samples how to change them: scaling, projection, a vocabulary. */
export interface Transformer {
  fit(x: Rows): this;
  transform(x: Rows): Matrix;
  /** Both, on the same samples. */
  fitTransform(x: Rows): Matrix;
}

export interface StandardScalerOptions {
  /** Whether columns are divided by their standard deviation; default true. */
  readonly withStd?: boolean;
}

/** Makes each column have mean 0 and variance 1 over the samples that were fitted; a constant column becomes 0. */
export class StandardScaler implements Transformer {
  /** Of each column. */
  mean: Float64Array = new Float64Array();
  /** Standard deviation of each column (divided by the number of samples), 1 where it is 0. */
  scale: Float64Array = new Float64Array();
  readonly #withStd: boolean;

  constructor({ withStd = true }: StandardScalerOptions = {}) {
    this.#withStd = withStd;
  }

  fit(x: Rows): this {
    const samples = toMatrix(x, "StandardScaler");
    this.mean = columnMeans(samples);
    this.scale = new Float64Array(samples.columns).fill(this.#withStd ? 0 : 1);
    if (!this.#withStd) return this;
    eachValue(samples, (v, c) => (this.scale[c]! += (v - this.mean[c]!) ** 2));
    // Differences that are rounding errors of a constant column must not be blown up to 1.
    this.scale.forEach((sum, c) => {
      const deviation = Math.sqrt(sum / samples.rows);
      this.scale[c] = deviation <= 1e-12 * Math.abs(this.mean[c]!) ? 1 : deviation;
    });
    return this;
  }

  fitTransform(x: Rows): Matrix {
    return this.fit(x).transform(x);
  }

  transform(x: Rows): Matrix {
    const samples = toFitted(x, this.mean.length || null, "StandardScaler");
    const scaled = matrix(samples.rows, samples.columns);
    eachValue(samples, (v, c, i) => (scaled.values[i] = (v - this.mean[c]!) / this.scale[c]!));
    return scaled;
  }
}

export function columnMeans(x: Matrix): Float64Array {
  const mean = new Float64Array(x.columns);
  eachValue(x, (v, c) => (mean[c]! += v));
  return mean.map((sum) => sum / x.rows);
}

function eachValue(
  { rows, columns, values }: Matrix,
  see: (value: number, column: number, index: number) => void,
): void {
  for (let r = 0, i = 0; r < rows; r++) for (let c = 0; c < columns; c++, i++) see(values[i]!, c, i);
}
