import { FormatError } from "../../base/errors.ts";
import { showShape, type Shape } from "../../base/shape.ts";
import { fromHalf } from "../stored-dtype.ts";
import { elementType, isFloat, isInteger, showElementType, type ElementType } from "./elementTypes.ts";
import { UnsupportedNodeError } from "./errors.ts";
import type { TensorProto } from "./proto.ts";

/** Values known on the host: floats as Float32Array, truth values as bytes, integers (and texts) exactly up to 2^53. */
export interface Constant {
  readonly type: ElementType;
  readonly shape: Shape;
  readonly data: Float32Array | Float64Array | Uint8Array;
}

/** The bytes of a file that holds a model's data, by the name that the model gives it. */
export type ExternalData = (location: string) => Uint8Array;

const EXTERNAL = 1;

const LITTLE_ENDIAN = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

/** More axes than any tensor has: the product of hostile sizes must not take long. */
const MAX_RANK = 64;

/** A stored tensor as values. Sizes are checked against the bytes that are there before anything is allocated. */
export function readTensor(proto: TensorProto, where: string, external?: ExternalData): Constant {
  const label = proto.name ? `${where}: tensor ${JSON.stringify(proto.name)}` : `${where}: a tensor`;
  const fail = (why: string): never => {
    throw new FormatError(`${label} ${why}`);
  };
  const type = elementType(proto.dataType);
  if (type === undefined) {
    const stored = `element type ${showElementType(proto.dataType)}`;
    throw new UnsupportedNodeError(
      `${label} has ${stored}; supported are floats of 16, 32 and 64 bits, bfloat16, integers of 8 to 64 bits, bool and string`,
      stored,
    );
  }
  if (proto.dims.length > MAX_RANK) return fail(`has ${proto.dims.length} axes; at most ${MAX_RANK} are sound`);
  if (!proto.dims.every((d) => Number.isSafeInteger(d) && d >= 0)) {
    return fail(`has shape ${showShape(proto.dims)}; sizes must be whole numbers ≥ 0`);
  }
  const size = proto.dims.reduce((n, d) => n * BigInt(d), 1n);
  const shape = Object.freeze([...proto.dims]);

  if (type === "string") {
    if (BigInt(proto.stringData.length) !== size)
      return fail(`of shape ${showShape(shape)} has ${proto.stringData.length} strings`);
    return {
      type,
      shape,
      data: Float64Array.from(proto.stringData, (bytes) => textNumber(new TextDecoder().decode(bytes))),
    };
  }
  const raw = proto.dataLocation === EXTERNAL ? readExternal(proto, label, external) : proto.rawData;
  if (raw !== undefined) {
    const wanted = size * BigInt(widths[type]);
    if (BigInt(raw.length) !== wanted) {
      return fail(`of shape ${showShape(shape)} and type ${type} needs ${wanted} bytes of data, but has ${raw.length}`);
    }
    return { type, shape, data: readRaw(raw, type) };
  }
  const values = typedField(proto, type);
  if (BigInt(values.length) !== size) {
    return fail(`of shape ${showShape(shape)} and type ${type} needs ${size} values, but has ${values.length}`);
  }
  return { type, shape, data: fromField(values, type) };
}

const texts = new Map<string, number>();

/** Text computes as a number: equal texts have equal numbers, and nothing else is known of them. */
function textNumber(text: string): number {
  let number = texts.get(text);
  if (number === undefined) texts.set(text, (number = texts.size));
  return number;
}

/** Bytes per stored element. */
const widths: Record<Exclude<ElementType, "string">, number> = {
  bool: 1,
  uint8: 1,
  int8: 1,
  uint16: 2,
  int16: 2,
  float16: 2,
  bfloat16: 2,
  float32: 4,
  int32: 4,
  uint32: 4,
  float64: 8,
  int64: 8,
  uint64: 8,
};

function readExternal(proto: TensorProto, label: string, external: ExternalData | undefined): Uint8Array {
  const entries = new Map(proto.externalData.map(({ key, value }) => [key, value ?? ""]));
  const location = entries.get("location");
  if (location === undefined) throw new FormatError(`${label} lies in another file, but the model does not name it`);
  if (external === undefined) {
    throw new FormatError(
      `${label} lies in the file ${JSON.stringify(location)} beside the model; read the model by its path, ` +
        "or pass `externalData`",
    );
  }
  const file = external(location);
  const number = (key: string, missing: number): number => {
    const text = entries.get(key);
    if (text === undefined) return missing;
    if (!/^\d{1,15}$/.test(text))
      throw new FormatError(`${label} has the ${key} ${JSON.stringify(text)} in its data file`);
    return Number(text);
  };
  const offset = number("offset", 0);
  const length = number("length", Math.max(0, file.length - offset));
  if (offset + length > file.length) {
    throw new FormatError(
      `${label} lies at bytes ${offset} … ${offset + length} of ${JSON.stringify(location)}, which has ${file.length}`,
    );
  }
  return file.subarray(offset, offset + length);
}

function readRaw(raw: Uint8Array, type: Exclude<ElementType, "string">): Constant["data"] {
  const view = new DataView(raw.buffer, raw.byteOffset, raw.byteLength);
  const count = raw.length / widths[type];
  const fill = <A extends Constant["data"]>(array: A, read: (at: number) => number): A => {
    for (let i = 0; i < count; i++) array[i] = read(i);
    return array;
  };
  switch (type) {
    case "float32":
      if (LITTLE_ENDIAN) return new Float32Array(new Uint8Array(raw).buffer); // a copy: the place need not be aligned
      return fill(new Float32Array(count), (i) => view.getFloat32(4 * i, true));
    case "float64":
      return fill(new Float32Array(count), (i) => view.getFloat64(8 * i, true));
    case "float16":
      return fill(new Float32Array(count), (i) => fromHalf(view.getUint16(2 * i, true)));
    case "bfloat16":
      return fill(new Float32Array(count), (i) => fromBrainFloat(view.getUint16(2 * i, true)));
    case "bool":
      return fill(new Uint8Array(count), (i) => Number(raw[i] !== 0));
    case "uint8":
      return fill(new Float64Array(count), (i) => raw[i]!);
    case "int8":
      return fill(new Float64Array(count), (i) => view.getInt8(i));
    case "uint16":
      return fill(new Float64Array(count), (i) => view.getUint16(2 * i, true));
    case "int16":
      return fill(new Float64Array(count), (i) => view.getInt16(2 * i, true));
    case "int32":
      return fill(new Float64Array(count), (i) => view.getInt32(4 * i, true));
    case "uint32":
      return fill(new Float64Array(count), (i) => view.getUint32(4 * i, true));
    case "int64":
      return fill(
        new Float64Array(count),
        (i) => view.getInt32(8 * i + 4, true) * 2 ** 32 + view.getUint32(8 * i, true),
      );
    case "uint64":
      return fill(
        new Float64Array(count),
        (i) => view.getUint32(8 * i + 4, true) * 2 ** 32 + view.getUint32(8 * i, true),
      );
    default:
      return type satisfies never;
  }
}

/** Which repeated field holds the values of a type. */
function typedField(proto: TensorProto, type: ElementType): readonly number[] {
  if (type === "float32") return proto.floatData;
  if (type === "float64") return proto.doubleData;
  if (type === "int64") return proto.int64Data;
  if (type === "uint64" || type === "uint32") return proto.uint64Data;
  return proto.int32Data;
}

function fromField(values: readonly number[], type: ElementType): Constant["data"] {
  if (type === "float16") return Float32Array.from(values, fromHalf);
  if (type === "bfloat16") return Float32Array.from(values, fromBrainFloat);
  if (isFloat(type)) return Float32Array.from(values);
  return isInteger(type) ? Float64Array.from(values) : Uint8Array.from(values, (v) => Number(v !== 0));
}

/** bfloat16 is the upper half of a float32. */
function fromBrainFloat(bits: number): number {
  return new Float32Array(Uint32Array.of(bits << 16).buffer)[0]!;
}
