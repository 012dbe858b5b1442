import { UsageError } from "../../base/errors.ts";
import { cos, sin } from "../../base/math.ts";

/**
 * The discrete Fourier transform of one size, X[k] = Σ x[n] · e^(−2πi·kn/N): split by the prime factors of the size
 * (Cooley and Tukey, 1965), so N · (sum of the factors) steps.
 */
export class Fft {
  readonly size: number;
  /** cos and sin of 2π·k/N. */
  readonly #cos: Float64Array;
  readonly #sin: Float64Array;
  readonly #factors: readonly number[];
  readonly #re: Float64Array;
  readonly #im: Float64Array;

  constructor(size: number) {
    if (!Number.isInteger(size) || size < 1 || size > 2 ** 20) {
      throw new UsageError(`Fft: size must be a whole number in 1 … 2^20, got ${size}`);
    }
    this.size = size;
    const angle = (k: number) => (2 * Math.PI * k) / size;
    this.#cos = Float64Array.from({ length: size }, (_, k) => cos(angle(k)));
    this.#sin = Float64Array.from({ length: size }, (_, k) => sin(angle(k)));
    this.#factors = primeFactors(size);
    const largest = Math.max(1, ...this.#factors);
    this.#re = new Float64Array(largest);
    this.#im = new Float64Array(largest);
  }

  /** Real numbers to `outRe` + i·`outIm`, all of length N. */
  transform(x: Float64Array, outRe: Float64Array, outIm: Float64Array): void {
    this.#split(x, outRe, outIm, 0, 0, 1, 0);
  }

  /** The transform of every `stride`-th number from `from` on, written at `to`. `level` counts the factors taken out. */
  #split(x: Float64Array, re: Float64Array, im: Float64Array, level: number, from: number, stride: number, to: number) {
    if (stride === this.size) {
      re[to] = x[from]!;
      im[to] = 0;
      return;
    }
    const p = this.#factors[level]!;
    const part = this.size / stride / p;
    for (let j = 0; j < p; j++) this.#split(x, re, im, level + 1, from + j * stride, stride * p, to + j * part);
    this.#join(re, im, p, part, stride, to);
  }

  /** Combines p transforms of `part` numbers each, in place. */
  #join(re: Float64Array, im: Float64Array, p: number, part: number, stride: number, to: number): void {
    const { size } = this;
    const [c, s, a, b] = [this.#cos, this.#sin, this.#re, this.#im];
    for (let k = 0; k < part; k++) {
      for (let j = 0; j < p; j++) {
        const at = to + j * part + k;
        const turn = (j * k * stride) % size;
        a[j] = re[at]! * c[turn]! + im[at]! * s[turn]!;
        b[j] = im[at]! * c[turn]! - re[at]! * s[turn]!;
      }
      for (let q = 0; q < p; q++) {
        let [sumRe, sumIm] = [a[0]!, b[0]!];
        for (let j = 1; j < p; j++) {
          const turn = (((j * q) % p) * (size / p)) % size;
          sumRe += a[j]! * c[turn]! + b[j]! * s[turn]!;
          sumIm += b[j]! * c[turn]! - a[j]! * s[turn]!;
        }
        re[to + q * part + k] = sumRe;
        im[to + q * part + k] = sumIm;
      }
    }
  }
}

function primeFactors(n: number): number[] {
  const factors: number[] = [];
  for (let p = 2; p * p <= n; p++) {
    for (; n % p === 0; n /= p) factors.push(p);
  }
  return n > 1 ? [...factors, n] : factors;
}
