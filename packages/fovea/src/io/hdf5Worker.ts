import type { Module } from "h5wasm";

/** What a file of HDF5 has at one path. */
export interface Hdf5Object {
  /** Without the leading slash; "" is the root. */
  readonly path: string;
  /** Texts and numbers, alone or in lists; others are left out. */
  readonly attributes: readonly (readonly [name: string, value: Hdf5Value])[];
  /** Null for a group. */
  readonly dataset: { readonly shape: readonly number[]; readonly dtype: string; readonly bytes: Uint8Array } | null;
}

export type Hdf5Value = string | number | readonly string[] | readonly number[];

/** The part of h5wasm that reads. */
export type Hdf5Library = Pick<
  typeof Module,
  | "FS"
  | "HEAPU8"
  | "UTF8ToString"
  | "activate_throwing_error_handler"
  | "close_file"
  | "get_attribute_data"
  | "get_attribute_metadata"
  | "get_attribute_names"
  | "get_dataset_data"
  | "get_dataset_metadata"
  | "get_names"
  | "get_type"
  | "open"
> & { _malloc(bytes: number): number; _free(at: number): void };

/**
 * Everything in a file, read by h5wasm's in-memory build. It runs in a worker, from its own text, so it uses nothing that
 * is not inside it.
 *
 * The library reports errors by handles below zero, by null, by undefined or not at all, so errors are made to throw and
 * every answer is checked before it is used. Soft and external links are not followed further than to what is in the
 * same file: there is no other file in this memory. Throws an Error with the reason.
 *
 * @param limit Most bytes that compressed datasets may unpack to, all together.
 */
export function readHdf5Objects(h5: Hdf5Library, bytes: Uint8Array, limit: number): Hdf5Object[] {
  const MAX_DEPTH = 32;
  const MAX_OBJECTS = 100_000;
  const MAX_RANK = 32; // the format's own limit
  const [INTEGER, FLOAT, STRING, ENUM] = [0, 1, 3, 8];
  const [GROUP, DATASET] = [0, 1]; // H5G_obj_t; links that lead nowhere and named types are passed over
  const { _malloc: allocate, _free: release } = h5;
  const name = "/file.h5";
  const found: Hdf5Object[] = [];
  let plain = 0;
  let unpacked = 0;
  let text = 0;

  const fail = (why: string): never => {
    throw new Error(why);
  };
  const isCount = (n: unknown): n is number => typeof n === "number" && Number.isSafeInteger(n) && n >= 0;
  interface Checked {
    readonly type: number;
    readonly size: number;
    readonly shape: readonly number[];
    readonly count: number;
    readonly signed: boolean;
    readonly vlen: boolean;
    readonly chunked: boolean;
    readonly isBool: boolean;
  }
  /** What the library says of a dataset or an attribute; null if it has no value. */
  const check = (what: string, given: ReturnType<Hdf5Library["get_dataset_metadata"]> | null): Checked | null => {
    if (given === null || given === undefined) return fail(`${what} cannot be opened`);
    const { type, size, shape, signed, vlen, chunks } = given;
    if (shape === null) return null;
    if (!Array.isArray(shape) || shape.length > MAX_RANK || !shape.every(isCount) || !isCount(size) || !isCount(type)) {
      return fail(`${what} has no sound type or shape`);
    }
    const count = shape.reduce((n, d) => n * d, 1);
    if (!isCount(count) || !isCount(count * size)) return fail(`${what} is too large`);
    const members = given.enum_type?.members;
    const isBool = type === ENUM && size === 1 && members?.["FALSE"] === 0 && members["TRUE"] === 1;
    return { type, size, shape: [...shape], count, signed, vlen, chunked: Array.isArray(chunks), isBool };
  };
  /** Runs `read` on fresh memory of the library and returns the bytes that it wrote there. */
  const fetch = (what: string, size: number, read: (at: bigint) => number): Uint8Array => {
    const at = allocate(Math.max(1, size));
    if (at === 0) return fail(`there is not enough memory for ${what}`);
    try {
      h5.HEAPU8.fill(0, at, at + size);
      const status = read(BigInt(at));
      if (!(status >= 0)) return fail(`${what} cannot be read`);
      return h5.HEAPU8.slice(at, at + size);
    } finally {
      release(at);
    }
  };
  const numbers = ({ type, size, signed, count }: Checked, raw: Uint8Array): number[] | null => {
    const view = new DataView(raw.buffer);
    const read: ((at: number) => number) | undefined = {
      [`${FLOAT}4`]: (at: number) => view.getFloat32(at, true),
      [`${FLOAT}8`]: (at: number) => view.getFloat64(at, true),
      [`${INTEGER}1`]: (at: number) => (signed ? view.getInt8(at) : view.getUint8(at)),
      [`${INTEGER}2`]: (at: number) => (signed ? view.getInt16(at, true) : view.getUint16(at, true)),
      [`${INTEGER}4`]: (at: number) => (signed ? view.getInt32(at, true) : view.getUint32(at, true)),
      [`${INTEGER}8`]: (at: number) => Number(view.getBigInt64(at, true)),
    }[`${type}${size}`];
    return read === undefined ? null : Array.from({ length: count }, (_, i) => read(i * size));
  };
  const strings = ({ vlen, size, count }: Checked, raw: Uint8Array): string[] => {
    const decoder = new TextDecoder();
    return Array.from({ length: count }, (_, i) => {
      let value: string;
      if (vlen) {
        const pointer = new DataView(raw.buffer).getUint32(4 * i, true);
        value = pointer === 0 ? "" : h5.UTF8ToString(pointer);
      } else {
        const part = raw.subarray(i * size, (i + 1) * size);
        const end = part.indexOf(0);
        value = decoder.decode(end < 0 ? part : part.subarray(0, end));
      }
      text += value.length;
      if (text > 4 * bytes.length) return fail("its texts are longer than the file");
      return value;
    });
  };
  const attributesOf = (file: bigint, path: string): [string, Hdf5Value][] => {
    const names = h5.get_attribute_names(file, path) as unknown;
    if (!Array.isArray(names)) return fail(`the attributes of ${path} cannot be listed`);
    return (names as string[]).flatMap((key): [string, Hdf5Value][] => {
      const what = `attribute ${key} of ${path}`;
      const meta = check(what, h5.get_attribute_metadata(file, path, key));
      if (meta === null || ![INTEGER, FLOAT, STRING].includes(meta.type)) return [];
      if (meta.count * meta.size > bytes.length) return fail(`${what} is larger than the file`);
      const raw = fetch(what, meta.count * meta.size, (at) => h5.get_attribute_data(file, path, key, at));
      const values = meta.type === STRING ? strings(meta, raw) : numbers(meta, raw);
      if (values === null) return [];
      return [[key, meta.shape.length === 0 ? values[0]! : (values as Hdf5Value)]];
    });
  };
  const readDataset = (file: bigint, path: string): Hdf5Object["dataset"] => {
    const what = `dataset ${path}`;
    const meta = check(what, h5.get_dataset_metadata(file, path));
    if (meta === null) return null;
    const { type, size, shape, signed, count } = meta;
    const kind = type === FLOAT ? "F" : signed ? "I" : "U";
    const known = type === FLOAT ? [2, 4, 8] : type === INTEGER ? [1, 2, 4, 8] : [];
    if (!known.includes(size) && !meta.isBool) return null; // texts and structures are no tensors
    const length = count * size;
    if (meta.chunked) unpacked += length;
    else plain += length;
    if (plain > bytes.length || unpacked > limit) return fail(`${what} makes its data larger than the file can hold`);
    const raw = fetch(what, length, (at) => h5.get_dataset_data(file, path, null, null, null, at));
    return { shape, dtype: meta.isBool ? "BOOL" : `${kind}${8 * size}`, bytes: raw };
  };
  const visit = (file: bigint, path: string, depth: number): void => {
    if (depth > MAX_DEPTH || found.length >= MAX_OBJECTS) fail("its groups are nested too deeply, or into themselves");
    const type = h5.get_type(file, path);
    if (type !== GROUP && type !== DATASET) return;
    const dataset = type === DATASET ? readDataset(file, path) : null;
    if (type === DATASET && dataset === null) return;
    found.push({ path: path.slice(1), attributes: attributesOf(file, path), dataset });
    if (type === DATASET) return;
    const names = h5.get_names(file, path, false) as unknown;
    if (!Array.isArray(names)) fail(`the group ${path} cannot be listed`);
    for (const child of names as string[]) visit(file, path === "/" ? `/${child}` : `${path}/${child}`, depth + 1);
  };

  (h5.FS as unknown as { writeFile(path: string, data: Uint8Array): void }).writeFile(name, bytes);
  h5.activate_throwing_error_handler();
  const file = h5.open(name, 0, false, -1, -1);
  if (!(file > 0n)) fail("it cannot be opened (is it cut short?)");
  visit(file, "/", 0);
  h5.close_file(file);
  return found;
}
