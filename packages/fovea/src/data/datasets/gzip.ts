import { FormatError } from "../../base/errors.ts";
import { inflationLimit } from "../../io/limits.ts";

/** The bytes of a file that may be packed with gzip: no more than `inflationLimit` of its size. `name` is for errors. */
export async function unpackGzip(bytes: Uint8Array, name: string): Promise<Uint8Array> {
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes;
  const limit = inflationLimit(bytes.length);
  const parts: Uint8Array[] = [];
  let size = 0;
  try {
    const unpacked = new Blob([bytes as Uint8Array<ArrayBuffer>]).stream().pipeThrough(new DecompressionStream("gzip"));
    for await (const part of unpacked as unknown as AsyncIterable<Uint8Array>) {
      size += part.length;
      if (size > limit) break;
      parts.push(part);
    }
  } catch (error) {
    throw new FormatError(`${name}: its gzip stream is damaged: ${(error as Error).message} (is it cut short?)`);
  }
  if (size > limit) throw new FormatError(`${name} unpacks to more than ${limit} bytes, made of ${bytes.length}`);
  const whole = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
