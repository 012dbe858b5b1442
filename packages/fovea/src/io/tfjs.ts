import { FormatError } from "../base/errors.ts";
import { kerasArchitecture } from "./keras/model.ts";
import { namedWeights } from "./keras/weights.ts";
import { JsonObject } from "./jsonObject.ts";
import { elementBytes, readElements, type StoredDType, type StoredTensor } from "./safetensors.ts";
import type { Beside, WeightsFile } from "./weightsFile.ts";

const dtypes: Readonly<Record<string, StoredDType>> = {
  float32: "F32",
  float16: "F16",
  int32: "I32",
  uint8: "U8",
  uint16: "U16",
  bool: "BOOL",
};

/**
 * Reads a LayersModel of TensorFlow.js: `model.json` and the shards that it lists, which lie beside it.
 *
 * @param index The parsed `model.json`.
 */
export function readTfjs(index: JsonObject, name: string, beside: Beside): WeightsFile {
  const tensors = new Map<string, StoredTensor>();
  for (const group of index.objects("weightsManifest")) readGroup(group, beside, tensors);
  const metadata = new Map<string, string>();
  for (const key of ["format", "generatedBy", "convertedBy"]) {
    const value = index.get(key);
    if (typeof value === "string") metadata.set(key, value);
  }
  const topology = index.get("modelTopology") instanceof Map ? index.object("modelTopology") : null;
  const isLayers = topology !== null && (topology.has("model_config") || topology.has("class_name"));
  if (!isLayers) return { format: "TensorFlow.js", tensors, metadata, architecture: null };
  const version = topology.get("keras_version");
  const config = topology.has("model_config") ? topology.object("model_config") : topology;
  return {
    format: "TensorFlow.js",
    tensors,
    metadata,
    architecture: kerasArchitecture(config, namedWeights(tensors), typeof version === "string" ? version : "2", name),
  };
}

/** The tensors of one group lie one after the other in its files, as if these were one. */
function readGroup(group: JsonObject, beside: Beside, tensors: Map<string, StoredTensor>): void {
  const paths = group
    .list("paths")
    .map((path) => (typeof path === "string" ? path : group.fail("has a path that is none")));
  const shards = new Set(paths).size === paths.length ? paths.map(beside) : group.fail("names a file twice");
  const bytes = new Uint8Array(shards.reduce((sum, shard) => sum + shard.length, 0));
  let at = 0;
  for (const shard of shards) {
    bytes.set(shard, at);
    at += shard.length;
  }
  at = 0;
  for (const entry of group.objects("weights")) {
    const key = entry.text("name");
    const { tensor, end } = readWeight(entry, bytes, at);
    if (tensors.has(key)) entry.fail(`is the second weight named ${JSON.stringify(key)}`);
    tensors.set(key, tensor);
    at = end;
  }
  if (at !== bytes.length) group.fail(`has ${bytes.length} bytes in its files for weights of ${at}`);
}

function readWeight(entry: JsonObject, bytes: Uint8Array, start: number): { tensor: StoredTensor; end: number } {
  const quantization = entry.has("quantization") ? entry.object("quantization") : null;
  const kind = (quantization ?? entry).text("dtype");
  const dtype = Object.hasOwn(dtypes, kind)
    ? dtypes[kind]!
    : entry.fail(`has the dtype ${JSON.stringify(kind)}, which is not supported`);
  const shape = entry.counts("shape");
  const length = Number(shape.reduce((n, d) => n * BigInt(d), BigInt(elementBytes(dtype))));
  if (length > bytes.length - start) {
    return entry.fail(`[${shape.join(", ")}] of ${kind} needs ${length} bytes, but ${bytes.length - start} are left`);
  }
  const end = start + length;
  const data = readElements(bytes.subarray(start, end), dtype);
  if (quantization === null || dtype === "F16") return { tensor: { dtype, shape, data }, end };
  const [scale, min] = [quantization.get("scale"), quantization.get("min")];
  if (typeof scale !== "number" || typeof min !== "number")
    throw new FormatError(`${quantization.where} has no scale or min`);
  const values = Float32Array.from(data as Uint8Array, (step) => step * scale + min);
  return { tensor: { dtype: "F32", shape, data: values }, end };
}
