import { UsageError } from "../base/errors.ts";
import type { RandomStream } from "../base/random.ts";

/** Which samples an epoch has: drawn with replacement, so that classes, or samples, come as often as these say. */
export type Sampler = "balanced" | { readonly weights: ArrayLike<number> };

/** Makes the order of an epoch from its random stream. */
export type Order = (random: RandomStream) => Uint32Array;

export const inOrder =
  (length: number): Order =>
  () =>
    Uint32Array.from({ length }, (_, i) => i);

export const shuffled =
  (length: number): Order =>
  (random) =>
    random.permutation(length);

/** `length` draws, each sample as likely as its weight says. */
export function weighted(weights: ArrayLike<number>, length: number): Order {
  if (weights.length !== length) {
    throw new UsageError(`DataLoader: the sampler has ${weights.length} weights for ${length} samples`);
  }
  const sums = new Float64Array(length);
  let total = 0;
  for (let i = 0; i < length; i++) {
    const weight = weights[i]!;
    if (!(weight >= 0 && weight < Infinity)) {
      throw new UsageError(`DataLoader: the weight of sample ${i} is ${weight}; wanted a number ≥ 0`);
    }
    sums[i] = total += weight;
  }
  if (total === 0) throw new UsageError("DataLoader: all weights of the sampler are 0");
  return (random) => Uint32Array.from({ length }, () => firstAbove(sums, random.uniformDouble() * total));
}

/** Weights that make each class equally likely. */
export function balancedWeights(labels: ArrayLike<number>): Float64Array {
  const counts = new Map<number, number>();
  for (let i = 0; i < labels.length; i++) counts.set(labels[i]!, (counts.get(labels[i]!) ?? 0) + 1);
  return Float64Array.from({ length: labels.length }, (_, i) => 1 / counts.get(labels[i]!)!);
}

/** The first place whose sum is above `value`; sums grow. */
function firstAbove(sums: Float64Array, value: number): number {
  let [low, high] = [0, sums.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sums[middle]! > value) high = middle;
    else low = middle + 1;
  }
  return low;
}
