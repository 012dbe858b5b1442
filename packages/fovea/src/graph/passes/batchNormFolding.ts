import type { BatchNormAttrs } from "../../ops/batchNorm.ts";
import { reshape } from "../../ops/movement.ts";
import { constants } from "../constants.ts";
import { changesOf } from "../dependencies.ts";
import type { Graph, GraphNode } from "../graph.ts";
import { GraphRecorder } from "../recorder.ts";
import { usesOf, type Uses } from "../uses.ts";

/**
 * In inference, batch norm is a scale and a shift per channel: they go into the weights of the convolution or matrix
 * product before it, if nobody else reads that. The arithmetic on weights is part of the graph, as nodes that depend on
 * constants only: engines do it once, and again when a weight changed. Results differ by rounding.
 */
export function batchNormFolding(graph: Graph): Graph {
  const recorder = new GraphRecorder(graph);
  const constant = constants(graph);
  const uses = usesOf(graph);
  const changes = changesOf(graph);
  const gone = new Set<GraphNode>();
  const nodes = graph.nodes.flatMap((norm) => {
    const source = foldable(norm, uses, constant, graph);
    if (source === null || changes(source.inputs[0]!)) return [norm];
    gone.add(source);
    const folded = recorder.nodesOf(() => foldedWeights(recorder, source, norm));
    return [...folded.nodes, { ...source, inputs: [source.inputs[0]!, ...folded.outputs], output: norm.output }];
  });
  if (gone.size === 0) return graph;
  return recorder.extended(
    graph,
    nodes.filter((node) => !gone.has(node)),
  );
}

/** The node that takes the batch norm `norm` into its weights; null when there is none. */
function foldable(norm: GraphNode, uses: Uses, constant: ReadonlySet<number>, { values }: Graph): GraphNode | null {
  if (norm.op.name !== "batchNorm") return null;
  const [x, ...numbers] = norm.inputs.slice(0, 5) as [number, ...number[]];
  const { activation } = norm.attrs as BatchNormAttrs;
  const residual = norm.inputs[5] ?? -1;
  const source = uses.producer(x)?.node;
  if (source === undefined || activation !== "none" || residual >= 0 || !uses.readOnce(x)) return null;
  // A product of matrices gives [rows, channels]: the channels are its columns.
  const matrices = source.op.name === "matmul" && values[x]!.shape.length === 2;
  if (source.op.name !== "conv2d" && !matrices) return null;
  const fixed = [...source.inputs.slice(1), ...numbers].filter((id) => id >= 0);
  return fixed.every((id) => constant.has(id)) ? source : null;
}

/** weight · s and (bias − mean) · s + shift, where s = scale / √(variance + ε). */
function foldedWeights(recorder: GraphRecorder, source: GraphNode, norm: GraphNode) {
  const tensor = (id: number | undefined) => (id === undefined || id < 0 ? undefined : recorder.valueOf(id));
  const [, weight, bias] = source.inputs.map(tensor);
  const [, mean, variance, scale, shift] = norm.inputs.map(tensor);
  const { eps } = norm.attrs as BatchNormAttrs;
  const r = variance!.add(eps).rsqrt();
  const s = scale ? r.mul(scale) : r;
  const start = (bias ? bias.sub(mean!) : mean!.neg()).mul(s);
  const rows = source.op.name === "conv2d" || source.attrs.transposeB === true;
  const perRow = reshape(
    s,
    weight!.shape.map((_, i) => (i === 0 ? s.size : 1)),
  );
  return [weight!.mul(rows ? perRow : s), shift ? start.add(shift) : start];
}
