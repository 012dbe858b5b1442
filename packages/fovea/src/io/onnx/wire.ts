import { BinaryReader, BinaryWriter, WireType } from "@bufbuild/protobuf/wire";

/** How a protobuf value is read and written. No code is generated: messages are tables of these. */
export interface Kind<T> {
  readonly wire: WireType;
  read(reader: BinaryReader, depth: number): T;
  write(writer: BinaryWriter, value: T): void;
}

/** One field of a message: its number, and how its value goes into the record. */
export interface Field<T> {
  readonly number: number;
  readonly many: boolean;
  /** Written as one length-delimited run of numbers. */
  readonly packed: boolean;
  readonly kind: Kind<Element<T>>;
}

type Element<T> = T extends readonly (infer E)[] ? E : Exclude<T, undefined>;

/** Every field of a message by name. Lists are always there; single fields may be missing. */
export type Fields<T> = { readonly [K in keyof T]-?: Field<T[K]> };

/** Messages may contain messages this deep; the deepest sound model (nested If) needs a dozen levels. */
const MAX_DEPTH = 64;

/** A signed 64-bit number; beyond ±2^53 the nearest one that JavaScript has. */
export const int64: Kind<number> = {
  wire: WireType.Varint,
  read: (r) => Number(r.int64()),
  write: (w, v) => void w.int64(BigInt.asIntN(64, BigInt(Math.min(v, 2 ** 63 - 1024)))),
};
export const uint64: Kind<number> = {
  wire: WireType.Varint,
  read: (r) => Number(r.uint64()),
  write: (w, v) => void w.uint64(BigInt(v)),
};
export const int32: Kind<number> = {
  wire: WireType.Varint,
  read: (r) => r.int32(),
  write: (w, v) => void w.int32(v),
};
export const float: Kind<number> = {
  wire: WireType.Bit32,
  read: (r) => r.float(),
  write: (w, v) => void w.float(v),
};
export const double: Kind<number> = {
  wire: WireType.Bit64,
  read: (r) => r.double(),
  write: (w, v) => void w.double(v),
};
export const string: Kind<string> = {
  wire: WireType.LengthDelimited,
  read: (r) => r.string(),
  write: (w, v) => void w.string(v),
};
/** Bytes; read as a view of the file. */
export const bytes: Kind<Uint8Array> = {
  wire: WireType.LengthDelimited,
  read: (r) => r.bytes(),
  write: (w, v) => void w.bytes(v),
};

type Single<T> = Field<T | undefined>;
type Many<T> = Field<readonly T[]>;

export const one = <T>(number: number, kind: Kind<T>): Single<T> => field(number, kind, false);
export const many = <T>(number: number, kind: Kind<T>): Many<T> => field(number, kind, true);

function field<T, F>(number: number, kind: Kind<T>, list: boolean): Field<F> {
  const packed = list && kind.wire !== WireType.LengthDelimited;
  return { number, many: list, packed, kind: kind as unknown as Kind<Element<F>> };
}

/** A message; `fields` is a function because messages contain each other. */
export function message<T extends object>(fields: () => Fields<T>): Kind<T> {
  let table: [string, Field<unknown>][] | null = null;
  let byNumber: Map<number, [string, Field<unknown>]> | null = null;
  const entries = () => (table ??= Object.entries(fields()) as [string, Field<unknown>][]);
  const find = (number: number) =>
    (byNumber ??= new Map(entries().map((entry) => [entry[1].number, entry]))).get(number);

  return {
    wire: WireType.LengthDelimited,
    read(reader, depth) {
      if (depth >= MAX_DEPTH) throw new Error(`messages are nested more than ${MAX_DEPTH} deep`);
      const body = reader.bytes();
      const inner = new BinaryReader(body);
      const values: Record<string, unknown> = {};
      for (const [name, { many: list }] of entries()) if (list) values[name] = [];
      while (inner.pos < inner.len) {
        const [number, wire] = inner.tag();
        const found = find(number);
        if (found === undefined) {
          inner.skip(wire, number);
          continue;
        }
        const [name, { many: list, packed, kind }] = found;
        if (packed && wire === WireType.LengthDelimited) {
          readPacked(inner.bytes(), kind as Kind<unknown>, values[name] as unknown[]);
          continue;
        }
        if (wire !== kind.wire) throw new Error(`field ${name} (${number}) has wire type ${wire}, not ${kind.wire}`);
        const value = (kind as Kind<unknown>).read(inner, depth + 1);
        checkBounds(inner);
        if (list) (values[name] as unknown[]).push(value);
        else values[name] = value;
      }
      checkBounds(inner);
      return values as T;
    },
    write(writer, value) {
      writer.fork();
      for (const [name, { number, many: list, packed, kind }] of entries()) {
        const given = (value as Record<string, unknown>)[name];
        const each = kind as Kind<unknown>;
        if (list && packed && (given as unknown[]).length > 0) {
          writer.tag(number, WireType.LengthDelimited).fork();
          for (const item of given as unknown[]) each.write(writer, item);
          writer.join();
        } else if (list) {
          for (const item of given as unknown[]) each.write(writer.tag(number, kind.wire), item);
        } else if (given !== undefined) {
          each.write(writer.tag(number, kind.wire), given);
        }
      }
      writer.join();
    },
  };
}

function readPacked(run: Uint8Array, kind: Kind<unknown>, into: unknown[]): void {
  const reader = new BinaryReader(run);
  while (reader.pos < reader.len) into.push(kind.read(reader, 0));
  checkBounds(reader);
}

/** Readers of single numbers may run over the end; the bytes behind it are never used. */
function checkBounds({ pos, len }: BinaryReader): void {
  if (pos > len) throw new RangeError("the data ends in the middle of a value");
}

/** A whole file as one message. Anything unsound is an Error that says what. */
export function decodeMessage<T>(kind: Kind<T>, file: Uint8Array): T {
  // The outermost message has no length of its own in the file.
  const whole = { bytes: () => file } as unknown as BinaryReader;
  return kind.read(whole, 0);
}

export function encodeMessage<T>(kind: Kind<T>, value: T): Uint8Array {
  const writer = new BinaryWriter();
  kind.write(writer, value);
  const reader = new BinaryReader(writer.finish());
  return reader.bytes(); // without the length that every inner message has
}
