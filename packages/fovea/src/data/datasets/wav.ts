import { FormatError } from "../../base/errors.ts";

/** Sound in memory. */
export interface Wave {
  /** Samples per second. */
  readonly sampleRate: number;
  /** One array per channel, equally long; integers are scaled to −1 … 1. */
  readonly channels: readonly Float32Array[];
}

const PCM = 1;
const FLOAT = 3;
const EXTENSIBLE = 0xfffe;

interface Format {
  readonly code: number;
  readonly channels: number;
  readonly sampleRate: number;
  readonly bits: number;
}

/**
 * Reads a .wav file: PCM of 8, 16, 24 or 32 bits, or floats of 32 or 64, also as WAVE_FORMAT_EXTENSIBLE. `name` is for errors.
 *
 * Chunks other than `fmt ` and `data` are passed over. A `data` chunk that claims more than the file has is cut there, as
 * recorders that were interrupted leave it, when whole samples remain.
 */
export function readWav(bytes: Uint8Array, name: string): Wave {
  const fail = (why: string): never => {
    throw new FormatError(`${name} is not a sound .wav file: ${why}`);
  };
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const tag = (at: number) => String.fromCharCode(...bytes.subarray(at, at + 4));
  if (bytes.length < 12 || tag(0) !== "RIFF" || tag(8) !== "WAVE") return fail("it does not begin with RIFF … WAVE");
  let format: Format | null = null;
  for (let at = 12; at + 8 <= bytes.length;) {
    const [kind, size, start] = [tag(at), view.getUint32(at + 4, true), at + 8];
    if (kind === "fmt ") format = readFormat(view, start, size, fail);
    if (kind === "data") {
      if (format === null) return fail("its data come before their format");
      return { sampleRate: format.sampleRate, channels: readData(view, start, size, format, fail) };
    }
    at = start + size + (size & 1); // chunks are padded to an even length
  }
  return fail("it has no data (is it cut short?)");
}

function readFormat(view: DataView, at: number, size: number, fail: (why: string) => never): Format {
  if (size < 16 || at + size > view.byteLength) return fail("its format is cut short");
  let code = view.getUint16(at, true);
  // The code proper is the beginning of a GUID.
  if (code === EXTENSIBLE) code = size >= 40 ? view.getUint16(at + 24, true) : fail("its extended format is cut short");
  const channels = view.getUint16(at + 2, true);
  const sampleRate = view.getUint32(at + 4, true);
  const bits = view.getUint16(at + 14, true);
  if (!(code === PCM && [8, 16, 24, 32].includes(bits)) && !(code === FLOAT && [32, 64].includes(bits))) {
    return fail(
      `format ${code} with ${bits} bits; supported are PCM (1) of 8, 16, 24, 32 and floats (3) of 32, 64 bits`,
    );
  }
  if (channels === 0 || sampleRate === 0)
    return fail(`it has ${channels} channels of ${sampleRate} samples per second`);
  return { code, channels, sampleRate, bits };
}

function readData(
  view: DataView,
  start: number,
  size: number,
  { code, channels, bits }: Format,
  fail: (why: string) => never,
): Float32Array[] {
  const width = bits / 8;
  const length = Math.floor(Math.min(size, view.byteLength - start) / (width * channels));
  if (length === 0) return fail("it has no data (is it cut short?)");
  const read = sampleReader(view, code, bits);
  return Array.from({ length: channels }, (_, c) => {
    const values = new Float32Array(length);
    for (let i = 0; i < length; i++) values[i] = read(start + (i * channels + c) * width);
    return values;
  });
}

function sampleReader(view: DataView, code: number, bits: number): (at: number) => number {
  if (code === FLOAT) return bits === 32 ? (at) => view.getFloat32(at, true) : (at) => view.getFloat64(at, true);
  if (bits === 8) return (at) => (view.getUint8(at) - 128) / 128; // the one width that is unsigned
  if (bits === 16) return (at) => view.getInt16(at, true) / 2 ** 15;
  if (bits === 24) return (at) => (view.getUint16(at, true) + view.getInt8(at + 2) * 65536) / 2 ** 23;
  return (at) => view.getInt32(at, true) / 2 ** 31;
}
