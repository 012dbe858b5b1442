/** Element types. `bool` is stored as one byte, 0 or 1. */
export type DType = "float32" | "int32" | "uint8" | "bool";

export type TypedArray = Float32Array | Float64Array | Int32Array | Uint8Array;

/** Bytes of one element. */
export const byteSize = { float32: 4, int32: 4, uint8: 1, bool: 1 } as const satisfies Record<DType, number>;

/** The JavaScript array that holds elements of a dtype. */
export function hostArray(dtype: DType, size: number): Float32Array | Int32Array | Uint8Array {
  if (dtype === "float32") return new Float32Array(size);
  if (dtype === "int32") return new Int32Array(size);
  return new Uint8Array(size);
}
