import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { FormatError } from "../../base/errors.ts";
import { readFile } from "../../io/files.ts";
import { surviveDamage } from "../../testing/hostile.ts";
import { shared, unpacked } from "../../testing/shared.ts";
import { readEntry } from "../readEntry.ts";
import type { ArraySample } from "../sample.ts";
import { readWav } from "./wav.ts";

interface Parts {
  readonly code?: number;
  readonly channels?: number;
  readonly bits?: number;
  readonly extensible?: boolean;
  readonly data: Uint8Array;
  /** What the header says of the data; default: what there is. */
  readonly claimed?: number;
}

function wav({
  code = 1,
  channels = 1,
  bits = 16,
  extensible = false,
  data,
  claimed = data.length,
}: Parts): Uint8Array {
  const size = extensible ? 40 : 16;
  const bytes = new Uint8Array(12 + 8 + size + 10 + 8 + data.length);
  const view = new DataView(bytes.buffer);
  const text = (at: number, tag: string) => bytes.set(new TextEncoder().encode(tag), at);
  text(0, "RIFF");
  view.setUint32(4, bytes.length - 8, true);
  text(8, "WAVEfmt ");
  view.setUint32(16, size, true);
  view.setUint16(20, extensible ? 0xfffe : code, true);
  view.setUint16(22, channels, true);
  view.setUint32(24, 8000, true);
  view.setUint16(34, bits, true);
  if (extensible) view.setUint16(44, code, true);
  let at = 20 + size;
  text(at, "odd "); // a chunk of one byte, and its padding
  view.setUint32(at + 4, 1, true);
  at += 10;
  text(at, "data");
  view.setUint32(at + 4, claimed, true);
  bytes.set(data, at + 8);
  return bytes;
}

const bytesOf = (array: Int16Array | Int32Array | Float32Array | Float64Array) => new Uint8Array(array.buffer);

describe("readWav", () => {
  it.each<[string, Parts, number[][]]>([
    ["8 bits, unsigned", { bits: 8, data: Uint8Array.of(0, 128, 255) }, [[-1, 0, 127 / 128]]],
    [
      "16 bits, two channels",
      { channels: 2, data: bytesOf(Int16Array.of(-32768, 16384, 0, -1)) },
      [
        [-1, 0],
        [0.5, -1 / 32768],
      ],
    ],
    [
      "24 bits",
      { bits: 24, data: Uint8Array.of(0, 0, 0x80, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff) },
      [[-1, 1 - 2 ** -23, -(2 ** -23)]],
    ],
    ["32 bits", { bits: 32, data: bytesOf(Int32Array.of(-(2 ** 31), 2 ** 30)) }, [[-1, 0.5]]],
    ["floats", { code: 3, bits: 32, data: bytesOf(Float32Array.of(0.25, -1.5)) }, [[0.25, -1.5]]],
    ["doubles", { code: 3, bits: 64, data: bytesOf(Float64Array.of(0.125)) }, [[0.125]]],
    ["the extended format", { extensible: true, data: bytesOf(Int16Array.of(16384)) }, [[0.5]]],
    ["data cut short", { data: bytesOf(Int16Array.of(1, 2)).subarray(0, 3), claimed: 0xffffffff }, [[1 / 32768]]],
  ])("reads %s", (_, parts, channels) => {
    const wave = readWav(wav(parts), "x.wav");
    expect([wave.sampleRate, wave.channels.map((c) => [...c])]).toEqual([8000, channels]);
  });

  it.each<[string, Uint8Array, string]>([
    ["nothing", new Uint8Array(), "it does not begin with RIFF"],
    ["compressed sound", wav({ code: 2, data: new Uint8Array(4) }), "format 2 with 16 bits"],
    ["no channels", wav({ channels: 0, data: new Uint8Array(4) }), "it has 0 channels"],
    ["no data", wav({ data: new Uint8Array() }), "it has no data"],
  ])("refuses %s", (_, bytes, message) => {
    expect(() => readWav(bytes, "x.wav")).toThrow(FormatError);
    expect(() => readWav(bytes, "x.wav")).toThrow(message);
  });

  it("gives a wave or a FormatError for any damaged file", async () => {
    const sound = wav({ extensible: true, channels: 2, data: new Uint8Array(400) });
    expect(await surviveDamage(sound, (bytes) => readWav(bytes, "x.wav"))).toBeGreaterThan(50);
  });
});

const recordings = shared("data/fsdd/recordings.tar.gz");

describe.skipIf(recordings === null)("the Free Spoken Digit Dataset", () => {
  let root: string;
  beforeAll(async () => void (root = await mkdtemp(join(tmpdir(), "fovea-wav-"))));
  afterAll(() => rm(root, { recursive: true }));

  it("is 8 kHz mono, and samples are cut or filled up", async () => {
    const folder = join(await unpacked(recordings!, root), "recordings");
    const names = await readdir(folder);
    expect(names).toHaveLength(2500); // 5 speakers × 10 digits × 50
    for (const name of names.slice(0, 100)) {
      const { sampleRate, channels } = readWav(await readFile(join(folder, name)), name);
      expect([sampleRate, channels.length], name).toEqual([8000, 1]);
      expect(
        channels[0]!.every((v) => v >= -1 && v < 1),
        name,
      ).toBe(true);
    }
    const entry = { kind: "wave", file: join(folder, names[0]!), sampleRate: 8000, length: 20_000, label: 0 } as const;
    const sample = (await readEntry(entry)) as ArraySample;
    expect(sample.shape).toEqual([1, 20_000]);
    expect(sample.x.at(-1)).toBe(0);
    await expect(readEntry({ ...entry, sampleRate: 16_000 })).rejects.toThrow("has 8000 samples per second, not 16000");
  });
});
