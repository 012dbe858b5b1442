import type { Graph } from "../graph.ts";

/** Drops ops whose result nobody reads. In-place ops are read by the next run. */
export function deadCode(graph: Graph): Graph {
  const live = new Set(graph.outputs);
  const kept = [];
  for (const node of graph.nodes.toReversed()) {
    if (!node.op.inPlace && !live.has(node.output)) continue;
    kept.push(node);
    for (const id of node.inputs) live.add(id);
  }
  return {
    ...graph,
    nodes: kept.toReversed(),
    captured: graph.captured.filter(({ value }) => live.has(value)),
  };
}
