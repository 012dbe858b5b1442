import type { Tensor } from "../../tensor/tensor.ts";
import { decodeTensorProto } from "./proto.ts";
import { readTensor, type Constant } from "./tensors.ts";
import { Value } from "./value.ts";

/** Reads a file that holds one ONNX tensor (`input_0.pb` of ONNX test data). `name` appears in the errors. */
export function readOnnxTensor(file: Uint8Array, name: string): Constant {
  return readTensor(decodeTensorProto(file, name), name);
}

/** The tensor that computes with such values: floats as float32, integers as int32, or an error if they do not fit. */
export function onnxTensor(values: Constant): Tensor {
  return Value.constant(values).tensor;
}
