import type { DType } from "../base/dtype.ts";
import { FormatError } from "../base/errors.ts";
import type { StoredTensor } from "./safetensors.ts";

/** Elements in a dtype the engine computes with. */
export interface HostTensor {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly data: Float32Array | Int32Array | Uint8Array;
}

/**
 * The nearest dtype that tensors have: floats become float32, integers int32, U8 and BOOL stay.
 *
 * F64 is rounded to the nearest float32, F16 and BF16 are exact. Longer integers must fit int32: a rounded index or
 * counter would be a silent error, so a value that does not fit is a FormatError. `name` is the tensor's, for that message.
 */
export function toHostTensor({ dtype, shape, data }: StoredTensor, name: string): HostTensor {
  switch (dtype) {
    case "F32":
      return { dtype: "float32", shape, data: data as Float32Array };
    case "F64":
      return { dtype: "float32", shape, data: Float32Array.from(data as Float64Array) };
    case "F16":
      return { dtype: "float32", shape, data: Float32Array.from(data as Uint16Array, fromHalf) };
    case "BF16":
      return { dtype: "float32", shape, data: fromBrainFloat(data as Uint16Array) };
    case "I64":
    case "U64":
    case "U32":
      return { dtype: "int32", shape, data: fromLong(data as BigInt64Array | Uint32Array, name) };
    case "I32":
      return { dtype: "int32", shape, data: data as Int32Array };
    case "I16":
    case "U16":
    case "I8":
      return { dtype: "int32", shape, data: Int32Array.from(data as Int16Array | Int8Array) };
    case "U8":
      return { dtype: "uint8", shape, data: data as Uint8Array };
    case "BOOL":
      return { dtype: "bool", shape, data: (data as Uint8Array).map((byte) => (byte === 0 ? 0 : 1)) };
    default:
      return dtype satisfies never;
  }
}

/** The tensor as it is written to a file. */
export function toStoredTensor({ dtype, shape, data }: HostTensor): StoredTensor {
  const stored = { float32: "F32", int32: "I32", uint8: "U8", bool: "BOOL" } as const;
  return { dtype: stored[dtype], shape, data };
}

/** IEEE 754 binary16: 1 sign, 5 exponent, 10 mantissa bits. */
export function fromHalf(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const mantissa = bits & 1023;
  if (exponent === 0) return sign * mantissa * 2 ** -24;
  if (exponent === 31) return mantissa === 0 ? sign * Infinity : NaN;
  return sign * (1024 + mantissa) * 2 ** (exponent - 25);
}

/** bfloat16 is the upper half of a float32. */
function fromBrainFloat(data: Uint16Array): Float32Array {
  return new Float32Array(Uint32Array.from(data, (bits) => bits << 16).buffer);
}

function fromLong(data: BigInt64Array | Uint32Array, name: string): Int32Array {
  const out = new Int32Array(data.length);
  for (let i = 0; i < data.length; i++) {
    out[i] = Number(data[i]!);
    if (BigInt(out[i]!) !== BigInt(data[i]!)) {
      throw new FormatError(`tensor ${JSON.stringify(name)} holds ${data[i]}, which does not fit an int32 tensor`);
    }
  }
  return out;
}
