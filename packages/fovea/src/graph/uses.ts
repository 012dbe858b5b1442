import type { Graph, GraphNode } from "./graph.ts";

/** How the values of a graph hang together, for passes that put several nodes into one. */
export interface Uses {
  /** The node that computes a value, and its position. */
  producer(id: number): { readonly node: GraphNode; readonly at: number } | undefined;
  /** The positions of the nodes that read a value; once for each input. */
  readers(id: number): readonly number[];
  /** True when one input of one node reads the value, and nobody outside. */
  readOnce(id: number): boolean;
}

export function usesOf({ nodes, outputs }: Graph): Uses {
  const producers = new Map(nodes.map((node, at) => [node.output, { node, at }]));
  const readers = new Map<number, number[]>();
  nodes.forEach(({ inputs }, at) => {
    for (const id of inputs) {
      if (readers.has(id)) readers.get(id)!.push(at);
      else readers.set(id, [at]);
    }
  });
  const results = new Set(outputs);
  return {
    producer: (id) => producers.get(id),
    readers: (id) => readers.get(id) ?? [],
    readOnce: (id) => !results.has(id) && readers.get(id)?.length === 1,
  };
}
