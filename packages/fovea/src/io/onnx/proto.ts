import { FormatError } from "../../base/errors.ts";
import {
  bytes,
  decodeMessage,
  double,
  encodeMessage,
  float,
  int32,
  int64,
  many,
  message,
  one,
  string,
  uint64,
} from "./wire.ts";
import type { Kind } from "./wire.ts";

// The part of onnx.proto (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto) that this reader uses. Other fields
// are skipped.

export interface ModelProto {
  readonly irVersion?: number | undefined;
  readonly producerName?: string | undefined;
  readonly producerVersion?: string | undefined;
  readonly graph?: GraphProto | undefined;
  readonly opsetImport: readonly OpsetProto[];
  readonly functions: readonly FunctionProto[];
}

export interface OpsetProto {
  readonly domain?: string | undefined;
  readonly version?: number | undefined;
}

export interface FunctionProto {
  readonly name?: string | undefined;
  readonly domain?: string | undefined;
}

export interface GraphProto {
  readonly name?: string | undefined;
  readonly node: readonly NodeProto[];
  readonly initializer: readonly TensorProto[];
  readonly sparseInitializer: readonly Uint8Array[];
  readonly input: readonly ValueInfoProto[];
  readonly output: readonly ValueInfoProto[];
  readonly valueInfo: readonly ValueInfoProto[];
}

export interface NodeProto {
  readonly input: readonly string[];
  readonly output: readonly string[];
  readonly name?: string | undefined;
  readonly opType?: string | undefined;
  readonly domain?: string | undefined;
  readonly attribute: readonly AttributeProto[];
}

export interface AttributeProto {
  readonly name?: string | undefined;
  readonly type?: number | undefined;
  readonly f?: number | undefined;
  readonly i?: number | undefined;
  readonly s?: Uint8Array | undefined;
  readonly t?: TensorProto | undefined;
  readonly g?: GraphProto | undefined;
  readonly floats: readonly number[];
  readonly ints: readonly number[];
  readonly strings: readonly Uint8Array[];
}

export interface ValueInfoProto {
  readonly name?: string | undefined;
  readonly type?: TypeProto | undefined;
}

export interface TypeProto {
  readonly tensorType?: TensorTypeProto | undefined;
  readonly sequenceType?: Uint8Array | undefined;
  readonly optionalType?: Uint8Array | undefined;
}

export interface TensorTypeProto {
  readonly elemType?: number | undefined;
  readonly shape?: TensorShapeProto | undefined;
}

export interface TensorShapeProto {
  readonly dim: readonly { readonly dimValue?: number | undefined; readonly dimParam?: string | undefined }[];
}

export interface TensorProto {
  readonly dims: readonly number[];
  readonly dataType?: number | undefined;
  readonly floatData: readonly number[];
  readonly int32Data: readonly number[];
  readonly stringData: readonly Uint8Array[];
  readonly int64Data: readonly number[];
  readonly name?: string | undefined;
  readonly rawData?: Uint8Array | undefined;
  readonly doubleData: readonly number[];
  readonly uint64Data: readonly number[];
  readonly externalData: readonly { readonly key?: string | undefined; readonly value?: string | undefined }[];
  readonly dataLocation?: number | undefined;
}

const entry = message<TensorProto["externalData"][number]>(() => ({ key: one(1, string), value: one(2, string) }));

export const tensorProto: Kind<TensorProto> = message<TensorProto>(() => ({
  dims: many(1, int64),
  dataType: one(2, int32),
  floatData: many(4, float),
  int32Data: many(5, int32),
  stringData: many(6, bytes),
  int64Data: many(7, int64),
  name: one(8, string),
  rawData: one(9, bytes),
  doubleData: many(10, double),
  uint64Data: many(11, uint64),
  externalData: many(13, entry),
  dataLocation: one(14, int32),
}));

const dimension = message<TensorShapeProto["dim"][number]>(() => ({
  dimValue: one(1, int64),
  dimParam: one(2, string),
}));
const shape = message<TensorShapeProto>(() => ({ dim: many(1, dimension) }));
const tensorType = message<TensorTypeProto>(() => ({ elemType: one(1, int32), shape: one(2, shape) }));
const type = message<TypeProto>(() => ({
  tensorType: one(1, tensorType),
  sequenceType: one(4, bytes),
  optionalType: one(9, bytes),
}));
const valueInfo = message<ValueInfoProto>(() => ({ name: one(1, string), type: one(2, type) }));

const attribute: Kind<AttributeProto> = message<AttributeProto>(() => ({
  name: one(1, string),
  f: one(2, float),
  i: one(3, int64),
  s: one(4, bytes),
  t: one(5, tensorProto),
  g: one(6, graph),
  floats: many(7, float),
  ints: many(8, int64),
  strings: many(9, bytes),
  type: one(20, int32),
}));

const node: Kind<NodeProto> = message<NodeProto>(() => ({
  input: many(1, string),
  output: many(2, string),
  name: one(3, string),
  opType: one(4, string),
  attribute: many(5, attribute),
  domain: one(7, string),
}));

const graph: Kind<GraphProto> = message<GraphProto>(() => ({
  node: many(1, node),
  name: one(2, string),
  initializer: many(5, tensorProto),
  input: many(11, valueInfo),
  output: many(12, valueInfo),
  valueInfo: many(13, valueInfo),
  sparseInitializer: many(15, bytes),
}));

const opset = message<OpsetProto>(() => ({ domain: one(1, string), version: one(2, int64) }));
const localFunction = message<FunctionProto>(() => ({ name: one(1, string), domain: one(10, string) }));

const model: Kind<ModelProto> = message<ModelProto>(() => ({
  irVersion: one(1, int64),
  producerName: one(2, string),
  producerVersion: one(3, string),
  graph: one(7, graph),
  opsetImport: many(8, opset),
  functions: many(25, localFunction),
}));

/** Reads the protobuf of a whole model. Tensors' bytes stay views of the file. */
export function decodeModel(file: Uint8Array, name: string): ModelProto {
  return decode(model, file, `${name} is not a sound ONNX file`);
}

/** Reads a tensor that is a file of its own, as in ONNX test data. */
export function decodeTensorProto(file: Uint8Array, name: string): TensorProto {
  return decode(tensorProto, file, `${name} is not a sound ONNX tensor`);
}

export function encodeModel(value: ModelProto): Uint8Array {
  return encodeMessage(model, value);
}

function decode<T>(kind: Kind<T>, file: Uint8Array, prefix: string): T {
  try {
    return decodeMessage(kind, file);
  } catch (error) {
    throw new FormatError(`${prefix}: ${(error as Error).message} (is it cut short or damaged?)`, { cause: error });
  }
}
