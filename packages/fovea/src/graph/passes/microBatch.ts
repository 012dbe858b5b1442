import { byteSize } from "../../base/dtype.ts";
import { sizeOf } from "../../base/shape.ts";
import type { Attrs, TensorSpec } from "../../backend/contract.ts";
import { imagesForTiles } from "../../backend/cpu/lower/winograd.ts";
import { movementOps } from "../../ops/movement.ts";
import { batchMap } from "../batchMaps.ts";
import type { Graph, GraphNode } from "../graph.ts";

/** What one op may read and write at a time, so that the next finds it in the caches (a second level and part of a third). */
const CACHE_BYTES = 8 << 20;
/** How far a cut may move to where fewer bytes cross it, in nodes. */
const CUT_RANGE = 16;

/** A node that treats images apart, and how to do it for fewer. */
interface Mapped {
  readonly node: GraphNode;
  readonly attrsFor: (images: number) => Attrs;
}

/** Neighbouring nodes that run for a few images, then for the next few. */
interface Stretch {
  readonly from: number;
  readonly to: number;
  readonly images: number;
}

/**
 * Runs stretches of a network on a few images at a time, so that what one op writes is still in the caches when the
 * next one reads it: at batch 16 the early layers' activations are larger than any cache. How many images is a matter of
 * shapes only. Rows of a batch are parts of its memory, so cutting and joining copy nothing.
 *
 * Graphs that change tensors (training) stay as they are.
 */
export function microBatch(graph: Graph): Graph {
  const batch = graph.inputs.length > 0 ? (graph.values[graph.inputs[0]!]!.shape[0] ?? 1) : 1;
  if (batch < 2 || graph.nodes.some(({ op }) => op.inPlace)) return graph;
  const sorted = constantsFirst(graph, batch);
  const stretches = stretchesOf(sorted, graph, batch);
  return stretches.length === 0 ? graph : split(sorted, stretches, graph, batch);
}

interface Sorted {
  readonly nodes: readonly GraphNode[];
  /** By position; null where a node needs all images. */
  readonly mapped: readonly (Mapped | null)[];
  /** Values with one row per image. */
  readonly batched: ReadonlySet<number>;
}

/** Nodes that depend on no image go first; the others are asked whether they can treat images apart. */
function constantsFirst(graph: Graph, batch: number): Sorted {
  const fromImages = new Set(graph.inputs);
  const batched = new Set(graph.inputs.filter((id) => graph.values[id]!.shape[0] === batch));
  const [constant, rest]: [GraphNode[], GraphNode[]] = [[], []];
  const mapped: (Mapped | null)[] = [];
  for (const node of graph.nodes) {
    if (!node.inputs.some((id) => fromImages.has(id))) {
      constant.push(node);
      continue;
    }
    fromImages.add(node.output);
    const attrsFor = batchMap(node.op.name, {
      inputs: node.inputs.map((id) => graph.values[id]),
      batched: node.inputs.map((id) => batched.has(id)),
      output: graph.values[node.output]!,
      attrs: node.attrs,
    });
    // A value that only happens to have as many rows as there are images may be cut as well: rows are rows.
    if (graph.values[node.output]!.shape[0] === batch) batched.add(node.output);
    const whole = node.inputs.some((id) => fromImages.has(id) && !batched.has(id));
    mapped.push(attrsFor === null || whole ? null : { node, attrsFor });
    rest.push(node);
  }
  return { nodes: [...constant, ...rest], mapped: [...constant.map(() => null), ...mapped], batched };
}

const bytesOf = ({ shape, dtype }: TensorSpec): number => sizeOf(shape) * byteSize[dtype];

/** The number of images only grows along the network, so that later stretches read weights seldom. */
function stretchesOf({ nodes, mapped, batched }: Sorted, { values, outputs }: Graph, batch: number): Stretch[] {
  const rows = (id: number) => (batched.has(id) ? bytesOf(values[id]!) / batch : 0);
  const fitting = nodes.map(({ inputs, output }, i) => {
    if (mapped[i] === null) return batch;
    const bytes = inputs.reduce((sum, id) => sum + rows(id), rows(output));
    return 2 ** Math.floor(Math.log2(Math.max(1, Math.min(batch, CACHE_BYTES / bytes))));
  });
  for (let i = nodes.length - 2; i >= 0; i--) {
    if (mapped[i + 1] !== null) fitting[i] = Math.min(fitting[i]!, fitting[i + 1]!);
  }
  const least = nodes.map((node, i) => (mapped[i] === null ? batch : Math.min(batch, leastImages(node, values))));
  least.forEach((images, i) => (fitting[i] = Math.max(fitting[i]!, images)));
  const crossing = crossingBytes(nodes, outputs, rows);
  const found: Stretch[] = [];
  for (let from = 0; from < nodes.length;) {
    if (mapped[from] === null) {
      from++;
      continue;
    }
    let to = from + 1;
    while (to < nodes.length && mapped[to] !== null && fitting[to] === fitting[from]) to++;
    const images = fitting[from]!;
    if (to < nodes.length && mapped[to] !== null) {
      let best = to;
      for (let at = to + 1; at < nodes.length && at <= to + CUT_RANGE && least[at - 1]! <= images; at++) {
        if (mapped[at] === null) break;
        if (crossing[at]! < crossing[best]!) best = at;
      }
      to = best;
    }
    if (images * 2 <= batch && to - from > 1) found.push({ from, to, images });
    from = to;
  }
  return found;
}

/** Below this the engine would do a convolution by another algorithm than for the whole batch, with other weights. */
function leastImages({ op, inputs, output }: GraphNode, values: readonly TensorSpec[]): number {
  if (op.name !== "conv2d" && op.name !== "fusedConv2d") return 1;
  const [, , height, width] = values[inputs[1]!]!.shape;
  return height === 3 && width === 3 ? imagesForTiles(values[output]!.shape) : 1;
}

/** Bytes per image that are made before each position and read at or behind it. */
function crossingBytes(
  nodes: readonly GraphNode[],
  outputs: readonly number[],
  rows: (id: number) => number,
): number[] {
  const last = new Map<number, number>();
  nodes.forEach(({ inputs }, i) => inputs.forEach((id) => last.set(id, i)));
  for (const id of outputs) last.set(id, nodes.length);
  const change = Array.from({ length: nodes.length + 2 }, () => 0);
  nodes.forEach(({ output }, i) => {
    const end = last.get(output) ?? i;
    change[i + 1]! += rows(output);
    change[end + 1]! -= rows(output);
  });
  let sum = 0;
  return change.map((bytes) => (sum += bytes));
}

function split(sorted: Sorted, stretches: readonly Stretch[], graph: Graph, batch: number): Graph {
  const values = [...graph.values];
  const nodes: GraphNode[] = [];
  const rowsOf = (id: number, count: number) => {
    const { shape, dtype } = graph.values[id]!;
    return values.push({ shape: [count, ...shape.slice(1)], dtype }) - 1;
  };
  let done = 0;
  for (const { from, to, images } of stretches) {
    nodes.push(...sorted.nodes.slice(done, from));
    done = to;
    const inside = sorted.mapped.slice(from, to) as Mapped[];
    const wanted = new Set([...sorted.nodes.slice(to).flatMap(({ inputs }) => inputs), ...graph.outputs]);
    const joins = inside
      .filter(({ node }) => wanted.has(node.output))
      .map(({ node }) => ({ id: node.output, parts: [] as number[] }));
    const pieces = Math.floor(batch / images);
    for (let k = 0; k < pieces; k++) {
      const start = Math.floor((k * batch) / pieces);
      const count = Math.floor(((k + 1) * batch) / pieces) - start;
      const now = new Map<number, number>();
      const cut = (id: number) => {
        if (!sorted.batched.has(id)) return id;
        let part = now.get(id);
        if (part === undefined) {
          const { shape } = graph.values[id]!;
          part = rowsOf(id, count);
          now.set(id, part);
          const box = {
            starts: [start, ...shape.slice(1).fill(0)],
            steps: shape.map(() => 1),
            shape: values[part]!.shape,
          };
          nodes.push({ op: movementOps.slice, inputs: [id], attrs: box, output: part });
        }
        return part;
      };
      for (const { node, attrsFor } of inside) {
        const inputs = node.inputs.map(cut);
        const output = rowsOf(node.output, count);
        now.set(node.output, output);
        nodes.push({ op: node.op, inputs, attrs: attrsFor(count), output });
      }
      for (const join of joins) join.parts.push(now.get(join.id)!);
    }
    for (const { id, parts } of joins) {
      nodes.push({ op: movementOps.concat, inputs: parts, attrs: { axis: 0 }, output: id });
    }
  }
  return { ...graph, values, nodes: [...nodes, ...sorted.nodes.slice(done)] };
}
