import { sameShape } from "../../base/shape.ts";
import type { Graph } from "../graph.ts";
import { usesOf } from "../uses.ts";

/** Where the ops that can mask a gradient themselves have the gradient and the mask. */
const masks: Readonly<Record<string, { readonly g: number; readonly y: number }>> = {
  batchNormGradSums: { g: 1, y: 3 },
  batchNormInputGrad: { g: 1, y: 5 },
};

/** The backward passes of batch norm apply the ReLU's mask themselves when nobody else wants the masked gradient. */
export function reluGradFusion(graph: Graph): Graph {
  const uses = usesOf(graph);
  const nodes = [...graph.nodes];
  graph.nodes.forEach(({ op, inputs: [g, y], output }, at) => {
    if (op.name !== "reluGrad" || graph.outputs.includes(output)) return;
    const readers = uses.readers(output);
    const masked = readers.map((reader) => {
      const node = nodes[reader]!;
      const { g: gAt, y: yAt } = masks[node.op.name] ?? { g: -1, y: -1 };
      const fits = gAt >= 0 && (node.inputs[yAt] ?? -1) < 0 && node.inputs.every((id, i) => id !== output || i === gAt);
      const inputs = Array.from({ length: yAt + 1 }, (_, i) => (i === gAt ? g! : i === yAt ? y! : node.inputs[i]!));
      return fits ? { reader, node: { ...node, inputs } } : null;
    });
    if (readers.length === 0 || masked.includes(null) || !sameShape(graph.values[g!]!.shape, graph.values[y!]!.shape))
      return;
    for (const change of masked) nodes[change!.reader] = change!.node;
    nodes[at] = undefined as never;
  });
  return { ...graph, nodes: nodes.filter((node) => node !== undefined) };
}
