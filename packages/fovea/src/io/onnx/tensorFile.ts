import { decodeTensorProto } from "./proto.ts";
import { readTensor, type Constant } from "./tensors.ts";

/** Reads a file that holds one ONNX tensor (`input_0.pb` of ONNX test data). `name` appears in the errors. */
export function readOnnxTensor(file: Uint8Array, name: string): Constant {
  return readTensor(decodeTensorProto(file, name), name);
}
