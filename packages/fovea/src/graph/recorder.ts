import type { TypedArray } from "../base/dtype.ts";
import { FoveaError } from "../base/errors.ts";
import type { Attrs, TensorSpec } from "../backend/contract.ts";
import { noGrad, withRecorder, type Recorder } from "../tensor/apply.ts";
import type { Op } from "../tensor/op.ts";
import { Storage, storagesMade } from "../tensor/storage.ts";
import { Tensor, type SymbolicValue } from "../tensor/tensor.ts";
import type { Captured, Graph, GraphNode } from "./graph.ts";

/** Stands at the door and writes down every op instead of running it. */
export class GraphRecorder implements Recorder {
  readonly #values: TensorSpec[];
  readonly #inputs: number[] = [];
  readonly #hostInputs: { value: number; fill: () => TypedArray }[] = [];
  readonly #captured: Map<Storage, Captured>;
  readonly #nodes: GraphNode[] = [];
  readonly #mutated = new Set<Storage>();
  readonly #cleanups: (() => void)[] = [];
  /** Storages with a higher number are made while recording. */
  readonly #before = storagesMade();
  /** In-place ops give a captured tensor a new value number for the rest of the program. */
  readonly #current = new Map<number, number>();

  /** @param base A graph to add nodes to: passes write what they insert as tensor functions. */
  constructor(base?: Graph) {
    this.#values = [...(base?.values ?? [])];
    this.#captured = new Map(base?.captured.map((one) => [one.storage, one]));
  }

  /** A tensor that stands for a value of the base. */
  valueOf(id: number): Tensor {
    const spec = this.#values[id]!;
    return new Tensor({ shape: spec.shape, dtype: spec.dtype }, { graph: this, id });
  }

  /** Records `fn`; returns the nodes it takes, and the values of its results. */
  nodesOf(fn: () => readonly Tensor[]): { nodes: GraphNode[]; outputs: number[] } {
    const from = this.#nodes.length;
    const outputs = withRecorder(this, () => noGrad(fn)).map((t) => this.idOf(t));
    return { nodes: this.#nodes.slice(from), outputs };
  }

  /** The base with other nodes, which may read what `nodesOf` recorded. */
  extended(base: Graph, nodes: readonly GraphNode[]): Graph {
    return { ...base, nodes, values: this.#values, captured: [...this.#captured.values()] };
  }

  /** A tensor that stands for an argument of the compiled function. */
  input(spec: TensorSpec): Tensor {
    const symbol = this.#value(spec);
    this.#inputs.push(symbol.id);
    return new Tensor({ shape: spec.shape, dtype: spec.dtype }, symbol);
  }

  record(op: Op, inputs: readonly (Tensor | undefined)[], attrs: Attrs, spec: TensorSpec): SymbolicValue {
    const ids = inputs.map((x) => (x === undefined ? -1 : this.idOf(x)));
    const y = this.#value(spec);
    this.#nodes.push({ op, inputs: ids, attrs, output: y.id });
    if (op.inPlace) {
      if (inputs[0]!.source instanceof Storage) this.#mutated.add(inputs[0]!.source);
      for (const [first, now] of this.#current) if (now === ids[0]) this.#current.set(first, y.id);
      this.#current.set(ids[0]!, y.id);
    }
    return y;
  }

  hostInput(spec: TensorSpec, fill: () => TypedArray): SymbolicValue {
    const y = this.#value(spec);
    this.#hostInputs.push({ value: y.id, fill });
    return y;
  }

  defer(cleanup: () => void): void {
    this.#cleanups.push(cleanup);
  }

  /** The value number of a tensor; one from outside is captured. */
  idOf(x: Tensor): number {
    let id: number;
    if (x.source instanceof Storage) {
      let known = this.#captured.get(x.source);
      if (known === undefined) {
        known = { value: this.#value(x).id, storage: x.source, owner: x, made: x.source.number > this.#before };
        this.#captured.set(x.source, known);
        x.source.pinned = true; // also against a scope around the recording
      }
      id = known.value;
    } else {
      if (x.source.graph !== this) {
        throw new FoveaError(
          "a tensor from an earlier recording was used in compile(): it has no value. Keep state between steps in " +
            "tensors made outside the compiled function (and zero gradients inside it)",
        );
      }
      id = x.source.id;
    }
    return this.#current.get(id) ?? id;
  }

  finish(outputs: readonly Tensor[]): Graph {
    for (const cleanup of this.#cleanups) cleanup();
    const results = outputs.map((t) => this.idOf(t)); // first: it may capture
    return {
      values: this.#values,
      inputs: this.#inputs,
      hostInputs: this.#hostInputs,
      captured: [...this.#captured.values()],
      mutated: [...this.#mutated],
      nodes: this.#nodes,
      chains: [],
      outputs: results,
    };
  }

  #value(spec: TensorSpec): SymbolicValue {
    this.#values.push({ shape: spec.shape, dtype: spec.dtype });
    return { graph: this, id: this.#values.length - 1 };
  }
}
