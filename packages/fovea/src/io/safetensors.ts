import { FormatError, UsageError } from "../base/errors.ts";
import { parseStrictJson } from "./strict-json.ts";

/**
 * The safetensors format: an 8-byte header length, a JSON header, then the tensors' bytes without gaps.
 *
 * https://huggingface.co/docs/safetensors. Reading trusts nothing: whatever the format forbids is a FormatError that
 * names the file, and names live in a Map, so that a tensor may be called `__proto__`.
 */
export interface SafetensorsFile {
  readonly tensors: Map<string, StoredTensor>;
  readonly metadata: Map<string, string>;
}

/** One tensor as it is stored. */
export interface StoredTensor {
  readonly dtype: StoredDType;
  readonly shape: readonly number[];
  /** The elements. F16 and BF16 are their 16 bits in a Uint16Array. */
  readonly data: StoredData;
}

const arrays = {
  F64: Float64Array,
  I64: BigInt64Array,
  U64: BigUint64Array,
  F32: Float32Array,
  I32: Int32Array,
  U32: Uint32Array,
  F16: Uint16Array,
  BF16: Uint16Array,
  I16: Int16Array,
  U16: Uint16Array,
  I8: Int8Array,
  U8: Uint8Array,
  BOOL: Uint8Array,
} as const;

export type StoredDType = keyof typeof arrays;
export type StoredData =
  | Float64Array
  | Float32Array
  | Uint16Array
  | BigInt64Array
  | BigUint64Array
  | Int32Array
  | Uint32Array
  | Int16Array
  | Int8Array
  | Uint8Array;

/** The limit of the reference implementation: it keeps a hostile length from claiming memory. */
const MAX_HEADER = 100_000_000;

const LITTLE_ENDIAN = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

export interface SafetensorsOptions {
  /**
   * With false, elements that lie in the bytes as they are in memory are not copied: nobody may change the bytes
   * afterwards. For large files. Default true.
   */
  readonly copy?: boolean;
}

/** Reads a whole file. `name` appears in the errors. */
export function parseSafetensors(
  bytes: Uint8Array,
  name: string,
  { copy = true }: SafetensorsOptions = {},
): SafetensorsFile {
  const fail = (why: string): never => {
    throw new FormatError(`${name} is not a sound safetensors file: ${why}`);
  };
  if (bytes.length < 8) return fail(`it has ${bytes.length} bytes; the header length alone takes 8`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = view.getUint32(0, true) + view.getUint32(4, true) * 2 ** 32;
  if (length > MAX_HEADER) return fail(`it announces a header of ${length} bytes; at most ${MAX_HEADER} are allowed`);
  if (length > bytes.length - 8) {
    return fail(`it announces a header of ${length} bytes, but only ${bytes.length - 8} follow (is it cut short?)`);
  }

  const header = parseHeader(bytes.subarray(8, 8 + length), fail);
  const body = bytes.subarray(8 + length);
  const metadata = new Map<string, string>();
  const found: { key: string; dtype: StoredDType; shape: number[]; begin: number; end: number }[] = [];
  for (const [key, value] of header) {
    const label = JSON.stringify(key);
    if (!(value instanceof Map)) return fail(`the entry ${label} is not an object`);
    if (key === "__metadata__") {
      for (const [k, v] of value) {
        if (typeof v !== "string") return fail(`the metadata ${JSON.stringify(k)} is not a string`);
        metadata.set(k, v);
      }
      continue;
    }
    const dtype = value.get("dtype");
    if (typeof dtype !== "string" || !Object.hasOwn(arrays, dtype)) {
      return fail(`tensor ${label} has dtype ${JSON.stringify(dtype)}; known are ${Object.keys(arrays).join(", ")}`);
    }
    const shape = wholeNumbers(value.get("shape"));
    if (shape === undefined) return fail(`the shape of tensor ${label} is not a list of whole numbers ≥ 0`);
    const offsets = wholeNumbers(value.get("data_offsets"));
    if (offsets?.length !== 2) return fail(`the data_offsets of tensor ${label} are not two whole numbers ≥ 0`);
    const [begin, end] = offsets as [number, number];
    if (begin > end || end > body.length) {
      return fail(
        `tensor ${label} lies at bytes ${begin} … ${end} of the data, which has ${body.length} (is the file cut short?)`,
      );
    }
    const wanted = byteLength(shape, dtype as StoredDType);
    if (end - begin !== wanted) {
      return fail(
        `tensor ${label} of shape [${shape.join(", ")}] and dtype ${dtype} has ${end - begin} bytes, not ${wanted}`,
      );
    }
    found.push({ key, dtype: dtype as StoredDType, shape, begin, end });
  }

  // The data must be covered exactly: no byte twice, none left over where something could hide.
  let covered = 0;
  let before = "the start";
  for (const { key, begin, end } of found.toSorted((a, b) => a.begin - b.begin || a.end - b.end)) {
    const label = `tensor ${JSON.stringify(key)}`;
    if (begin < covered) return fail(`${label} overlaps ${before}: it begins at byte ${begin}, before ${covered}`);
    if (begin > covered) return fail(`there is a gap of ${begin - covered} bytes between ${before} and ${label}`);
    covered = end;
    before = label;
  }
  if (covered < body.length)
    return fail(`${body.length - covered} bytes follow after ${before} that belong to no tensor`);

  const tensors = new Map<string, StoredTensor>();
  for (const { key, dtype, shape, begin, end } of found) {
    const stored = body.subarray(begin, end);
    const data = (copy ? null : viewElements(stored, dtype)) ?? readElements(stored, dtype);
    tensors.set(key, { dtype, shape, data });
  }
  return { tensors, metadata };
}

/** Writes a file: widest elements first, so that each tensor is aligned, then by name. */
export function encodeSafetensors(
  tensors: ReadonlyMap<string, StoredTensor>,
  metadata: ReadonlyMap<string, string> = new Map(),
): Uint8Array {
  const order = [...tensors].toSorted(
    ([a, x], [b, y]) => arrays[y.dtype].BYTES_PER_ELEMENT - arrays[x.dtype].BYTES_PER_ELEMENT || (a < b ? -1 : 1),
  );
  const entries: string[] = [];
  if (metadata.size > 0) {
    const pairs = [...metadata].map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`);
    entries.push(`"__metadata__":{${pairs.join(",")}}`);
  }
  let size = 0;
  for (const [key, { dtype, shape, data }] of order) {
    if (key === "__metadata__") throw new UsageError('safetensors: no tensor may be named "__metadata__"');
    if (byteLength(shape, dtype) !== data.byteLength || !(data instanceof arrays[dtype])) {
      throw new UsageError(
        `safetensors: tensor ${JSON.stringify(key)} of shape [${shape.join(", ")}] and dtype ${dtype} came with a ` +
          `${data.constructor.name} of ${data.length} elements`,
      );
    }
    const fields = `"dtype":"${dtype}","shape":[${shape.join(",")}],"data_offsets":[${size},${size + data.byteLength}]`;
    entries.push(`${JSON.stringify(key)}:{${fields}}`);
    size += data.byteLength;
  }
  const header = new TextEncoder().encode(`{${entries.join(",")}}`);
  const padded = Math.ceil(header.length / 8) * 8;
  const bytes = new Uint8Array(8 + padded + size);
  new DataView(bytes.buffer).setUint32(0, padded, true);
  bytes.set(header, 8);
  bytes.fill(0x20, 8 + header.length, 8 + padded);
  let at = 8 + padded;
  for (const [, { data }] of order) {
    const raw = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    bytes.set(raw, at);
    if (!LITTLE_ENDIAN) swapBytes(bytes.subarray(at, at + raw.length), data.BYTES_PER_ELEMENT);
    at += raw.length;
  }
  return bytes;
}

function parseHeader(bytes: Uint8Array, fail: (why: string) => never): Map<string, unknown> {
  let header: unknown;
  try {
    header = parseStrictJson(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes));
  } catch (error) {
    return fail(`its header is not JSON: ${(error as Error).message}`);
  }
  return header instanceof Map ? header : fail("its header is not a JSON object");
}

function wholeNumbers(value: unknown): number[] | undefined {
  if (!Array.isArray(value)) return undefined;
  return value.every((n) => Number.isSafeInteger(n) && n >= 0) ? (value as number[]) : undefined;
}

/** Bytes of a tensor. Sizes multiply as bigints: a product beyond 2^53 must not round to a plausible length. */
function byteLength(shape: readonly number[], dtype: StoredDType): number {
  const size = shape.reduce((product, d) => product * BigInt(d), BigInt(arrays[dtype].BYTES_PER_ELEMENT));
  return Number(size);
}

/** Bytes of one element. */
export function elementBytes(dtype: StoredDType): number {
  return arrays[dtype].BYTES_PER_ELEMENT;
}

/** The elements in such bytes, copied. */
export function readElements(bytes: Uint8Array, dtype: StoredDType, littleEndian = true): StoredData {
  // A fresh buffer: the place in the file need not be aligned, and the file's memory can go.
  const copy = new Uint8Array(bytes); // not slice(): a Node Buffer's is a view
  if (littleEndian !== LITTLE_ENDIAN) swapBytes(copy, arrays[dtype].BYTES_PER_ELEMENT);
  return new arrays[dtype](copy.buffer);
}

/** The elements where they lie; null where their place or the byte order does not allow that. */
function viewElements(bytes: Uint8Array, dtype: StoredDType): StoredData | null {
  const width = arrays[dtype].BYTES_PER_ELEMENT;
  if (!LITTLE_ENDIAN || bytes.byteOffset % width !== 0) return null;
  return new arrays[dtype](bytes.buffer as ArrayBuffer, bytes.byteOffset, bytes.byteLength / width);
}

function swapBytes(bytes: Uint8Array, width: number): void {
  if (width === 1) return;
  for (let at = 0; at < bytes.length; at += width) bytes.subarray(at, at + width).reverse();
}
