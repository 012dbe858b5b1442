import type { TypedArray } from "../base/dtype.ts";
import type { Attrs, Chain, DeviceBuffer, ProgramSpec, TensorSpec } from "../backend/contract.ts";
import type { Op } from "../tensor/op.ts";
import type { Storage } from "../tensor/storage.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** A recorded function: numbered values, and the ops between them in order. */
export interface Graph {
  readonly values: readonly TensorSpec[];
  readonly inputs: readonly number[];
  readonly hostInputs: readonly { readonly value: number; readonly fill: () => TypedArray }[];
  /** Tensors that existed before: weights, optimizer state, constants. */
  readonly captured: readonly Captured[];
  /** The captured tensors that in-place ops change. */
  readonly mutated: readonly Storage[];
  readonly nodes: readonly GraphNode[];
  /** Stretches of nodes that engines may run as one loop; made by the last pass. */
  readonly chains: readonly Chain[];
  readonly outputs: readonly number[];
}

export interface Captured {
  readonly value: number;
  readonly storage: Storage;
  /** Kept because a storage ends with its tensor. */
  readonly owner: Tensor;
  /** Made while recording: a constant that ends with the program. */
  readonly made: boolean;
}

export interface GraphNode {
  readonly op: Op;
  readonly inputs: readonly number[];
  readonly attrs: Attrs;
  readonly output: number;
}

/** What an engine needs of a graph; `buffers` are the captured tensors on that engine, in order. */
export function toProgram(graph: Graph, buffers: readonly DeviceBuffer[]): ProgramSpec {
  return { ...graph, captured: graph.captured.map(({ value }, i) => ({ value, buffer: buffers[i]! })) };
}
