import { FoveaError, UsageError } from "../base/errors.ts";
import { exp } from "../base/math.ts";
import { nearest } from "../base/nearest.ts";
import type { RandomStream } from "../base/random.ts";
import { showShape, type Shape } from "../base/shape.ts";
import { overwrite } from "../ops/assign.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { fillRandom, fillRandomLater, skipInit, type InitOptions } from "./initFill.ts";
import { dirac, identity, orthogonal, sparse, stft } from "./initMatrices.ts";

/**
 * Initialisers: each fills a tensor in place and returns it. The numbers come from a random stream through our own
 * exp, log and cos, so a seed gives the same bits on every machine and engine.
 */

export { dirac, identity, orthogonal, skipInit, sparse, stft };
export type { InitOptions };
export type { OrthogonalOptions, SparseOptions, StftOptions } from "./initMatrices.ts";

export interface KaimingOptions extends InitOptions {
  /** Keep the variance of activations (`fanIn`, default) or of gradients (`fanOut`). */
  mode?: "fanIn" | "fanOut";
  /** Negative slope of the leaky ReLU that follows; default 0, a ReLU. */
  a?: number;
}

export interface XavierOptions extends InitOptions {
  /** Factor, see `calculateGain`; default 1. */
  gain?: number;
}

/** How a layer fills its own parameters: as PyTorch does (default), or as Keras does. */
export type InitScheme = "pytorch" | "keras";

/** Every element `value`. */
export function constant<T extends Tensor>(x: T, value: number): T {
  overwrite(x, () => new Float32Array(x.size).fill(value));
  return x;
}

export function zeros<T extends Tensor>(x: T): T {
  return constant(x, 0);
}

export function ones<T extends Tensor>(x: T): T {
  return constant(x, 1);
}

/** Uniform in [low, high). */
export function uniform<T extends Tensor>(x: T, low = 0, high = 1, options: InitOptions = {}): T {
  return fillRandomLater(x, options, (stream) => stream.laterUniform(x.size, low, high));
}

/** Normal with the mean and standard deviation given. */
export function normal<T extends Tensor>(x: T, mean = 0, std = 1, options: InitOptions = {}): T {
  return fillRandomLater(x, options, (stream) => stream.laterNormal(x.size, mean, std));
}

export interface TruncatedNormalOptions extends InitOptions {
  /** Least value; default mean − 2 std, as in Keras (PyTorch: −2). */
  low?: number;
  /** Largest value; default mean + 2 std, as in Keras (PyTorch: 2). */
  high?: number;
}

/** Normal numbers, drawn again until they lie within bounds. Their deviation is smaller than `std`: 0.88 of it at ±2. */
export function truncatedNormal<T extends Tensor>(
  x: T,
  mean = 0,
  std = 1,
  { low = mean - 2 * std, high = mean + 2 * std, ...options }: TruncatedNormalOptions = {},
): T {
  if (!(std > 0 && low < high)) {
    throw new UsageError(
      `init.truncatedNormal: needs std > 0 and low < high, got std ${std}, bounds ${low} and ${high}`,
    );
  }
  const [from, to] = [(low - mean) / std, (high - mean) / std];
  return fillRandom(x, options, (out, stream) => {
    for (let i = 0; i < out.length; i++) out[i] = mean + std * boundedNormal(stream, from, to);
    return out;
  });
}

/** A standard normal number in [from, to]: by rejection from the normal, or from the uniform where that would be rare. */
function boundedNormal(stream: RandomStream, from: number, to: number): number {
  if (from <= 0 && to >= 0 && to - from > 2) {
    for (;;) {
      const z = stream.normal();
      if (z >= from && z <= to) return z;
    }
  }
  const peak = Math.min(Math.max(from, 0), to); // where the density is largest
  // Far out the density is gone within a few units.
  const [a, b] = [Math.max(from, peak - 8), Math.min(to, peak + 8)];
  for (;;) {
    const z = a + (b - a) * stream.uniformDouble();
    if (stream.uniformDouble() <= exp((peak * peak - z * z) / 2)) return z;
  }
}

export interface VarianceScalingOptions extends InitOptions {
  /** Variance times the fan; default 1. */
  scale?: number;
  /** Divide by the number of inputs (default), of outputs, or by their mean. */
  mode?: "fanIn" | "fanOut" | "fanAvg";
  /** Default `truncatedNormal`, at two standard deviations, as in Keras. */
  distribution?: "truncatedNormal" | "untruncatedNormal" | "uniform";
}

/** Standard deviation of a standard normal number cut off at ±2. */
const TRUNCATED_STD = 0.8796256610342398;

/** Variance scale / fan, by one of three distributions: the common form of Glorot's, He's and LeCun's. */
export function varianceScaling<T extends Tensor>(x: T, options: VarianceScalingOptions = {}): T {
  const { scale = 1, mode = "fanIn", distribution = "truncatedNormal", ...rest } = options;
  if (!(scale > 0)) throw new UsageError(`init.varianceScaling: scale must be above 0, got ${scale}`);
  const { fanIn, fanOut } = fans(x.shape);
  const fan = { fanIn, fanOut, fanAvg: (fanIn + fanOut) / 2 }[mode];
  const std = Math.sqrt(scale / Math.max(1, fan));
  if (distribution === "uniform") return uniform(x, -Math.sqrt(3) * std, Math.sqrt(3) * std, rest);
  if (distribution === "untruncatedNormal") return normal(x, 0, std, rest);
  // Wider by so much that the variance after the cut is the one wanted.
  return truncatedNormal(x, 0, std / TRUNCATED_STD, rest);
}

/** Uniform within ±√(6 / (fanIn + fanOut)) (Glorot and Bengio, 2010). */
export function glorotUniform<T extends Tensor>(x: T, options?: InitOptions): T {
  return xavierUniform(x, options);
}

/** Variance 2 / (fanIn + fanOut), truncated normal as in Keras (Glorot and Bengio, 2010). */
export function glorotNormal<T extends Tensor>(x: T, options?: InitOptions): T {
  return varianceScaling(x, { ...options, mode: "fanAvg" });
}

/** Variance 2 / fanIn, truncated normal as in Keras (He et al., 2015). */
export function heNormal<T extends Tensor>(x: T, options?: InitOptions): T {
  return varianceScaling(x, { ...options, scale: 2 });
}

/** Uniform within ±√(6 / fanIn) (He et al., 2015). */
export function heUniform<T extends Tensor>(x: T, options?: InitOptions): T {
  return varianceScaling(x, { ...options, scale: 2, distribution: "uniform" });
}

/** Variance 1 / fanIn, truncated normal as in Keras (LeCun et al., 1998). */
export function lecunNormal<T extends Tensor>(x: T, options?: InitOptions): T {
  return varianceScaling(x, { ...options });
}

/** Uniform within ±√(3 / fanIn) (LeCun et al., 1998). */
export function lecunUniform<T extends Tensor>(x: T, options?: InitOptions): T {
  return varianceScaling(x, { ...options, distribution: "uniform" });
}

/** PyTorch's name of Glorot's uniform, with a gain. */
export function xavierUniform<T extends Tensor>(x: T, { gain = 1, ...options }: XavierOptions = {}): T {
  const { fanIn, fanOut } = fans(x.shape);
  const bound = gain * Math.sqrt(6 / (fanIn + fanOut));
  return uniform(x, -bound, bound, options);
}

/** Glorot's normal as in PyTorch: not truncated, with a gain. */
export function xavierNormal<T extends Tensor>(x: T, { gain = 1, ...options }: XavierOptions = {}): T {
  const { fanIn, fanOut } = fans(x.shape);
  return normal(x, 0, gain * Math.sqrt(2 / (fanIn + fanOut)), options);
}

/** Uniform with variance 2 / ((1 + a²) · fan) (He et al., 2015), as in PyTorch. */
export function kaimingUniform<T extends Tensor>(x: T, options: KaimingOptions = {}): T {
  const bound = Math.sqrt(3) * kaimingStd(x.shape, options);
  return uniform(x, -bound, bound, options);
}

/** Normal with variance 2 / ((1 + a²) · fan) (He et al., 2015), as in PyTorch: not truncated. */
export function kaimingNormal<T extends Tensor>(x: T, options: KaimingOptions = {}): T {
  return normal(x, 0, kaimingStd(x.shape, options), options);
}

const gains = { linear: 1, conv: 1, sigmoid: 1, tanh: 5 / 3, relu: Math.SQRT2, selu: 3 / 4 } as const;

/** What a function of mean 0 and variance 1 loses through a nonlinearity, as PyTorch recommends. */
export function calculateGain(nonlinearity: keyof typeof gains | "leakyRelu", negativeSlope = 0.01): number {
  if (nonlinearity === "leakyRelu") return Math.sqrt(2 / (1 + negativeSlope * negativeSlope));
  const gain = gains[nonlinearity] as number | undefined;
  if (gain !== undefined) return gain;
  throw new UsageError(
    `init.calculateGain: no gain for ${String(nonlinearity)}; there are ${Object.keys(gains).join(", ")}, leakyRelu`,
  );
}

/** Inputs and outputs of one unit, for weights of shape [out, in, ...kernel]. */
export function fans(shape: Shape): { fanIn: number; fanOut: number } {
  if (shape.length < 2) {
    throw new FoveaError(`init: fans need a weight of rank ≥ 2 ([out, in, ...kernel]), got ${showShape(shape)}`);
  }
  const kernel = shape.slice(2).reduce((a, d) => a * d, 1);
  return { fanIn: shape[1]! * kernel, fanOut: shape[0]! * kernel };
}

/** Fills a layer's weight and bias by the scheme. */
export function initLayer(weight: Tensor, bias: Tensor | null, scheme: InitScheme = "pytorch"): void {
  if (scheme === "keras") {
    glorotUniform(weight); // and a bias of zeros, as it was made
    return;
  }
  // PyTorch calls this kaiming_uniform(a = √5), whose bound comes to 1/√fanIn.
  const bound = 1 / Math.sqrt(fans(weight.shape).fanIn);
  uniform(weight, -bound, bound);
  if (bias !== null) uniform(bias, -bound, bound);
}

function kaimingStd(shape: Shape, { mode = "fanIn", a = 0 }: KaimingOptions): number {
  return Math.sqrt(2 / ((1 + a * a) * fans(shape)[mode]));
}

/** Fills a tensor in place. */
export type Initializer = (x: Tensor) => Tensor;

const named = {
  zeros,
  ones,
  identity: (x: Tensor) => identity(x),
  orthogonal: (x: Tensor) => orthogonal(x),
  // Keras' defaults of these three
  randomNormal: (x: Tensor) => normal(x, 0, 0.05),
  randomUniform: (x: Tensor) => uniform(x, -0.05, 0.05),
  truncatedNormal: (x: Tensor) => truncatedNormal(x, 0, 0.05),
  varianceScaling: (x: Tensor) => varianceScaling(x),
  glorotNormal: (x: Tensor) => glorotNormal(x),
  glorotUniform: (x: Tensor) => glorotUniform(x),
  heNormal: (x: Tensor) => heNormal(x),
  heUniform: (x: Tensor) => heUniform(x),
  lecunNormal: (x: Tensor) => lecunNormal(x),
  lecunUniform: (x: Tensor) => lecunUniform(x),
} satisfies Record<string, Initializer>;

/** An initialiser by Keras' name, with Keras' defaults: `glorotUniform`, or as Keras writes it, `glorot_uniform`. */
export function byName(name: string): Initializer {
  const camel = name
    .replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())
    .replace(/^[A-Z]/, (letter) => letter.toLowerCase());
  if (Object.hasOwn(named, camel)) return named[camel as keyof typeof named];
  const near = nearest(camel, Object.keys(named));
  throw new UsageError(
    `init.byName: there is no initialiser "${name}"${near === null ? "" : `; did you mean "${near}"?`} There are ${Object.keys(named).join(", ")}.`,
  );
}
