import type { ElementType } from "../io/onnx/elementTypes.ts";
import { elementTypeNumber } from "../io/onnx/elementTypes.ts";
import {
  encodeModel,
  type AttributeProto,
  type GraphProto,
  type NodeProto,
  type TensorProto,
} from "../io/onnx/proto.ts";

type AttributeInput = number | string | readonly number[] | { readonly graph: GraphProto } | { readonly float: number };

/** A node for a test model. */
export function node(
  opType: string,
  input: readonly string[],
  output: readonly string[],
  attributes: Record<string, AttributeInput> = {},
): NodeProto {
  return {
    opType,
    input,
    output,
    attribute: Object.entries(attributes).map(([name, value]) => attribute(name, value)),
  };
}

function attribute(name: string, value: AttributeInput): AttributeProto {
  const empty = { name, floats: [], ints: [], strings: [] };
  if (typeof value === "number") return { ...empty, type: 2, i: value };
  if (typeof value === "string") return { ...empty, type: 3, s: new TextEncoder().encode(value) };
  if ("graph" in value) return { ...empty, type: 5, g: value.graph };
  if ("float" in value) return { ...empty, type: 1, f: value.float };
  return { ...empty, type: 7, ints: value };
}

/** A tensor in typed fields. */
export function stored(
  name: string,
  type: ElementType,
  dims: readonly number[],
  values: readonly number[],
): TensorProto {
  const empty = {
    floatData: [],
    int32Data: [],
    stringData: [],
    int64Data: [],
    doubleData: [],
    uint64Data: [],
    externalData: [],
  };
  const field =
    type === "float32" ? "floatData" : type === "float64" ? "doubleData" : type === "int64" ? "int64Data" : "int32Data";
  return { ...empty, name, dims, dataType: elementTypeNumber(type), [field]: values };
}

export interface TestGraph {
  /** Name, type, sizes (a string where open). */
  inputs?: readonly (readonly [name: string, type: ElementType, shape: readonly (number | string)[]])[];
  outputs: readonly string[];
  nodes: readonly NodeProto[];
  initializers?: readonly TensorProto[];
}

export function graphProto({ inputs = [], outputs, nodes, initializers = [] }: TestGraph): GraphProto {
  const dim = (d: number | string) => (typeof d === "number" ? { dimValue: d } : { dimParam: d });
  return {
    name: "test",
    node: nodes,
    initializer: initializers,
    sparseInitializer: [],
    input: inputs.map(([name, type, shape]) => ({
      name,
      type: { tensorType: { elemType: elementTypeNumber(type), shape: { dim: shape.map(dim) } } },
    })),
    output: outputs.map((name) => ({ name })),
    valueInfo: [],
  };
}

/** The bytes of a small model. */
export function onnxModel(
  graph: TestGraph,
  { opset = 17, irVersion = 8 }: { opset?: number; irVersion?: number } = {},
): Uint8Array {
  return encodeModel({
    irVersion,
    opsetImport: [{ domain: "", version: opset }],
    functions: [],
    graph: graphProto(graph),
  });
}
