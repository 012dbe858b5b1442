import { FormatError, UsageError } from "../base/errors.ts";
import { elementBytes, readElements, type StoredDType, type StoredTensor } from "./safetensors.ts";
import { fromHalf } from "./stored-dtype.ts";

/** An array of NumPy's .npy format, in row-major order. */
export interface NpyArray {
  /** NumPy's name without byte order: `f4`, `i8`, `b1`. */
  readonly dtype: string;
  readonly shape: readonly number[];
  /** int64 and uint64 come as the nearest double. */
  readonly data: Float32Array | Float64Array | Int32Array | Uint8Array;
}

const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59];
/** NumPy's own limit. */
const MAX_RANK = 64;
const text = new TextDecoder("latin1");

const dtypes: Readonly<Record<string, StoredDType>> = {
  f2: "F16",
  f4: "F32",
  f8: "F64",
  i1: "I8",
  i2: "I16",
  i4: "I32",
  i8: "I64",
  u1: "U8",
  u2: "U16",
  u4: "U32",
  u8: "U64",
  b1: "BOOL",
};

/** Whether a file begins as .npy files do. */
export const isNpy = (bytes: Uint8Array): boolean => MAGIC.every((byte, i) => bytes[i] === byte);

/**
 * Reads an .npy file (https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html), versions 1 to 3, as it is
 * stored, but for byte order and column-major arrays.
 */
export function readNpy(bytes: Uint8Array, name: string): StoredTensor {
  const fail = (why: string): never => {
    throw new FormatError(`${name} is not a sound .npy file: ${why}`);
  };
  if (bytes.length < 12 || !isNpy(bytes)) return fail("it does not begin with \\x93NUMPY");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const version = bytes[6]!;
  if (version < 1 || version > 3) return fail(`its version is ${version}; known are 1, 2 and 3`);
  const start = version === 1 ? 10 : 12;
  const length = version === 1 ? view.getUint16(8, true) : view.getUint32(8, true);
  if (length > bytes.length - start) return fail(`its header of ${length} bytes is cut short`);
  const header = text.decode(bytes.subarray(start, start + length));
  const descr = /'descr':\s*'([<>|=]?)([a-z]\d+)'/.exec(header);
  const order = /'fortran_order':\s*(True|False)/.exec(header);
  const sizes = /'shape':\s*\(([\d,\sL]*)\)/.exec(header);
  if (descr === null || order === null || sizes === null) {
    return fail(
      `its header is not understood (structures and objects are not supported): ${header.trim().slice(0, 100)}`,
    );
  }
  const [, endian, kind] = descr as unknown as [string, string, string];
  const dtype = Object.hasOwn(dtypes, kind) ? dtypes[kind] : undefined;
  if (dtype === undefined)
    return fail(`its dtype ${kind} is not supported; known are ${Object.keys(dtypes).join(", ")}`);
  const shape = sizes[1]!
    .split(",")
    .map((d) => d.trim().replace(/L$/, ""))
    .filter((d) => d !== "")
    .map(Number);
  if (shape.length > MAX_RANK || !shape.every(Number.isSafeInteger)) {
    return fail(`its shape has ${shape.length} axes, or sizes that are none`);
  }
  const body = bytes.subarray(start + length);
  const wanted = shape.reduce((n, d) => n * BigInt(d), BigInt(elementBytes(dtype)));
  if (BigInt(body.length) !== wanted) {
    return fail(`shape [${shape.join(", ")}] of ${kind} needs ${wanted} bytes, but there are ${body.length}`);
  }
  const data = readElements(body, dtype, endian !== ">");
  return { dtype, shape, data: order[1] === "True" ? fromFortran(data, shape) : data };
}

/** Reads an .npy file into numbers to compute with: halves as float32, small integers as int32, long ones as doubles. */
export function parseNpy(bytes: Uint8Array, name: string): NpyArray {
  const { dtype, shape, data } = readNpy(bytes, name);
  return { dtype: kindOf(dtype), shape, data: numbers(dtype, data) };
}

/** Writes one array as version 1.0; bfloat16, which NumPy has not, is refused by name. */
export function encodeNpy({ dtype, shape, data }: StoredTensor, name: string): Uint8Array {
  const kind = kindOf(dtype);
  if (kind === "") throw new UsageError(`npy: ${JSON.stringify(name)} is ${dtype}, which NumPy does not have`);
  const order = elementBytes(dtype) === 1 ? "|" : "<";
  const sizes = shape.length === 1 ? `${shape[0]},` : shape.join(", ");
  const fields = `{'descr': '${order}${kind}', 'fortran_order': False, 'shape': (${sizes}), }`;
  const start = Math.ceil((10 + fields.length + 1) / 64) * 64;
  const bytes = new Uint8Array(start + data.byteLength);
  bytes.set(MAGIC);
  bytes[6] = 1;
  new DataView(bytes.buffer).setUint16(8, start - 10, true);
  bytes.set(new TextEncoder().encode(`${fields.padEnd(start - 11)}\n`), 10);
  const raw = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  // readElements goes both ways: what it makes of stored bytes are the bytes to store.
  bytes.set(new Uint8Array(readElements(raw, dtype).buffer), start);
  return bytes;
}

const kindOf = (dtype: StoredDType): string => Object.keys(dtypes).find((kind) => dtypes[kind] === dtype) ?? "";

function numbers(dtype: StoredDType, data: StoredTensor["data"]): NpyArray["data"] {
  switch (dtype) {
    case "F16":
      return Float32Array.from(data as Uint16Array, fromHalf);
    case "I8":
    case "I16":
    case "U16":
      return Int32Array.from(data as Int16Array);
    case "U32":
      return Float64Array.from(data as Uint32Array);
    case "I64":
    case "U64":
      return Float64Array.from(data as BigInt64Array, Number);
    case "BOOL":
      return Uint8Array.from(data as Uint8Array, (byte) => Number(byte !== 0));
    default:
      return data as NpyArray["data"];
  }
}

/** Column-major to row-major: the last axis is the slowest one in the file. */
function fromFortran<A extends StoredTensor["data"]>(data: A, shape: readonly number[]): A {
  const out = data.slice() as A;
  const index = shape.map(() => 0);
  for (let to = 0; to < out.length; to++) {
    let from = 0;
    let stride = 1;
    for (let axis = 0; axis < shape.length; axis++) {
      from += index[axis]! * stride;
      stride *= shape[axis]!;
    }
    out[to] = data[from]!;
    for (let axis = shape.length - 1; axis >= 0 && ++index[axis]! === shape[axis]; axis--) index[axis] = 0;
  }
  return out;
}
