import "../../tensor.ts";
import { FormatError, FoveaError, ShapeError, UnsupportedOpError, UsageError } from "../../base/errors.ts";
import { showShape, sizeOf } from "../../base/shape.ts";
import { withEngine } from "../../backend/engines.ts";
import { Module } from "../../nn/module.ts";
import { Buffer, Parameter } from "../../nn/parameter.ts";
import { noGrad, withRecorder } from "../../tensor/apply.ts";
import { inLayer } from "../../tensor/context.ts";
import { Tensor } from "../../tensor/tensor.ts";
import { Call, type Result } from "./call.ts";
import { computeDType, isFloat, isInteger, type ElementType } from "./elementTypes.ts";
import { UnsupportedNodeError } from "./errors.ts";
import { readGraph, type OnnxGraph, type OnnxNode, type Subgraph, type ValueInfo } from "./graph.ts";
import { handlers } from "./ops/index.ts";
import { hostInputs, statistics } from "./ops/roles.ts";
import type { Constant, ExternalData } from "./tensors.ts";
import { fitsInput, toConstant, Value } from "./value.ts";

export interface LoadOnnxOptions {
  /** The bytes of a data file that the model names. `readOnnx` passes the files of the model's own folder. */
  externalData?: ExternalData;
}

/** Nodes whose inputs are all constants of at most this many elements are computed on the host. */
const FOLD_LIMIT = 1 << 16;

/** If inside If inside If ... at most this deep. */
const MAX_NESTING = 32;

/**
 * A network read from an ONNX file: an ordinary module that runs, compiles and trains.
 *
 * Float weights are parameters under their names in the file; running statistics, scalars and integers are buffers.
 * What only describes shapes stays constant. Floats of all widths compute as float32 and integers as int32.
 */
export class OnnxModel extends Module<Tensor[], Tensor> {
  readonly #graph: OnnxGraph;
  readonly #name: string;
  /** Initializers that are state of this module. */
  readonly #state = new Map<string, Value>();
  /** Initializers that only describe shapes, axes or bounds. */
  readonly #constants = new Map<string, Constant>();

  constructor(graph: OnnxGraph, name: string) {
    super();
    this.#graph = graph;
    this.#name = name;
    this.training = false; // a file says what the network computes; train() is a decision
    check(graph, name);
    const roles = rolesOf(graph);
    const taken = new Set(Object.keys(this));
    for (const [key, constant] of graph.initializers) this.#adopt(key, constant, roles, taken);
  }

  /** The inputs that `forward` takes, in order. */
  get inputs(): readonly ValueInfo[] {
    return this.#graph.inputs.filter(({ name }) => !this.#graph.initializers.has(name));
  }

  get outputs(): readonly ValueInfo[] {
    return this.#graph.outputs;
  }

  /** What the file says, as plain data. */
  get graph(): OnnxGraph {
    return this.#graph;
  }

  /** The output of a graph that has one; see `run` for graphs with several. */
  forward(...inputs: Tensor[]): Tensor {
    const outputs = Object.values(this.#run(inputs));
    if (outputs.length !== 1) {
      const names = this.#graph.outputs.map(({ name }) => name).join(", ");
      throw new UsageError(
        `${this.#name} has ${outputs.length} outputs (${names}); call run(), which gives them by name`,
      );
    }
    return outputs[0]!;
  }

  /** All outputs by their names in the file. May be called inside compile(). */
  run(...inputs: Tensor[]): Record<string, Tensor> {
    return inLayer(this, () => this.#run(inputs));
  }

  override extraRepr(): string {
    const show = ({ name, type, shape }: ValueInfo) =>
      `${name}: ${type} [${shape?.map((d) => d ?? "?").join(", ") ?? "…"}]`;
    return `${this.inputs.map(show).join(", ")} → ${this.outputs.map(show).join(", ")}, ${this.#graph.nodes.length} nodes, opset ${this.#graph.opset}`;
  }

  #run(inputs: readonly Tensor[]): Record<string, Tensor> {
    const values = new Map(this.#state);
    // Fresh for every run: their tensors end with the scope or the recording that made them.
    for (const [key, constant] of this.#constants) values.set(key, Value.constant(constant));
    const wanted = this.inputs;
    if (inputs.length !== wanted.length) {
      const names = wanted.map(({ name }) => name).join(", ");
      throw new UsageError(`${this.#name} takes ${wanted.length} inputs (${names}), got ${inputs.length}`);
    }
    wanted.forEach((info, i) => values.set(info.name, this.#input(info, inputs[i]!)));
    const outputs = this.#runBody(this.#graph, values, 0);
    return Object.fromEntries(this.#graph.outputs.map(({ name }, i) => [name, outputs[i]!.tensor]));
  }

  #input({ name, type, shape }: ValueInfo, x: Tensor): Value {
    if (!(x instanceof Tensor)) throw new UsageError(`${this.#name}: the input ${name} must be a tensor`);
    const fits =
      shape === null || (shape.length === x.rank && shape.every((d, i) => typeof d !== "number" || d === x.shape[i]));
    if (!fits) {
      const wanted = `[${shape.map((d) => d ?? "?").join(", ")}]`;
      throw new ShapeError(`${this.#name}: the input ${name} must be ${wanted}, got ${showShape(x.shape)}`);
    }
    if (!fitsInput(x.dtype, type)) {
      throw new ShapeError(
        `${this.#name}: the input ${name} must be ${computeDType(type)} (${type} in the file), got ${x.dtype}; convert it with cast`,
      );
    }
    return Value.of(x.cast(computeDType(type)), type);
  }

  /** Runs the nodes of a graph in order, and returns its outputs. */
  #runBody(body: Subgraph, values: Map<string, Value>, depth: number): Value[] {
    if (depth > MAX_NESTING) throw new FormatError(`${this.#name}: graphs are nested more than ${MAX_NESTING} deep`);
    const runBody = (inner: Subgraph) => {
      const scope = new Map(values);
      for (const [name, constant] of inner.initializers) scope.set(name, Value.constant(constant));
      return this.#runBody(inner, scope, depth + 1);
    };
    for (const node of body.nodes) {
      const given = node.inputs.map((name) => (name === "" ? undefined : values.get(name)));
      const call = new Call(node, given, { opset: this.#graph.opset, training: this.training, runBody });
      const results = this.#within(node, () => apply(call));
      node.outputs.forEach((name, i) => {
        if (name === "") return;
        const result = results[i];
        if (result === undefined) {
          throw unsupported(this.#name, node, this.#graph.opset, `its output ${i} is not supported`);
        }
        values.set(name, result);
      });
    }
    return body.outputs.map(({ name }) => values.get(name)!);
  }

  /** Errors inside a node name it. */
  #within<T>(node: OnnxNode, fn: () => T): T {
    try {
      return fn();
    } catch (error) {
      if (!(error instanceof FoveaError)) throw error;
      const message = `${this.#name}: node ${JSON.stringify(node.name)} (${node.op}): ${error.message}`;
      if (error instanceof UnsupportedNodeError) throw new UnsupportedNodeError(message, error.op);
      if (error instanceof UnsupportedOpError) throw new UnsupportedNodeError(message, node.op);
      if (error instanceof FormatError) throw new FormatError(message, { cause: error });
      throw new ShapeError(message, { cause: error });
    }
  }

  #adopt(key: string, constant: Constant, { described, running }: Roles, taken: Set<string>): void {
    const { type, shape, data } = constant;
    // Integers beyond 32 bits can only be the end of a slice, or the like.
    const fits = isFloat(type) || data.every((v) => v === (v | 0));
    if (described.has(key) || !fits) {
      this.#constants.set(key, constant);
      return;
    }
    const { tensor } = Value.constant(constant);
    const trained = isFloat(type) && shape.length > 0 && !running.has(key);
    const state = trained ? new Parameter(tensor) : new Buffer(tensor);
    this.#keep(key, state, taken);
    this.#state.set(key, isFloat(type) ? Value.of(state, type) : Value.constant(constant, state));
  }

  /** Makes state a field, so that it is found like that of any module. State dicts are in lower case. */
  #keep(key: string, state: Parameter | Buffer, taken: Set<string>): void {
    let name = key;
    while (name in this || taken.has(name.toLowerCase())) name += "_";
    taken.add(name.toLowerCase());
    Object.defineProperty(this, name, { value: state, enumerable: true, configurable: true, writable: true });
  }
}

/**
 * Reads an ONNX model (opset 7 and later; earlier ones as far as they mean the same).
 *
 * @param name Appears in the errors.
 */
export function loadOnnx(file: Uint8Array, name: string, options: LoadOnnxOptions = {}): OnnxModel {
  return new OnnxModel(readGraph(file, name, options.externalData), name);
}

/** Runs a node: on the host when its inputs are all constants, else through the engine. */
function apply(call: Call): (Value | undefined)[] {
  const handler = handlers[call.node.op]!;
  const given = call.all();
  const foldable =
    given.every(({ known, shape }) => known !== null && sizeOf(shape) <= FOLD_LIMIT) &&
    !call.node.attributes.has("then_branch");
  if (!foldable) return typed(call, handler(call));
  const results = noGrad(() => withRecorder(null, () => withEngine("reference", () => typed(call, handler(call)))));
  return results.map((value) => {
    if (value === undefined || value.known !== null || sizeOf(value.shape) > FOLD_LIMIT) return value;
    return Value.constant(toConstant(value.tensor, value.type));
  });
}

function typed(call: Call, result: ReturnType<(typeof handlers)[string]>): (Value | undefined)[] {
  const list = (Array.isArray(result) ? result : [result]) as readonly (Result | null)[];
  const first = call.all()[0]?.type ?? "float32";
  return list.map((x) => {
    if (x === null) return undefined;
    return x instanceof Value ? x : Value.of(x, typeLike(x, first));
  });
}

/** The type of a result: that of the first input if the tensor can hold it. */
function typeLike({ dtype }: Tensor, first: ElementType): ElementType {
  if (dtype === "float32") return isFloat(first) ? first : "float32";
  if (dtype === "bool") return "bool";
  return isInteger(first) || first === "string" ? first : "int64";
}

interface Roles {
  /** Initializers that only describe shapes, axes or bounds. */
  readonly described: ReadonlySet<string>;
  /** Running statistics. */
  readonly running: ReadonlySet<string>;
}

/** What initializers are for, from the nodes that use them. */
function rolesOf(graph: Subgraph): Roles {
  const described = new Set<string>();
  const running = new Set<string>();
  const used = new Set<string>();
  for (const { op, inputs } of graph.nodes) {
    inputs.forEach((name, i) => {
      if (hostInputs[op]?.includes(i)) described.add(name);
      else used.add(name);
      if (statistics[op]?.includes(i)) running.add(name);
    });
  }
  for (const name of used) described.delete(name);
  return { described, running };
}

/** The names that are defined at a place: its own, and those of the graphs around it. */
class Scope {
  readonly #names: Set<string>;
  readonly #around: Scope | null;

  constructor(names: Iterable<string>, around: Scope | null) {
    this.#names = new Set(names);
    this.#around = around;
  }

  has(name: string): boolean {
    return this.#names.has(name) || (this.#around?.has(name) ?? false);
  }

  add(name: string): void {
    this.#names.add(name);
  }
}

/** Checks what the nodes refer to, so that running can rely on it. */
function check(graph: OnnxGraph, file: string): void {
  const names = [...graph.initializers.keys(), ...graph.inputs.map(({ name }) => name)];
  checkBody(graph, new Scope(names, null), graph.opset, file, 0);
}

function checkBody(body: Subgraph, defined: Scope, opset: number, file: string, depth: number): void {
  if (depth > MAX_NESTING) throw new FormatError(`${file}: graphs are nested more than ${MAX_NESTING} deep`);
  for (const node of body.nodes) {
    const { op, inputs, outputs, attributes } = node;
    const who = `node ${JSON.stringify(node.name)}`;
    if (!Object.hasOwn(handlers, op)) throw unsupported(file, node, opset, "it is not supported");
    for (const name of inputs) {
      if (name === "" || defined.has(name)) continue;
      throw new FormatError(`${file}: ${who} (${op}) uses ${JSON.stringify(name)}, which nothing before it defines`);
    }
    for (const { kind, value } of attributes.values()) {
      if (kind === "graph") checkBody(value, new Scope(value.initializers.keys(), defined), opset, file, depth + 1);
    }
    for (const name of outputs) {
      if (name === "") continue;
      if (defined.has(name)) throw new FormatError(`${file}: two values are named ${JSON.stringify(name)} (${who})`);
      defined.add(name);
    }
  }
  for (const { name } of body.outputs) {
    if (!defined.has(name)) throw new FormatError(`${file}: nothing defines the output ${JSON.stringify(name)}`);
  }
}

function unsupported(file: string, { op, name }: OnnxNode, opset: number, why: string): UnsupportedNodeError {
  return new UnsupportedNodeError(
    `${file}: operator ${op} (node ${JSON.stringify(name)}, opset ${opset}): ${why}. The table in docs/onnx.md lists the ` +
      "operators that are; models are often rid of others by exporting without post-processing, or by onnx-simplifier",
    op,
  );
}
