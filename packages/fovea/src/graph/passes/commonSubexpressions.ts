import { ops } from "../../ops/index.ts";
import { memoryOf } from "../dependencies.ts";
import type { Captured, Graph, GraphNode } from "../graph.ts";

/**
 * The same op on the same values is computed once. Equal numbers that were made while recording count as the same value.
 * A tensor that changed in place in between is another value; a user's own op may be anything and is left alone. Random
 * ops take their state as an input, so that equal ones are equal.
 */
export function commonSubexpressions(graph: Graph): Graph {
  const memory = memoryOf(graph);
  const changes = new Map<number, number>();
  const same = equalNumbers(graph);
  const known = new Map<string, number>();
  const nodes: GraphNode[] = [];
  for (const node of graph.nodes) {
    const { op, attrs, output } = node;
    const inputs = node.inputs.map((id) => same.get(id) ?? id);
    if (op.inPlace) changes.set(memory(inputs[0]!), (changes.get(memory(inputs[0]!)) ?? 0) + 1);
    if (!op.inPlace && ops[op.name as keyof typeof ops] === op) {
      const versions = inputs.map((id) => (id < 0 ? "" : `${id}.${changes.get(memory(id)) ?? 0}`));
      const key = `${op.name} ${JSON.stringify(attrs, written)} ${versions.join(" ")}`;
      const first = known.get(key);
      if (first !== undefined && !changes.has(memory(first))) {
        same.set(output, first);
        continue;
      }
      known.set(key, output);
    }
    nodes.push({ ...node, inputs });
  }
  return { ...graph, nodes, outputs: graph.outputs.map((id) => same.get(id) ?? id) };
}

/** Numbers that JSON has no words for. */
function written(_key: string, value: unknown): unknown {
  return typeof value === "number" && !(Number.isFinite(value) && !Object.is(value, -0))
    ? `${1 / value} ${value}`
    : value;
}

/** Single numbers made while recording, each as the first that equals it. */
function equalNumbers({ captured }: Graph): Map<number, number> {
  const same = new Map<number, number>();
  const first = new Map<string, Captured>();
  for (const one of captured) {
    const { value, storage, made } = one;
    const { shape, dtype } = storage.spec;
    const values = storage.hostValues;
    if (!made || values?.length !== 1) continue;
    const key = `${dtype} ${shape.join()} ${Object.is(values[0], -0) ? "-0" : values[0]}`;
    const other = first.get(key);
    if (other === undefined) first.set(key, one);
    else same.set(value, other.value);
  }
  return same;
}
