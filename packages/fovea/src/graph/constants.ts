import type { Graph } from "./graph.ts";

/**
 * Values that depend only on captured tensors that the program does not change: weights in inference, and what is
 * computed of them. Engines compute them once.
 */
export function constants(graph: Graph): ReadonlySet<number> {
  const mutated = new Set(graph.mutated);
  const found = new Set(graph.captured.flatMap(({ value, storage }) => (mutated.has(storage) ? [] : [value])));
  for (const { op, inputs, output } of graph.nodes) {
    if (!op.inPlace && inputs.every((id) => id < 0 || found.has(id))) found.add(output);
  }
  return found;
}
