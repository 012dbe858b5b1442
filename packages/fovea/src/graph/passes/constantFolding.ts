import { sameShape } from "../../base/shape.ts";
import { changesOf } from "../dependencies.ts";
import type { Graph } from "../graph.ts";

/** Numbers that leave the other operand as it is, to the bit: x + 0 would lose the sign of −0. */
const neutral: Readonly<Record<string, { readonly right: number; readonly left?: number }>> = {
  mul: { right: 1, left: 1 },
  div: { right: 1 },
  sub: { right: 0 },
  pow: { right: 1 },
};

/**
 * What computes nothing goes: products with 1, differences with 0, and reshapes of reshapes but the last. (Work on
 * weights alone is no matter of the graph: engines do it once.)
 */
export function constantFolding(graph: Graph): Graph {
  const { values } = graph;
  const numbers = new Map<number, number>();
  for (const { value, storage, made } of graph.captured) {
    const known = storage.hostValues;
    if (made && known?.length === 1) numbers.set(value, known[0]!);
  }
  const changes = changesOf(graph); // what is taken from a tensor before it changes is a copy
  const same = new Map<number, number>();
  const reshaped = new Map<number, number>();
  const nodes = graph.nodes.flatMap((node) => {
    const inputs = node.inputs.map((id) => same.get(id) ?? id);
    const [a, b] = inputs as [number, number];
    const rule = neutral[node.op.name];
    const kept =
      rule !== undefined && Object.is(numbers.get(b), rule.right)
        ? a
        : rule?.left !== undefined && numbers.get(a) === rule.left
          ? b
          : undefined;
    const { shape, dtype } = values[node.output]!;
    const fits = (id: number) => values[id]!.dtype === dtype && sameShape(values[id]!.shape, shape);
    if (kept !== undefined && fits(kept) && !changes(kept)) {
      same.set(node.output, kept);
      return [];
    }
    if (node.op.name === "reshape" && !changes(a)) {
      const source = reshaped.get(a) ?? a;
      if (fits(source)) {
        same.set(node.output, source);
        return [];
      }
      reshaped.set(node.output, source);
      return [{ ...node, inputs: [source] }];
    }
    return [{ ...node, inputs }];
  });
  return { ...graph, nodes, outputs: graph.outputs.map((id) => same.get(id) ?? id) };
}
