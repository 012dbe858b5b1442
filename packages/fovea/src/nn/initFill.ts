import { defaultStream, type Draw, type RandomStream } from "../base/random.ts";
import { overwrite } from "../ops/assign.ts";
import type { Tensor } from "../tensor/tensor.ts";

export interface InitOptions {
  /** Where the numbers come from; default the global stream, which `manualSeed` restarts. */
  stream?: RandomStream;
}

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

/** Fills a tensor with numbers drawn from a stream, unless initialising is skipped. */
export function fillRandom<T extends Tensor>(
  x: T,
  { stream = defaultStream() }: InitOptions,
  draw: (out: Float32Array, stream: RandomStream) => Float32Array,
): T {
  if (!skipping) overwrite(x, draw(new Float32Array(x.size), stream));
  return x;
}

/** The same for numbers that are drawn when the values are wanted, by the engine that wants them. */
export function fillRandomLater<T extends Tensor>(
  x: T,
  { stream = defaultStream() }: InitOptions,
  draw: (stream: RandomStream) => Draw,
): T {
  if (!skipping) overwrite(x, draw(stream));
  return x;
}
