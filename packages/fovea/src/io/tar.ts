import { FormatError } from "../base/errors.ts";

/** A file in an archive; its bytes are a view of the archive. */
export interface TarEntry {
  readonly path: string;
  readonly bytes: Uint8Array;
}

const BLOCK = 512;
const text = new TextDecoder();

/**
 * The files of an uncompressed tar archive: POSIX ustar and pax, and GNU's long names.
 *
 * Links, devices and folders are left out: nothing here touches a disk, but whoever writes entries to one must not be
 * led astray. Every length is checked against the bytes that are there.
 */
export function readTar(archive: Uint8Array, name: string): TarEntry[] {
  const fail = (why: string): never => {
    throw new FormatError(`${name} is not a sound tar archive: ${why}`);
  };
  const entries: TarEntry[] = [];
  /** Name and size from an extension header, for the entry after it. */
  let next: { path?: string; size?: number } = {};
  for (let at = 0; at + BLOCK <= archive.length;) {
    const header = archive.subarray(at, at + BLOCK);
    if (header.every((byte) => byte === 0)) return entries; // the end
    if (checksum(header) !== octal(header, 148, 8)) return fail(`the header at byte ${at} has a wrong checksum`);
    const size = next.size ?? octal(header, 124, 12);
    if (!Number.isSafeInteger(size) || size < 0) return fail(`the header at byte ${at} has no sound size`);
    const start = at + BLOCK;
    if (size > archive.length - start)
      return fail(`an entry of ${size} bytes begins at byte ${start} of ${archive.length} (is it cut short?)`);
    const bytes = archive.subarray(start, start + size);
    const kind = String.fromCharCode(header[156]!);
    if (kind === "L") next.path = field(bytes, 0, bytes.length);
    else if (kind === "x") next = { ...next, ...readPax(bytes) };
    else {
      if (kind === "0" || kind === "\0") {
        const prefix = field(header, 257, 5) === "ustar" ? field(header, 345, 155) : "";
        const path = field(header, 0, 100);
        entries.push({ path: next.path ?? (prefix === "" ? path : `${prefix}/${path}`), bytes });
      }
      if (kind !== "g") next = {};
    }
    at = start + Math.ceil(size / BLOCK) * BLOCK;
  }
  return entries;
}

/** Text up to the first zero byte. */
function field(bytes: Uint8Array, at: number, length: number): string {
  const run = bytes.subarray(at, at + length);
  const end = run.indexOf(0);
  return text.decode(end < 0 ? run : run.subarray(0, end));
}

function octal(bytes: Uint8Array, at: number, length: number): number {
  const digits = field(bytes, at, length).trim();
  return /^[0-7]+$/.test(digits) ? Number.parseInt(digits, 8) : NaN;
}

/** The sum of the header's bytes, the checksum itself counted as spaces. */
function checksum(header: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < BLOCK; i++) sum += i >= 148 && i < 156 ? 32 : header[i]!;
  return sum;
}

/** "length key=value\n" records. */
function readPax(bytes: Uint8Array): { path?: string; size?: number } {
  const found: { path?: string; size?: number } = {};
  let at = 0;
  while (at < bytes.length) {
    const space = bytes.indexOf(32, at);
    const length = Number(text.decode(bytes.subarray(at, space < 0 ? at : space)));
    if (!Number.isInteger(length) || length <= 0 || at + length > bytes.length) break;
    const [key, ...rest] = text.decode(bytes.subarray(space + 1, at + length - 1)).split("=");
    const value = rest.join("=");
    if (key === "path") found.path = value;
    if (key === "size") found.size = /^\d{1,15}$/.test(value) ? Number(value) : NaN;
    at += length;
  }
  return found;
}
