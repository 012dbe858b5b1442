import type { Tensor } from "../../tensor/tensor.ts";
import { isFloat } from "./elementTypes.ts";
import { readGraph, type OnnxGraph } from "./graph.ts";
import { OnnxModel } from "./module.ts";
import type { Constant, ExternalData } from "./tensors.ts";
import type { StoredDType, StoredTensor } from "../safetensors.ts";
import type { WeightsFile } from "../weightsFile.ts";

/** The initializers of an ONNX model as stored tensors, and the model as an architecture. */
export function readOnnxWeights(bytes: Uint8Array, name: string, external: ExternalData): WeightsFile {
  const graph = readGraph(bytes, name, external);
  const tensors = new Map<string, StoredTensor>();
  for (const [key, constant] of graph.initializers) {
    const stored = toStored(constant);
    if (stored !== null) tensors.set(key, stored);
  }
  const metadata = new Map([
    ["opset", String(graph.opset)],
    ["irVersion", String(graph.irVersion)],
  ]);
  if (graph.producer !== "") metadata.set("producer", graph.producer);
  return {
    format: "ONNX",
    tensors,
    metadata,
    architecture: {
      layers: graph.nodes.map(({ op, name: node, outputs }) => `${node || outputs[0] || op} (${op})`),
      build() {
        const model = new OnnxModel(graph, name);
        const run = (inputs: readonly Tensor[]) => Object.values(model.run(...inputs));
        return { model, run, inputShapes: shapesOf(graph), report: [] };
      },
    },
  };
}

const shapesOf = ({ inputs, initializers }: OnnxGraph) =>
  inputs
    .filter(({ name }) => !initializers.has(name))
    .map(({ shape }) => (shape ?? []).map((d) => (typeof d === "number" ? d : null)));

const integers: Readonly<Record<string, StoredDType>> = {
  int8: "I8",
  uint8: "U8",
  int16: "I16",
  uint16: "U16",
  int32: "I32",
  uint32: "U32",
  int64: "I64",
  uint64: "U64",
};

/** Floats of all widths are float32 here; texts are no tensors. */
function toStored({ type, shape, data }: Constant): StoredTensor | null {
  if (isFloat(type)) return { dtype: "F32", shape, data: Float32Array.from(data) };
  if (type === "bool") return { dtype: "BOOL", shape, data: Uint8Array.from(data) };
  const dtype = integers[type];
  if (dtype === undefined) return null;
  const longs = () => BigInt64Array.from(Array.from(data, (v) => BigInt(v)));
  const make: Partial<Record<StoredDType, () => StoredTensor["data"]>> = {
    I8: () => Int8Array.from(data),
    U8: () => Uint8Array.from(data),
    I16: () => Int16Array.from(data),
    U16: () => Uint16Array.from(data),
    I32: () => Int32Array.from(data),
    U32: () => Uint32Array.from(data),
    I64: longs,
    U64: () => BigUint64Array.from(longs()),
  };
  return { dtype, shape, data: make[dtype]!() };
}
