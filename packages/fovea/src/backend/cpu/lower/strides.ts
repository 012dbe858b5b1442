import type { Shape } from "../../../base/shape.ts";
import { stridesOf } from "../layout.ts";
import type { CpuValue } from "../lower.ts";

/** Sizes and, per operand, distances in elements: what a walk over memory needs. */
export interface Walk {
  readonly dims: readonly number[];
  /** One list per operand. */
  readonly strides: readonly (readonly number[])[];
}

/**
 * The same walk with fewer dims: sizes of 1 are dropped, and neighbours that every operand steps through evenly become
 * one. At least one dim is left.
 */
export function merged({ dims, strides }: Walk): Walk {
  const kept: number[] = [];
  const steps: number[][] = strides.map(() => []);
  dims.forEach((d, i) => {
    if (d === 1) return;
    const last = kept.length - 1;
    if (last >= 0 && strides.every((s, k) => steps[k]![last] === s[i]! * d)) {
      kept[last]! *= d;
      strides.forEach((s, k) => (steps[k]![last] = s[i]!));
      return;
    }
    kept.push(d);
    strides.forEach((s, k) => steps[k]!.push(s[i]!));
  });
  return kept.length > 0 ? { dims: kept, strides: steps } : { dims: [1], strides: strides.map(() => [1]) };
}

/** The walk with its axes in another order. */
export function reordered({ dims, strides }: Walk, order: readonly number[]): Walk {
  return { dims: order.map((i) => dims[i]!), strides: strides.map((s) => order.map((i) => s[i]!)) };
}

/** Distances of a value's elements along the axes of a shape it broadcasts to; 0 where it is repeated. */
export function broadcastStrides({ spec, layout }: CpuValue, shape: Shape): number[] {
  const own = stridesOf(spec.shape, layout);
  const lead = shape.length - spec.shape.length;
  return shape.map((d, i) => (i < lead || (spec.shape[i - lead] === 1 && d !== 1) ? 0 : own[i - lead]!));
}

/** dims, then the strides of each operand: the tail of many kernels' parameters, the rank first. */
export function walkParams({ dims, strides }: Walk): number[] {
  return [dims.length, ...dims, ...strides.flat()];
}
