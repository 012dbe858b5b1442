import { inflateSync, zipSync } from "fflate";
import { FormatError } from "../base/errors.ts";
import { inflationLimit } from "./limits.ts";

const END = 0x06054b50;
const CENTRAL = 0x02014b50;
const LOCAL = 0x04034b50;
const STORED = 0;
const DEFLATED = 8;
/** Deflate makes at most about 1,032 bytes of one. */
const MAX_RATIO = 1032;

/**
 * The files of a zip archive by name, stored or deflated (no zip64, no encryption).
 *
 * The directory at the end is the authority, and names are only names. fflate inflates; the walk and the bounds are here,
 * because `unzipSync` believes the directory: nothing is allocated beyond what the compressed bytes can hold, no two files
 * share their bytes, and all together do not exceed `inflationLimit`.
 */
export function readZip(archive: Uint8Array, name: string): Map<string, Uint8Array> {
  const fail = (why: string): never => {
    throw new FormatError(`${name} is not a sound zip archive: ${why}`);
  };
  const view = new DataView(archive.buffer, archive.byteOffset, archive.byteLength);
  let end = archive.length - 22;
  // A comment of up to 65,535 bytes may follow the end record.
  while (end >= 0 && end > archive.length - 22 - 65536 && view.getUint32(end, true) !== END) end--;
  if (end < 0 || view.getUint32(end, true) !== END) return fail("it has no directory (is it cut short?)");
  const count = view.getUint16(end + 10, true);
  const files = new Map<string, Uint8Array>();
  const places: [start: number, end: number][] = [];
  let total = 0;
  let at = view.getUint32(end + 16, true);
  for (let i = 0; i < count; i++) {
    if (at + 46 > end || view.getUint32(at, true) !== CENTRAL) return fail(`its directory is damaged at entry ${i}`);
    const flags = view.getUint16(at + 8, true);
    const method = view.getUint16(at + 10, true);
    const packed = view.getUint32(at + 20, true);
    const size = view.getUint32(at + 24, true);
    const nameLength = view.getUint16(at + 28, true);
    const next = at + 46 + nameLength + view.getUint16(at + 30, true) + view.getUint16(at + 32, true);
    if (next > end) return fail(`its directory is damaged at entry ${i}`);
    const file = new TextDecoder().decode(archive.subarray(at + 46, at + 46 + nameLength));
    const label = JSON.stringify(file);
    const local = view.getUint32(at + 42, true);
    if (local + 30 > archive.length || view.getUint32(local, true) !== LOCAL)
      return fail(`${label} is not where the directory says`);
    const start = local + 30 + view.getUint16(local + 26, true) + view.getUint16(local + 28, true);
    if ((flags & 1) !== 0) return fail(`${label} is encrypted`);
    if (start + packed > archive.length) return fail(`${label} ends after the archive (is it cut short?)`);
    if (size > packed * MAX_RATIO || (method === STORED && size !== packed))
      return fail(`${label} claims ${size} bytes, made of ${packed}`);
    if (files.has(file)) return fail(`${label} is there twice`);
    total += size;
    if (total > inflationLimit(archive.length))
      return fail(`its files claim ${total} bytes and more, made of ${archive.length}`);
    places.push([start, start + packed]);
    const bytes = archive.subarray(start, start + packed);
    if (method === STORED) files.set(file, bytes);
    else if (method === DEFLATED)
      files.set(
        file,
        inflate(bytes, size, () => fail(`${label} does not unpack to its ${size} bytes`)),
      );
    else return fail(`${label} is packed by method ${method}; stored and deflated are supported`);
    at = next;
  }
  places.sort(([a], [b]) => a - b);
  if (places.some(([start], i) => i > 0 && start < places[i - 1]![1])) return fail("two of its files share bytes");
  return files;
}

/** An archive of files as they are, not compressed: weights hardly would be. */
export function encodeZip(files: ReadonlyMap<string, Uint8Array>): Uint8Array {
  // fflate orders names as an object does; a time that does not change makes equal archives of equal files.
  return zipSync(Object.fromEntries(files), { level: 0, mtime: "1980-01-01T00:00:00" });
}

function inflate(bytes: Uint8Array, size: number, fail: () => never): Uint8Array {
  let out: Uint8Array;
  try {
    out = inflateSync(bytes, { out: new Uint8Array(size + 1) }); // one more byte than there may be, to see it
  } catch {
    return fail();
  }
  return out.length === size ? out : fail();
}
