import { FoveaError } from "../base/errors.ts";
import { defaultStream, type RandomStream } from "../base/random.ts";
import { showShape, type Shape } from "../base/shape.ts";
import { overwrite } from "../ops/assign.ts";
import type { Tensor } from "../tensor/tensor.ts";

/**
 * Initialisers: each fills a tensor in place and returns it. The numbers come from a random stream through our own
 * log and cos, so a seed gives the same bits on every machine and engine.
 */

export interface InitOptions {
  /** Where the numbers come from; default the global stream, which `manualSeed` restarts. */
  stream?: RandomStream;
}

export interface KaimingOptions extends InitOptions {
  /** Keep the variance of activations (`fanIn`, default) or of gradients (`fanOut`). */
  mode?: "fanIn" | "fanOut";
  /** Negative slope of the leaky ReLU that follows; default 0, a ReLU. */
  a?: number;
}

/** How a layer fills its own parameters: as PyTorch does (default), or as Keras does. */
export type InitScheme = "pytorch" | "keras";

let skipping = false;

/** Runs `fn` with parameters left at zero: for models whose weights are loaded right after. */
export function skipInit<T>(fn: () => T): T {
  const before = skipping;
  skipping = true;
  try {
    return fn();
  } finally {
    skipping = before;
  }
}

/** Every element `value`. */
export function constant<T extends Tensor>(x: T, value: number): T {
  overwrite(x, new Float32Array(x.size).fill(value));
  return x;
}

export function zeros<T extends Tensor>(x: T): T {
  return constant(x, 0);
}

export function ones<T extends Tensor>(x: T): T {
  return constant(x, 1);
}

/** Uniform in [low, high). */
export function uniform<T extends Tensor>(x: T, low = 0, high = 1, { stream = defaultStream() }: InitOptions = {}): T {
  if (!skipping) overwrite(x, stream.fillUniform(new Float32Array(x.size), low, high));
  return x;
}

/** Normal with the mean and standard deviation given. */
export function normal<T extends Tensor>(x: T, mean = 0, std = 1, { stream = defaultStream() }: InitOptions = {}): T {
  if (!skipping) overwrite(x, stream.fillNormal(new Float32Array(x.size), mean, std));
  return x;
}

/** Uniform within ±√(6 / (fanIn + fanOut)) (Glorot and Bengio, 2010). */
export function glorotUniform<T extends Tensor>(x: T, options?: InitOptions): T {
  const { fanIn, fanOut } = fans(x.shape);
  const bound = Math.sqrt(6 / (fanIn + fanOut));
  return uniform(x, -bound, bound, options);
}

/** Normal with variance 2 / (fanIn + fanOut) (Glorot and Bengio, 2010). */
export function glorotNormal<T extends Tensor>(x: T, options?: InitOptions): T {
  const { fanIn, fanOut } = fans(x.shape);
  return normal(x, 0, Math.sqrt(2 / (fanIn + fanOut)), options);
}

/** Uniform with variance 2 / ((1 + a²) · fan) (He et al., 2015). */
export function kaimingUniform<T extends Tensor>(x: T, options: KaimingOptions = {}): T {
  const bound = Math.sqrt(3) * kaimingStd(x.shape, options);
  return uniform(x, -bound, bound, options);
}

/** Normal with variance 2 / ((1 + a²) · fan) (He et al., 2015). */
export function kaimingNormal<T extends Tensor>(x: T, options: KaimingOptions = {}): T {
  return normal(x, 0, kaimingStd(x.shape, options), options);
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
