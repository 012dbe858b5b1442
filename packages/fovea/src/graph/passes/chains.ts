import type { Chain } from "../../backend/contract.ts";
import { sameShape, sizeOf } from "../../base/shape.ts";
import { binaryOps } from "../../ops/binary.ts";
import { compareOps } from "../../ops/compare.ts";
import { unaryOps } from "../../ops/unary.ts";
import { constants } from "../constants.ts";
import { dependencies } from "../dependencies.ts";
import type { Graph, GraphNode } from "../graph.ts";

/** Names of the ops that a chain may hold. */
export const elementwise: ReadonlySet<string> = new Set([
  ...Object.keys(unaryOps),
  ...Object.keys(binaryOps),
  ...Object.keys(compareOps),
  "assign",
  "clamp",
  "reluGrad",
  "where",
]);

/** Operands and results that one loop may have. */
const MAX_VALUES = 15;

/**
 * Elementwise nodes whose results have one shape become chains: one loop over memory in place of one per node. A node
 * goes to those that read it, as late as can be: what only the backward pass needs is computed there. Nothing is
 * computed twice, and nothing in another order per element. Comes last, as it also puts the nodes in order.
 */
export function chains(graph: Graph): Graph {
  const { nodes } = graph;
  const groups = new Groups(graph);
  const readers = new Map<number, number[]>();
  for (let i = nodes.length - 1; i >= 0; i--) {
    if (groups.takes(i)) for (const reader of readers.get(nodes[i]!.output)?.toReversed() ?? []) groups.join(i, reader);
    for (const id of new Set(nodes[i]!.inputs)) {
      if (readers.has(id)) readers.get(id)!.push(i);
      else readers.set(id, [i]);
    }
  }
  const order = groups.order();
  const found: Chain[] = [];
  let at = 0;
  for (const group of order) {
    if (group.length > 1) found.push({ from: at, to: at + group.length, outputs: groups.outputs(group) });
    at += group.length;
  }
  return { ...graph, nodes: order.flat().map((i) => nodes[i]!), chains: found };
}

/** A partition of the nodes, such that the groups as wholes can be put in order. */
class Groups {
  readonly #graph: Graph;
  readonly #before: readonly (readonly number[])[];
  readonly #after: number[][];
  readonly #members: number[][];
  readonly #constant: (node: GraphNode) => boolean;
  readonly #readers = new Map<number, number[]>();

  constructor(graph: Graph) {
    this.#graph = graph;
    this.#before = dependencies(graph);
    this.#after = graph.nodes.map(() => []);
    this.#before.forEach((list, i) => {
      for (const earlier of list) this.#after[earlier]!.push(i);
    });
    this.#members = graph.nodes.map((_, i) => [i]);
    const constant = constants(graph);
    this.#constant = ({ output }) => constant.has(output);
    graph.nodes.forEach(({ inputs }, i) => {
      for (const id of inputs) {
        if (this.#readers.has(id)) this.#readers.get(id)!.push(i);
        else this.#readers.set(id, [i]);
      }
    });
  }

  /** True for the nodes that chains are made of. What is computed once and kept stays out. */
  takes(i: number): boolean {
    const node = this.#graph.nodes[i]!;
    if (!elementwise.has(node.op.name) || this.#constant(node)) return false;
    const specs = [...node.inputs, node.output].map((id) => this.#graph.values[id]!);
    const plain = specs.every(({ dtype }) => dtype === "float32" || (dtype === "bool" && !node.op.inPlace));
    return plain && sizeOf(specs.at(-1)!.shape) > 0;
  }

  /** Puts the groups of two nodes together, if nothing outside has to run between them. */
  join(i: number, j: number): void {
    const [a, b] = [this.#members[i]!, this.#members[j]!];
    if (a === b || !this.takes(j) || !this.#sameSpace(i, j)) return;
    const both = [...a, ...b].toSorted((x, y) => x - y);
    if (this.#surface(both) > MAX_VALUES || this.#leadsBack(both)) return;
    for (const member of both) this.#members[member] = both;
  }

  /** Values that others read. */
  outputs(group: readonly number[]): number[] {
    const { nodes, outputs } = this.#graph;
    const inside = new Set(group);
    const isRead = (id: number) => outputs.includes(id) || this.#readers.get(id)?.some((reader) => !inside.has(reader));
    return group.map((i) => nodes[i]!).flatMap(({ op, output }) => (!op.inPlace && isRead(output) ? [output] : []));
  }

  /** All groups, each behind what it needs, else in the order of the nodes. */
  order(): number[][] {
    const done = new Set<number[]>();
    const list: number[][] = [];
    const place = (group: number[]) => {
      if (done.has(group)) return;
      done.add(group);
      for (const i of group) for (const earlier of this.#before[i]!) place(this.#members[earlier]!);
      list.push(group);
    };
    this.#members.forEach((group, i) => {
      if (group.at(-1) === i) place(group);
    });
    return list;
  }

  #sameSpace(i: number, j: number): boolean {
    const { nodes, values } = this.#graph;
    return sameShape(values[nodes[i]!.output]!.shape, values[nodes[j]!.output]!.shape);
  }

  /** How many values the loop of a group reads and writes. */
  #surface(group: readonly number[]): number {
    const { nodes } = this.#graph;
    const own = new Set(group.map((i) => nodes[i]!.output));
    const read = new Set(group.flatMap((i) => nodes[i]!.inputs).filter((id) => !own.has(id)));
    const assigned = group.filter((i) => nodes[i]!.op.inPlace).length;
    return read.size + this.outputs(group).length + assigned;
  }

  /** True when a path leaves the nodes and comes back, through groups as wholes. */
  #leadsBack(both: readonly number[]): boolean {
    const inside = new Set(both);
    const seen = new Set<number[]>();
    const stack: number[] = [];
    const leave = (i: number) => {
      for (const next of this.#after[i]!) if (!inside.has(next)) stack.push(next);
    };
    for (const i of both) leave(i);
    while (stack.length > 0) {
      const group = this.#members[stack.pop()!]!;
      if (seen.has(group)) continue;
      seen.add(group);
      for (const member of group) {
        for (const next of this.#after[member]!) {
          if (inside.has(next)) return true;
          stack.push(next);
        }
      }
    }
    return false;
  }
}
