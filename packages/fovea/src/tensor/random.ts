import { defaultStream, type RandomStream } from "../base/random.ts";
import { checkShape, sizeOf, type Shape } from "../base/shape.ts";
import { fromHost } from "./create.ts";
import type { Tensor } from "./tensor.ts";

export interface RandomOptions {
  /** Where the numbers come from; default the global stream, which `manualSeed` restarts. */
  stream?: RandomStream;
}

/** Uniform numbers in [0, 1). */
export function rand(shape: Shape, { stream = defaultStream() }: RandomOptions = {}): Tensor {
  checkShape(shape, "rand");
  return fromHost(stream.laterUniform(sizeOf(shape)), shape, "float32");
}

/** Normal numbers of mean 0 and variance 1. */
export function randn(shape: Shape, { stream = defaultStream() }: RandomOptions = {}): Tensor {
  checkShape(shape, "randn");
  return fromHost(stream.laterNormal(sizeOf(shape)), shape, "float32");
}
