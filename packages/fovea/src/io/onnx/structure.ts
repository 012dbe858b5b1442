import { FormatError } from "../../base/errors.ts";
import { UnsupportedNodeError } from "./errors.ts";
import type { OnnxGraph, OnnxNode, Subgraph } from "./graph.ts";
import { handlers } from "./ops/index.ts";

/** If inside If inside If ... at most this deep. */
export const MAX_NESTING = 32;

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
export function checkStructure(graph: OnnxGraph, file: string): void {
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

/** The error for an operator, or a use of it, that is not there. */
export function unsupported(file: string, { op, name }: OnnxNode, opset: number, why: string): UnsupportedNodeError {
  return new UnsupportedNodeError(
    `${file}: operator ${op} (node ${JSON.stringify(name)}, opset ${opset}): ${why}. The table in docs/onnx.md lists the ` +
      "operators that are; models are often rid of others by exporting without post-processing, or by onnx-simplifier",
    op,
  );
}
