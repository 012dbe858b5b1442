import { FormatError } from "../base/errors.ts";

/** The contents of an idx file. */
export interface IdxArray {
  readonly shape: readonly number[];
  readonly data: Uint8Array | Int8Array | Int16Array | Int32Array | Float32Array | Float64Array;
}

/** Element types by the third byte of the file. */
const types = {
  8: Uint8Array,
  9: Int8Array,
  11: Int16Array,
  12: Int32Array,
  13: Float32Array,
  14: Float64Array,
} as const;

/** No data set in this format comes near; a small compressed file must not fill the memory. */
const MAX_BYTES = 2 ** 31;

/**
 * Reads an idx file (the format of MNIST), plain or gzip. `name` appears in the errors.
 *
 * Two zero bytes, the element type, the number of axes, their sizes as big-endian 32-bit numbers, the elements in
 * row-major order, and nothing after them.
 */
export async function parseIdx(bytes: Uint8Array, name: string): Promise<IdxArray> {
  const fail = (why: string): never => {
    throw new FormatError(`${name} is not a sound idx file: ${why}`);
  };
  const source = new ByteSource(bytes, fail);
  try {
    const start = await source.take(4);
    const array = types[start[2] as keyof typeof types];
    if (start[0] !== 0 || start[1] !== 0 || array === undefined) {
      const magic = [...start].map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
      return fail(`it starts with ${magic}; wanted 00 00, an element type (08 … 0e) and the number of axes`);
    }
    const sizes = await source.take(4 * start[3]!);
    const sizesView = new DataView(sizes.buffer, sizes.byteOffset, sizes.byteLength);
    const shape = Array.from({ length: start[3]! }, (_, axis) => sizesView.getUint32(4 * axis));
    const length = shape.reduce((product, d) => product * d, array.BYTES_PER_ELEMENT);
    if (length > MAX_BYTES) return fail(`its header announces [${shape.join(", ")}], ${length} bytes: too many`);
    const data = new Uint8Array(await source.take(length)); // not slice(): a Node Buffer's is a view
    const rest = await source.atEnd();
    if (!rest) return fail(`more bytes follow after the [${shape.join(", ")}] elements its header announces`);
    // Stored with the high byte first; every host we meet has the low byte first.
    for (let at = 0; array.BYTES_PER_ELEMENT > 1 && at < length; at += array.BYTES_PER_ELEMENT) {
      data.subarray(at, at + array.BYTES_PER_ELEMENT).reverse();
    }
    return { shape, data: new array(data.buffer) };
  } finally {
    await source.close();
  }
}

/** Hands out bytes of a plain or gzip file in order; unpacks no further than it is asked. */
class ByteSource {
  readonly #fail: (why: string) => never;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
  #chunk: Uint8Array;
  #taken = 0;

  constructor(bytes: Uint8Array, fail: (why: string) => never) {
    this.#fail = fail;
    if (bytes[0] === 0x1f && bytes[1] === 0x8b) {
      this.#chunk = new Uint8Array();
      const unpacked = new Blob([bytes as Uint8Array<ArrayBuffer>])
        .stream()
        .pipeThrough(new DecompressionStream("gzip"));
      this.#reader = unpacked.getReader() as ReadableStreamDefaultReader<Uint8Array>;
    } else {
      this.#chunk = bytes;
    }
  }

  /** Exactly `count` bytes. */
  async take(count: number): Promise<Uint8Array> {
    const parts: Uint8Array[] = [];
    let missing = count;
    while (missing > 0) {
      if (this.#chunk.length === 0 && !(await this.#more())) {
        this.#fail(
          `it ends after ${this.#taken} bytes; at least ${this.#taken + missing} were wanted (is it cut short?)`,
        );
      }
      const part = this.#chunk.subarray(0, missing);
      parts.push(part);
      missing -= part.length;
      this.#taken += part.length;
      this.#chunk = this.#chunk.subarray(part.length);
    }
    if (parts.length === 1) return parts[0]!;
    const joined = new Uint8Array(count);
    let at = 0;
    for (const part of parts) {
      joined.set(part, at);
      at += part.length;
    }
    return joined;
  }

  async atEnd(): Promise<boolean> {
    return this.#chunk.length === 0 && !(await this.#more());
  }

  async close(): Promise<void> {
    // After an error the stream is closed already, and cancel would repeat that error.
    await this.#reader?.cancel().catch(() => undefined);
  }

  async #more(): Promise<boolean> {
    try {
      const result = await this.#reader?.read();
      this.#chunk = result?.value ?? new Uint8Array();
      return this.#chunk.length > 0;
    } catch (error) {
      return this.#fail(`its gzip stream is damaged: ${(error as Error).message} (is it cut short?)`);
    }
  }
}
