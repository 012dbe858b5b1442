import { FormatError } from "../base/errors.ts";
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
const text = new TextDecoder("latin1");

/** Reads an .npy file (https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html), versions 1 to 3. */
export function parseNpy(bytes: Uint8Array, name: string): NpyArray {
  const fail = (why: string): never => {
    throw new FormatError(`${name} is not a sound .npy file: ${why}`);
  };
  if (bytes.length < 12 || !MAGIC.every((byte, i) => bytes[i] === byte))
    return fail("it does not begin with \\x93NUMPY");
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
  const [, endian, dtype] = descr as unknown as [string, string, string];
  const read = readers[dtype];
  if (read === undefined)
    return fail(`its dtype ${dtype} is not supported; known are ${Object.keys(readers).join(", ")}`);
  const shape = sizes[1]!
    .split(",")
    .map((d) => d.trim().replace(/L$/, ""))
    .filter((d) => d !== "")
    .map(Number);
  const width = Number(dtype.slice(1));
  const body = new DataView(bytes.buffer, bytes.byteOffset + start + length, bytes.length - start - length);
  const wanted = shape.reduce((n, d) => n * BigInt(d), BigInt(width));
  if (BigInt(body.byteLength) !== wanted) {
    return fail(`shape [${shape.join(", ")}] of ${dtype} needs ${wanted} bytes, but there are ${body.byteLength}`);
  }
  const data = read(body, endian !== ">", body.byteLength / width);
  return { dtype, shape, data: order[1] === "True" ? fromFortran(data, shape) : data };
}

type Reader = (view: DataView, little: boolean, count: number) => NpyArray["data"];

function fill<A extends NpyArray["data"]>(array: A, value: (i: number) => number): A {
  for (let i = 0; i < array.length; i++) array[i] = value(i);
  return array;
}

const readers: Readonly<Record<string, Reader>> = {
  f2: (v, e, n) => fill(new Float32Array(n), (i) => fromHalf(v.getUint16(2 * i, e))),
  f4: (v, e, n) => fill(new Float32Array(n), (i) => v.getFloat32(4 * i, e)),
  f8: (v, e, n) => fill(new Float64Array(n), (i) => v.getFloat64(8 * i, e)),
  i1: (v, _, n) => fill(new Int32Array(n), (i) => v.getInt8(i)),
  i2: (v, e, n) => fill(new Int32Array(n), (i) => v.getInt16(2 * i, e)),
  i4: (v, e, n) => fill(new Int32Array(n), (i) => v.getInt32(4 * i, e)),
  i8: (v, e, n) => fill(new Float64Array(n), (i) => Number(v.getBigInt64(8 * i, e))),
  u1: (v, _, n) => fill(new Uint8Array(n), (i) => v.getUint8(i)),
  u2: (v, e, n) => fill(new Int32Array(n), (i) => v.getUint16(2 * i, e)),
  u4: (v, e, n) => fill(new Float64Array(n), (i) => v.getUint32(4 * i, e)),
  u8: (v, e, n) => fill(new Float64Array(n), (i) => Number(v.getBigUint64(8 * i, e))),
  b1: (v, _, n) => fill(new Uint8Array(n), (i) => Number(v.getUint8(i) !== 0)),
};

/** Column-major to row-major: the last axis is the slowest one in the file. */
function fromFortran<A extends NpyArray["data"]>(data: A, shape: readonly number[]): A {
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
