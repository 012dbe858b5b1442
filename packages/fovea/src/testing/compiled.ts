import { expect } from "vitest";
import { compile, type Compiled } from "../graph/compile.ts";
import type { Graph } from "../graph/graph.ts";
import type { Tensor } from "../tensor/tensor.ts";

export type Fn = (...args: Tensor[]) => Tensor[];

/** Compares all bits of two lists of tensors. */
export function equalBits(a: readonly Tensor[], b: readonly Tensor[]): void {
  expect(a.length).toBe(b.length);
  a.forEach((t, i) => {
    const [x, y] = [Array.from(t.storage.values()), Array.from(b[i]!.storage.values())];
    const other = x.findIndex((v, k) => !Object.is(v, y[k]));
    expect({ result: i, element: other, value: x[other] }).toEqual({ result: i, element: -1, value: undefined });
    expect(x.length).toBe(y.length);
  });
}

/**
 * By how much a program whose batch norms went into the weights may differ from the same layers one by one, of the
 * largest element: each weight and each result is rounded once more, 2⁻²⁴ of Σ|x||w|, in every layer.
 */
export const BATCH_NORM_FOLDED = 2e-5;

/** Compares two lists of tensors; `within` is relative to the largest element of each. */
export function nearlyEqual(a: readonly Tensor[], b: readonly Tensor[], within: number): void {
  expect(a.length).toBe(b.length);
  a.forEach((t, i) => {
    const [x, y] = [Array.from(t.storage.values()), Array.from(b[i]!.storage.values())];
    const largest = y.reduce((m, v) => Math.max(m, Math.abs(v)), 0);
    const off = x.reduce((m, v, k) => Math.max(m, Math.abs(v - y[k]!)), 0);
    expect(off).toBeLessThanOrEqual(within * largest);
  });
}

/** The graph of the latest plan, after all passes. */
export const graphOf = (f: Compiled<Tensor[], Tensor[]>): Graph => [...f.plans.values()].at(-1)!.graph;

export const opsOf = (graph: Graph): string[] => graph.nodes.map(({ op }) => op.name);

/** The names of the ops in each chain. */
export const chainsOf = ({ chains, nodes }: Graph): string[][] =>
  chains.map(({ from, to }) => nodes.slice(from, to).map(({ op }) => op.name));

/** Runs `fn` compiled and directly, compares the results (all bits, or within a share), and returns the graph. */
export function compiledAsEager(fn: Fn, args: readonly Tensor[], within = 0): Graph {
  const f = compile(fn);
  const [a, b] = [f(...args), fn(...args)];
  if (within === 0) equalBits(a, b);
  else nearlyEqual(a, b, within);
  return graphOf(f);
}
