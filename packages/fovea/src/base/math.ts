/**
 * Elementary functions that give the same bits on every host.
 *
 * `Math.exp`, `Math.log`, `Math.cos`, `Math.sin` and `Math.pow` are "implementation-approximated" by the standard and
 * do differ between engines and versions. These use only operations that IEEE 754 fixes to the last bit
 * (+ − × ÷ sqrt) and moves of exponent bits, so what is drawn from a seed is the same everywhere.
 *
 * Methods: argument reduction and minimax polynomials of fdlibm (Sun Microsystems, 1993; the comments give the
 * formulas), `pow` by double-double arithmetic (Dekker, 1971). Measured error: below 1 ulp for exp, log, sin and cos,
 * below 2 ulp for pow while |y · log x| ≤ 100.
 */

// One number seen as two words. The index of the high word depends on the byte order of the host.
const asFloat = new Float64Array(1);
const asWords = new Int32Array(asFloat.buffer);
const HIGH = new Uint8Array(new Int32Array([1]).buffer)[0] === 1 ? 1 : 0;

// log 2 in two parts; the high part has 20 trailing zero bits, so that k · LN2_HIGH is exact for every exponent k.
const LN2_HIGH = 6.9314718036912381649e-1;
const LN2_LOW = 1.90821492927058770002e-10;

/** x · 2^k for a finite x, also where 2^k alone is not representable. */
function scale(x: number, k: number): number {
  while (k > 1023) {
    x *= 2 ** 1023;
    k -= 1023;
  }
  // One multiplication may round to a subnormal; a second would round again, so the steps down stay exact until last.
  while (k < -1022) {
    if (k >= -1074 - 52 && k < -1022) return x * powerOfTwo(k + 200) * 2 ** -200;
    x *= 2 ** -900;
    k += 900;
  }
  return x * powerOfTwo(k);
}

/** 2^k for −1022 ≤ k ≤ 1023, put together from its exponent bits. */
function powerOfTwo(k: number): number {
  asWords[HIGH] = (k + 1023) << 20;
  asWords[1 - HIGH] = 0;
  return asFloat[0]!;
}

/** e^x. */
export function exp(x: number): number {
  if (!(x <= 709.782712893384)) return x > 0 ? Infinity : NaN;
  if (x < -745.1332191019412) return 0;
  // x = k·log 2 + r with |r| ≤ log(2)/2, r = high − low
  const k = Math.floor(x * Math.LOG2E + 0.5);
  const high = x - k * LN2_HIGH;
  const low = k * LN2_LOW;
  const r = high - low;
  // e^r = 1 + r + r·c / (2 − c), where c = r − r²·P(r²) is the even part of r·(e^r + 1)/(e^r − 1)
  const t = r * r;
  const c =
    r -
    t *
      (1.66666666666666019037e-1 +
        t *
          (-2.77777777770155933842e-3 +
            t * (6.61375632143793436117e-5 + t * (-1.6533902205465251539e-6 + t * 4.13813679705723846039e-8))));
  return scale(1 - (low - (r * c) / (2 - c) - high), k);
}

/** The natural logarithm. */
export function log(x: number): number {
  if (!(x > 0)) return x === 0 ? -Infinity : NaN;
  if (x === Infinity) return x;
  let k = 0;
  if (x < 2 ** -1022) {
    x *= 2 ** 54;
    k = -54;
  }
  // x = 2^k · m with √½ ≤ m < √2 (0x95f64 makes the cut there)
  asFloat[0] = x;
  const word = asWords[HIGH]!;
  const mantissa = word & 0xfffff;
  const carry = (mantissa + 0x95f64) & 0x100000;
  asWords[HIGH] = mantissa | (carry ^ 0x3ff00000);
  k += (word >> 20) - 1023 + (carry >> 20);
  const f = asFloat[0]! - 1;
  if (f === 0) return k === 0 ? 0 : k * LN2_HIGH + k * LN2_LOW;
  // log(1 + f) = f − f²/2 + s·(f²/2 + R(s²)), s = f / (2 + f)
  const s = f / (2 + f);
  const z = s * s;
  const w = z * z;
  const even = w * (3.999999999940941908e-1 + w * (2.222219843214978396e-1 + w * 1.531383769920937332e-1));
  const odd =
    z *
    (6.66666666666673513e-1 +
      w * (2.857142874366239149e-1 + w * (1.818357216161805012e-1 + w * 1.479819860511658591e-1)));
  const halfSquare = 0.5 * f * f;
  const tail = s * (halfSquare + even + odd);
  if (k === 0) return f - (halfSquare - tail);
  return k * LN2_HIGH - (halfSquare - (tail + k * LN2_LOW) - f);
}

/** The cosine, for |x| ≤ 10⁶ (larger arguments throw: their reduction is not worth its code here). */
export function cos(x: number): number {
  const quadrant = reduce(x);
  const value = quadrant & 1 ? sinKernel(reducedHigh, reducedLow) : cosKernel(reducedHigh, reducedLow);
  return quadrant === 1 || quadrant === 2 ? -value : value;
}

/** The sine, for |x| ≤ 10⁶. */
export function sin(x: number): number {
  if (x === 0) return x;
  const quadrant = reduce(x);
  const value = quadrant & 1 ? cosKernel(reducedHigh, reducedLow) : sinKernel(reducedHigh, reducedLow);
  return quadrant >= 2 ? -value : value;
}

let reducedHigh = 0;
let reducedLow = 0;

/** Brings x to [−π/4, π/4] as a sum of two numbers (kept in the module, to allocate nothing); returns the quadrant. */
function reduce(x: number): number {
  if (Number.isFinite(x) && Math.abs(x) > 1e6) {
    throw new RangeError(`cos and sin take |x| ≤ 10⁶, got ${x}; reduce the angle modulo 2π first`);
  }
  // π/2 in three parts of 33 bits: n · part is exact for n < 2^20 (Cody and Waite, 1980)
  const n = Math.floor(x * 6.36619772367581382433e-1 + 0.5);
  const first = x - n * 1.57079632673412561417;
  const second = n * 6.0771005063039659766e-11;
  const rest = first - second;
  const lost = first - rest - second;
  const third = n * 2.02226624879595063154e-21 - lost;
  reducedHigh = rest - third;
  reducedLow = rest - reducedHigh - third;
  return n & 3;
}

/** sin(x + y) for |x| ≤ π/4 and a correction |y| below half an ulp of x. */
function sinKernel(x: number, y: number): number {
  const z = x * x;
  const r =
    8.33333333332248946124e-3 +
    z *
      (-1.98412698298579493134e-4 +
        z * (2.75573137070700676789e-6 + z * (-2.50507602534068634195e-8 + z * 1.58969099521155010221e-10)));
  const cube = z * x;
  return x - (z * (0.5 * y - cube * r) - y - cube * -1.66666666666666324348e-1);
}

/** cos(x + y) for |x| ≤ π/4 and a correction |y| below half an ulp of x. */
function cosKernel(x: number, y: number): number {
  const z = x * x;
  const r =
    z *
    (4.16666666666666019037e-2 +
      z *
        (-1.38888888888741095749e-3 +
          z *
            (2.48015872894767294178e-5 +
              z * (-2.75573143513906633035e-7 + z * (2.0875723212981748279e-9 + z * -1.13596475577881948265e-11)))));
  const half = 0.5 * z;
  const w = 1 - half;
  return w + (1 - w - half + (z * r - x * y));
}

/** The hyperbolic tangent; absolute error below 2·10⁻¹⁶. */
export function tanh(x: number): number {
  const a = Math.abs(x);
  if (a > 20) return x > 0 ? 1 : -1;
  if (a < 0.02) {
    // e^2x − 1 would cancel; the odd series converges fast instead
    const z = x * x;
    return x * (1 - z * (1 / 3 - z * (2 / 15 - z * (17 / 315 - (z * 62) / 2835))));
  }
  const e = exp(2 * a);
  const y = (e - 1) / (e + 1);
  return x > 0 ? y : -y;
}

/** x^y for x ≥ 0, or for any x when y is a whole number. */
export function pow(x: number, y: number): number {
  if (y === 0 || x === 1) return 1;
  if (Number.isNaN(x) || Number.isNaN(y)) return NaN;
  if (Number.isInteger(y) && Math.abs(y) <= 65536) {
    const power = wholePower(x, Math.abs(y));
    // Far from both ends of the range the split in `multiply` is exact, so the result is good to the last bits.
    if (Math.abs(power) < 1e200 && Math.abs(power) > 1e-200) return y < 0 ? 1 / (power + powerLow) : power + powerLow;
  }
  if (x < 0) {
    if (!Number.isInteger(y)) return NaN;
    return y % 2 === 0 ? pow(-x, y) : -pow(-x, y);
  }
  if (x === 0) return y > 0 ? 0 : Infinity;
  if (x === Infinity || !Number.isFinite(y)) return x > 1 === y > 0 ? Infinity : 0;
  // e^(y·log x) with log x in double-double: a plain log would lose as many bits as y·log x is large
  const logHigh = log(x);
  const logLow = logTail(x, logHigh);
  const product = multiply(y, logHigh);
  if (Math.abs(product) > 800) return product > 0 ? Infinity : 0;
  const value = exp(product);
  return value === Infinity ? value : value + value * (productLow + y * logLow);
}

let powerLow = 0;
let productLow = 0;

/** x^n by squaring in double-double; the low part is left in `powerLow`. */
function wholePower(x: number, n: number): number {
  let high = 1;
  let low = 0;
  let baseHigh = x;
  let baseLow = 0;
  for (; n > 0; n = Math.floor(n / 2)) {
    if (n % 2 === 1) {
      const p = multiply(high, baseHigh);
      low = productLow + (high * baseLow + low * baseHigh);
      high = p + low;
      low -= high - p;
    }
    const q = multiply(baseHigh, baseHigh);
    baseLow = productLow + 2 * baseHigh * baseLow;
    baseHigh = q + baseLow;
    baseLow -= baseHigh - q;
  }
  powerLow = low;
  return high;
}

/** a · b; the rounding error of the product is left in `productLow` (Dekker's product, Veltkamp's split). */
function multiply(a: number, b: number): number {
  const product = a * b;
  let t = a * 134217729;
  const aHigh = t - (t - a);
  const aLow = a - aHigh;
  t = b * 134217729;
  const bHigh = t - (t - b);
  const bLow = b - bHigh;
  productLow = aLow * bLow - (product - aHigh * bHigh - aLow * bHigh - aHigh * bLow);
  return product;
}

/** log x − y for y = log(x) rounded: about ten more bits of the logarithm, from one Newton step. */
function logTail(x: number, y: number): number {
  // x = 2^k·m, y = k·log 2 + l: the step is m·e^−l − 1, whose factors are near 1
  const k = Math.floor(y * Math.LOG2E + 0.5);
  const m = scale(x, -k);
  const f = m - 1; // exact: ½ ≤ m ≤ 2
  const s = f / (2 + f);
  // s in double-double: s + sLow = f / (2 + f)
  const p = multiply(s, 2);
  const q = multiply(s, f);
  const qLow = productLow;
  const sLow = (f - p - q - qLow) / (2 + f);
  // log m = 2s + s·R(s²); the series is summed to 2^−60 of log m
  const z = s * s;
  let series = 0;
  for (let i = 27; i >= 3; i -= 2) series = z * (2 / i + series);
  const high = 2 * s;
  const low = 2 * sLow + s * series;
  const kHigh = k * LN2_HIGH;
  const kLow = k * LN2_LOW;
  return kHigh - y + high + (low + kLow);
}
