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
const fused: Readonly<Record<string, Op & { readonly inputNames: readonly string[] }>> = {
  conv2d: fusedConv2dOp,
  fusedConv2d: fusedConv2dOp,
  matmul: fusedMatmulOp,
  fusedMatmul: fusedMatmulOp,
  batchNorm: batchNormOps.batchNorm,
  batchNormOfBatch: batchNormOps.batchNormOfBatch,
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
  const fusion = new Fusion(graph);
  for (let at = 0; at < graph.nodes.length; at++) fusion.tryAt(at);
  return { ...graph, nodes: fusion.nodes.filter((node) => node !== null) };
}

class Fusion {
  /** By the positions of the graph: a node that was taken into another leaves null. */
  readonly nodes: (GraphNode | null)[];
  readonly #graph: Graph;
  /** Taking a node into another changes nobody's producer but to what stands at its position, and no value's readers. */
  readonly #uses: Uses;
  readonly #memory: (id: number) => number;
  /** Positions of in-place ops. */
  readonly #changes: readonly number[];

  constructor(graph: Graph) {
    this.#graph = graph;
    this.nodes = [...graph.nodes];
    this.#uses = usesOf(graph);
    this.#memory = memoryOf(graph);
    this.#changes = graph.nodes.flatMap(({ op }, at) => (op.inPlace ? [at] : []));
  }

  /** Takes node `at` into the one whose result it reads, if that can be. */
  tryAt(at: number): void {
    const { op, inputs, attrs, output } = this.nodes[at]!;
    const activation = activationOf(op.name, attrs);
    if (activation === null && op.name !== "add") return;
    const sources = inputs.flatMap((id) => {
      const source = this.#producer(id);
      return source !== null && fused[source.node.op.name] !== undefined ? [{ ...source, id }] : [];
    });
    // Of two sums the later one takes the other as its residual.
    for (const { node, at: from, id } of sources.toSorted((a, b) => b.at - a.at)) {
      const last = fused[node.op.name]!.inputNames.indexOf("residual");
      const residual = node.inputs[last] ?? -1;
      if ((node.attrs.activation ?? "none") !== "none" || !this.#uses.readOnce(id)) continue;
      if (this.#changesBetween(node, from, at)) continue;
      const added = activation === null ? inputs.find((other) => other !== id) : undefined;
      if (activation === null && (added === undefined || residual >= 0 || !this.#sameSpec(added, id))) continue;
      if (added !== undefined && this.#ownLoop(added)) continue;
      this.nodes[from] = null;
      this.nodes[at] = {
        op: fused[node.op.name]!,
        inputs: [...node.inputs.slice(0, last), added ?? residual],
        attrs: { ...none, ...node.attrs, ...activation },
        output,
      };
      return;
    }
  }

  #producer(id: number): { node: GraphNode; at: number } | null {
    const at = this.#uses.producer(id)?.at;
    return at === undefined ? null : { node: this.nodes[at]!, at };
  }

  /** An elementwise result made for this sum only: the sum belongs into its loop, as in momentum · v + dW of an optimizer. */
  #ownLoop(id: number): boolean {
    const made = this.#producer(id);
    return made !== null && elementwise.has(made.node.op.name) && this.#uses.readOnce(id);
  }

  #sameSpec(a: number, b: number): boolean {
    const { values } = this.#graph;
    return values[a]!.dtype === values[b]!.dtype && sameShape(values[a]!.shape, values[b]!.shape);
  }

  /** True when something that a node reads changes in place before it would run. */
  #changesBetween({ inputs }: GraphNode, from: number, to: number): boolean {
    const between = this.#changes.filter((at) => at > from && at < to);
    if (between.length === 0) return false;
    const read = new Set(inputs.map(this.#memory));
    return between.some((at) => read.has(this.#memory(this.nodes[at]!.inputs[0]!)));
  }
}

function activationOf(name: string, { min, max }: GraphNode["attrs"]): Epilogue | null {
  if (name === "relu" || name === "silu") return { activation: name, min: 0, max: 0 };
  return name === "clamp" ? { activation: "clip", min: min as number, max: max as number } : null;
}
