import type { TypedArray } from "../../base/dtype.ts";
import type { Attrs, TensorSpec } from "../../backend/contract.ts";
import { typeNumbers, type GraphWriter } from "./writer.ts";

/** A recorded op that becomes ONNX nodes: names and specs of its inputs ("" = left out), and what it makes. */
export interface OpToWrite {
  readonly w: GraphWriter;
  readonly names: readonly string[];
  readonly specs: readonly (TensorSpec | undefined)[];
  readonly attrs: Attrs;
  readonly output: TensorSpec;
  /** The values of an input that is a constant of the recording. */
  values(input: number): TypedArray;
}

/** Writes an op as nodes and returns the name of its result. */
export type Write = (op: OpToWrite) => string;

/** ONNX counts in int64, Fovea in int32. */
export const int32 = (w: GraphWriter, name: string): string => w.add("Cast", [name], { to: typeNumbers.int32 });
