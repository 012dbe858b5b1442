import { FormatError } from "../../base/errors.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { UnsupportedNodeError } from "./errors.ts";
import type { AttributeValue, OnnxNode, Subgraph } from "./graph.ts";
import type { Constant } from "./tensors.ts";
import { Value } from "./value.ts";

/** What one operator does, in terms of Fovea's functions. */
export type Handler = (call: Call) => Result | readonly (Result | null)[];

/** A tensor takes the type of the first input where it can; a Value brings its own. */
export type Result = Tensor | Value;

/** Handlers by operator name. */
export type Handlers = Readonly<Record<string, Handler>>;

/** One run of a node: its inputs, its attributes, and the opset that says what they mean. */
export class Call {
  readonly node: OnnxNode;
  readonly opset: number;
  /** True while the model trains. */
  readonly training: boolean;
  readonly inputs: readonly (Value | undefined)[];
  /** Runs the body of If. */
  readonly runBody: (body: Subgraph) => Value[];

  constructor(
    node: OnnxNode,
    inputs: readonly (Value | undefined)[],
    graph: { readonly opset: number; readonly training: boolean; readonly runBody: (body: Subgraph) => Value[] },
  ) {
    this.node = node;
    this.inputs = inputs;
    this.opset = graph.opset;
    this.training = graph.training;
    this.runBody = graph.runBody;
  }

  /** An input that must be there. */
  input(index: number): Value {
    const value = this.inputs[index];
    if (value === undefined) throw new FormatError(`input ${index} is missing`);
    return value;
  }

  optional(index: number): Value | undefined {
    return this.inputs[index];
  }

  /** The tensor of an input that must be there. */
  tensor(index: number): Tensor {
    return this.input(index).tensor;
  }

  /** The inputs that are there. */
  all(): Value[] {
    return this.inputs.filter((value) => value !== undefined);
  }

  /** Whether output `index` is used. */
  wants(index: number): boolean {
    return (this.node.outputs[index] ?? "") !== "";
  }

  has(name: string): boolean {
    return this.node.attributes.has(name);
  }

  /** A whole number; `missing` when the node does not say. */
  int(name: string, missing?: number): number {
    const value = this.#get(name, "int", missing);
    return value;
  }

  float(name: string, missing?: number): number {
    return this.#get(name, "float", missing);
  }

  string(name: string, missing?: string): string {
    return this.#get(name, "string", missing);
  }

  ints(name: string, missing?: readonly number[]): readonly number[] {
    return this.#get(name, "ints", missing);
  }

  floats(name: string, missing?: readonly number[]): readonly number[] {
    return this.#get(name, "floats", missing);
  }

  constant(name: string): Constant {
    return this.#get<Constant>(name, "tensor", undefined);
  }

  graph(name: string): Subgraph {
    return this.#get<Subgraph>(name, "graph", undefined);
  }

  /** Whole numbers from an attribute (earlier opsets) or an input (later ones). */
  intsFrom(name: string, index: number): number[] | undefined {
    if (this.has(name)) return [...this.ints(name)];
    return this.optional(index)?.numbers(name);
  }

  /** Stops with a message that names operator, node and opset. */
  unsupported(what: string): never {
    throw new UnsupportedNodeError(what, `${this.node.op} (${what})`);
  }

  #get<T>(name: string, kind: AttributeValue["kind"], missing: T | undefined): T {
    const attribute = this.node.attributes.get(name);
    if (attribute === undefined) {
      if (missing === undefined) throw new FormatError(`the attribute ${name} is missing`);
      return missing;
    }
    // Early exporters wrote an empty list of the wrong kind.
    if (
      attribute.kind !== kind &&
      !(Array.isArray(attribute.value) && attribute.value.length === 0 && kind.endsWith("s"))
    ) {
      throw new FormatError(`the attribute ${name} is of kind ${attribute.kind}, not ${kind}`);
    }
    return attribute.value as T;
  }
}
