import { FormatError, UnsupportedOpError } from "../../base/errors.ts";
import { elementType, showElementType, type ElementType } from "./elementTypes.ts";
import { decodeModel, type AttributeProto, type GraphProto, type NodeProto, type ValueInfoProto } from "./proto.ts";
import { UnsupportedNodeError } from "./errors.ts";
import { readTensor, type Constant, type ExternalData } from "./tensors.ts";

/** A model as plain data: what the file says, checked, with nothing computed. */
export interface OnnxGraph {
  readonly name: string;
  /** Version of the standard operator set. */
  readonly opset: number;
  readonly irVersion: number;
  readonly producer: string;
  readonly inputs: readonly ValueInfo[];
  readonly outputs: readonly ValueInfo[];
  readonly initializers: ReadonlyMap<string, Constant>;
  readonly nodes: readonly OnnxNode[];
}

export interface ValueInfo {
  readonly name: string;
  readonly type: ElementType;
  /** Sizes; a name or null where the model leaves one open; null when even the rank is open. */
  readonly shape: readonly (number | string | null)[] | null;
}

export interface OnnxNode {
  readonly op: string;
  readonly name: string;
  /** Empty strings are inputs left out. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: ReadonlyMap<string, AttributeValue>;
}

export type AttributeValue =
  | { readonly kind: "float" | "int"; readonly value: number }
  | { readonly kind: "string"; readonly value: string }
  | { readonly kind: "floats" | "ints"; readonly value: readonly number[] }
  | { readonly kind: "strings"; readonly value: readonly string[] }
  | { readonly kind: "tensor"; readonly value: Constant }
  | { readonly kind: "graph"; readonly value: Subgraph };

/** The body of If: it sees the values of the graph around it. */
export type Subgraph = Pick<OnnxGraph, "inputs" | "outputs" | "initializers" | "nodes" | "name">;

/** Earlier IR versions have no operator set: what their nodes mean is not written in the file. */
const OLDEST_IR = 3;

const standard = (domain: string | undefined) => domain === undefined || domain === "" || domain === "ai.onnx";

/** Reads a model file. `name` appears in the errors. */
export function readGraph(file: Uint8Array, name: string, external?: ExternalData): OnnxGraph {
  const model = decodeModel(file, name);
  const { graph, irVersion = 0 } = model;
  if (graph === undefined) throw new FormatError(`${name} is not a sound ONNX file: it has no graph (is it a model?)`);
  const imported = model.opsetImport.find(({ domain }) => standard(domain))?.version;
  if (irVersion < OLDEST_IR || model.opsetImport.length === 0) {
    throw new FormatError(
      `${name} has IR version ${irVersion} and ${imported === undefined ? "names no operator set" : `opset ${imported}`}: files ` +
        `before IR version ${OLDEST_IR} (2017) do not say what their operators mean; export the model again, or convert ` +
        "it with onnx.version_converter",
    );
  }
  const opset = imported ?? 1; // a model may use other domains only
  if (!(opset >= 1 && opset < 1000)) throw new FormatError(`${name}: there is no opset ${opset}`);
  return {
    ...readBody(graph, name, external),
    opset,
    irVersion,
    producer: [model.producerName, model.producerVersion].filter(Boolean).join(" "),
  };
}

function readBody(graph: GraphProto, file: string, external: ExternalData | undefined): Subgraph {
  if (graph.sparseInitializer.length > 0) {
    throw new UnsupportedOpError(`${file}: sparse initializers are not supported; export the model with dense weights`);
  }
  const initializers = new Map<string, Constant>();
  for (const proto of graph.initializer) {
    const name = proto.name ?? "";
    if (name === "" || initializers.has(name)) {
      throw new FormatError(
        `${file}: ${name === "" ? "an initializer has no name" : `two initializers are named ${JSON.stringify(name)}`}`,
      );
    }
    initializers.set(name, readTensor(proto, file, external));
  }
  return {
    name: graph.name ?? "",
    inputs: graph.input.map((info) => readInfo(info, file)),
    outputs: graph.output.map((info) => readInfo(info, file)),
    initializers,
    nodes: graph.node.map((node) => readNode(node, file, external)),
  };
}

function readInfo({ name = "", type }: ValueInfoProto, file: string): ValueInfo {
  if (name === "") throw new FormatError(`${file}: an input or output of the graph has no name`);
  const tensor = type?.tensorType;
  const label = `${file}: ${JSON.stringify(name)}`;
  if (type !== undefined && tensor === undefined) {
    throw new UnsupportedNodeError(
      `${label} is a sequence, map or optional; only tensors are supported`,
      "sequences, maps, optionals",
    );
  }
  const element = elementType(tensor?.elemType);
  if (tensor !== undefined && element === undefined && (tensor.elemType ?? 0) !== 0) {
    const stored = `element type ${showElementType(tensor.elemType)}`;
    throw new UnsupportedNodeError(`${label} has ${stored}, which is not supported`, stored);
  }
  const shape = tensor?.shape?.dim.map(({ dimValue, dimParam }) => {
    if (dimValue !== undefined && dimValue > 0) return dimValue;
    return dimValue === 0 ? 0 : (dimParam ?? null);
  });
  return { name, type: element ?? "float32", shape: shape ?? null };
}

function readNode(node: NodeProto, file: string, external: ExternalData | undefined): OnnxNode {
  const op = node.opType ?? "";
  const name = node.name || node.output.find((output) => output !== "") || op;
  if (!standard(node.domain)) {
    throw new UnsupportedNodeError(
      `${file}: node ${JSON.stringify(name)} is ${node.domain}.${op}; only the standard operators (domain ai.onnx) are supported`,
      `${node.domain}.${op}`,
    );
  }
  const where = `${file}: node ${JSON.stringify(name)} (${op})`;
  const attributes = new Map<string, AttributeValue>();
  for (const proto of node.attribute) {
    if (proto.name === undefined || attributes.has(proto.name)) {
      throw new FormatError(
        `${where} has ${proto.name === undefined ? "an attribute without a name" : `the attribute ${proto.name} twice`}`,
      );
    }
    attributes.set(proto.name, readAttribute(proto, where, external));
  }
  return { op, name, inputs: node.input, outputs: node.output, attributes };
}

const text = new TextDecoder("utf-8");

function readAttribute(proto: AttributeProto, where: string, external: ExternalData | undefined): AttributeValue {
  // AttributeProto.AttributeType
  switch (proto.type ?? guessType(proto)) {
    case 1:
      return { kind: "float", value: proto.f ?? 0 };
    case 2:
      return { kind: "int", value: proto.i ?? 0 };
    case 3:
      return { kind: "string", value: text.decode(proto.s) };
    case 4:
      if (proto.t === undefined) break;
      return { kind: "tensor", value: readTensor(proto.t, `${where}, attribute ${proto.name!}`, external) };
    case 5:
      if (proto.g === undefined) break;
      return { kind: "graph", value: readBody(proto.g, where, external) };
    case 6:
      return { kind: "floats", value: proto.floats };
    case 7:
      return { kind: "ints", value: proto.ints };
    case 8:
      return { kind: "strings", value: proto.strings.map((s) => text.decode(s)) };
    default:
      throw new UnsupportedOpError(`${where}: attribute ${proto.name!} has kind ${proto.type}, which is not supported`);
  }
  throw new FormatError(`${where}: attribute ${proto.name!} has no value`);
}

/** Early files leave the type out. */
function guessType(proto: AttributeProto): number {
  if (proto.f !== undefined) return 1;
  if (proto.i !== undefined) return 2;
  if (proto.s !== undefined) return 3;
  if (proto.t !== undefined) return 4;
  if (proto.g !== undefined) return 5;
  if (proto.floats.length > 0) return 6;
  if (proto.strings.length > 0) return 8;
  return 7;
}
