import type { Graph, GraphNode } from "./graph.ts";

/** Ops whose result may be the memory of their first input under another shape. */
const views = new Set(["reshape", "slice"]);

/** The value whose memory another one may share: an in-place op's target, what a view looks at. Itself, mostly. */
export function memoryOf({ nodes }: Graph): (id: number) => number {
  const from = new Map<number, number>();
  for (const { op, inputs, output } of nodes) {
    if (op.inPlace || views.has(op.name)) from.set(output, from.get(inputs[0]!) ?? inputs[0]!);
  }
  return (id) => from.get(id) ?? id;
}

/** Tells of a value whether an in-place op changes its memory anywhere in the graph. */
export function changesOf(graph: Graph): (id: number) => boolean {
  const memory = memoryOf(graph);
  const changed = new Set(graph.nodes.flatMap(({ op, inputs }) => (op.inPlace ? [memory(inputs[0]!)] : [])));
  return (id) => changed.has(memory(id));
}

/**
 * For each node the earlier nodes that must run before it: those that compute what it reads, and where tensors change
 * in place, the last change before a reader and the readers before a change. Any order that keeps these is as right.
 */
export function dependencies(graph: Graph): readonly (readonly number[])[] {
  const memory = memoryOf(graph);
  const producer = new Map<number, number>();
  const writer = new Map<number, number>();
  const readers = new Map<number, number[]>();
  const changing = new Set(graph.nodes.filter(({ op }) => op.inPlace).map(({ inputs }) => memory(inputs[0]!)));
  return graph.nodes.map(({ op, inputs, output }: GraphNode, i) => {
    const before = new Set<number>();
    const add = (node: number | undefined) => node !== undefined && before.add(node);
    for (const id of inputs) {
      if (id < 0) continue;
      add(producer.get(id));
      const root = memory(id);
      if (!changing.has(root)) continue;
      add(writer.get(root));
      if (readers.has(root)) readers.get(root)!.push(i);
      else readers.set(root, [i]);
    }
    if (op.inPlace) {
      const root = memory(inputs[0]!);
      for (const reader of readers.get(root) ?? []) if (reader !== i) before.add(reader);
      readers.set(root, [i]);
      writer.set(root, i);
    }
    producer.set(output, i);
    return [...before];
  });
}
