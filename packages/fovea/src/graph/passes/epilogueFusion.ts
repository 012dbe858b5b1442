import { batchNormOps } from "../../ops/batchNorm.ts";
import type { Epilogue } from "../../ops/epilogue.ts";
import { fusedConv2dOp } from "../../ops/fusedConv2d.ts";
import { fusedMatmulOp } from "../../ops/fusedMatmul.ts";
import { sameShape } from "../../base/shape.ts";
import type { Op } from "../../tensor/op.ts";
import { memoryOf } from "../dependencies.ts";
import type { Graph, GraphNode } from "../graph.ts";
import { usesOf, type Uses } from "../uses.ts";
import { elementwise } from "./chains.ts";

/** The op with an epilogue that an op becomes. */
const fused: Readonly<Record<string, Op>> = {
  conv2d: fusedConv2dOp,
  fusedConv2d: fusedConv2dOp,
  matmul: fusedMatmulOp,
  fusedMatmul: fusedMatmulOp,
  batchNorm: batchNormOps.batchNorm,
};

const none: Epilogue = { activation: "none", min: 0, max: 0 };

/**
 * Convolutions, matrix products and batch norms take over what is done to their results: a residual added, then ReLU,
 * clamp or SiLU. Only where nobody else reads what then never exists: in training, SiLU's gradient reads its argument.
 * A residual that an elementwise op makes for this sum alone is left to `chains`, which then has one loop, not two.
 * Convolutions and products start their sums with the residual, so that results differ from eager ones by rounding;
 * all else keeps its bits.
 */
export function epilogueFusion(graph: Graph): Graph {
  for (let at = 0; at < graph.nodes.length; at++) {
    const next = fuseAt(graph, at);
    if (next === null) continue;
    graph = next;
    at--; // the node before is gone
  }
  return graph;
}

/** The graph with node `at` taken into the one whose result it reads; null when it stays. */
function fuseAt(graph: Graph, at: number): Graph | null {
  const { op, inputs, attrs, output } = graph.nodes[at]!;
  const activation = activationOf(op.name, attrs);
  if (activation === null && op.name !== "add") return null;
  const uses = usesOf(graph);
  const sources = inputs.flatMap((id) => {
    const source = uses.producer(id);
    return source !== undefined && fused[source.node.op.name] !== undefined ? [{ ...source, id }] : [];
  });
  // Of two sums the later one takes the other as its residual.
  for (const { node, at: from, id } of sources.toSorted((a, b) => b.at - a.at)) {
    const last = node.op.name === "batchNorm" ? 4 : 3;
    const residual = node.inputs[last] ?? -1;
    if ((node.attrs.activation ?? "none") !== "none" || !uses.readOnce(id) || changesBetween(graph, node, from, at))
      continue;
    const added = activation === null ? inputs.find((other) => other !== id) : undefined;
    if (activation === null && (added === undefined || residual >= 0 || !sameSpec(graph, added, id))) continue;
    if (added !== undefined && ownLoop(uses, added)) continue;
    const all = [...node.inputs.slice(0, last), added ?? residual];
    const whole: GraphNode = {
      op: fused[node.op.name]!,
      inputs: all,
      attrs: { ...none, ...node.attrs, ...activation },
      output,
    };
    return { ...graph, nodes: graph.nodes.flatMap((n, i) => (i === from ? [] : i === at ? [whole] : [n])) };
  }
  return null;
}

/** An elementwise result made for this sum only: the sum belongs into its loop, as in momentum · v + dW of an optimizer. */
function ownLoop(uses: Uses, id: number): boolean {
  const made = uses.producer(id);
  return made !== undefined && elementwise.has(made.node.op.name) && uses.readOnce(id);
}

function activationOf(name: string, { min, max }: GraphNode["attrs"]): Epilogue | null {
  if (name === "relu" || name === "silu") return { activation: name, min: 0, max: 0 };
  return name === "clamp" ? { activation: "clip", min: min as number, max: max as number } : null;
}

function sameSpec({ values }: Graph, a: number, b: number): boolean {
  return values[a]!.dtype === values[b]!.dtype && sameShape(values[a]!.shape, values[b]!.shape);
}

/** True when something that a node reads changes in place before it would run. */
function changesBetween(graph: Graph, { inputs }: GraphNode, from: number, to: number): boolean {
  const between = graph.nodes.slice(from + 1, to).filter(({ op }) => op.inPlace);
  if (between.length === 0) return false;
  const memory = memoryOf(graph);
  const read = new Set(inputs.map(memory));
  return between.some((node) => read.has(memory(node.inputs[0]!)));
}
