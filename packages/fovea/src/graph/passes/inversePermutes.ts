import type { Graph } from "../graph.ts";

/**
 * A permutation and its inverse right behind it are nothing: whoever reads the second reads what the first read. The
 * first goes too when nobody else wants it. Keras' layers, whose tensors are [N, H, W, C], leave such pairs between them.
 */
export function inversePermutes(graph: Graph): Graph {
  const producers = new Map(graph.nodes.map((node) => [node.output, node]));
  const overwritten = new Set(
    graph.nodes.filter(({ op }) => op.inPlace).flatMap(({ inputs, output }) => [inputs[0]!, output]),
  );
  /** Not an argument or a weight, nor a view of one: these may be changed in place before the reader's turn. */
  const isComputed = (id: number): boolean => {
    const node = producers.get(id);
    if (node === undefined || overwritten.has(id)) return false;
    return node.op.name === "reshape" ? isComputed(node.inputs[0]!) : true;
  };
  const same = new Map<number, number>();
  const nodes = graph.nodes.map((node) => {
    const inputs = node.inputs.map((id) => same.get(id) ?? id);
    if (node.op.name === "permute") {
      const first = producers.get(inputs[0]!);
      const source = first?.op.name === "permute" ? (same.get(first.inputs[0]!) ?? first.inputs[0]!) : undefined;
      if (source !== undefined && isComputed(source)) {
        const [before, after] = [first!.attrs.axes as readonly number[], node.attrs.axes as readonly number[]];
        if (after.every((axis, i) => before[axis] === i)) same.set(node.output, source);
      }
    }
    return { ...node, inputs };
  });
  return { ...graph, nodes, outputs: graph.outputs.map((id) => same.get(id) ?? id) };
}
