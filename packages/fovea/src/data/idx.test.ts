import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { FormatError } from "../base/errors.ts";
import { parseIdx } from "./idx.ts";

const idx = (type: number, shape: number[], data: number[]) =>
  Uint8Array.from([
    0,
    0,
    type,
    shape.length,
    ...shape.flatMap((d) => [d >>> 24, (d >>> 16) & 255, (d >>> 8) & 255, d & 255]),
    ...data,
  ]);

const sound = idx(8, [2, 3], [1, 2, 3, 4, 5, 6]);

describe("parseIdx", () => {
  it.each<[string, Uint8Array]>([
    ["plain", sound],
    ["gzip", new Uint8Array(gzipSync(sound))],
  ])("reads a %s file", async (_, bytes) => {
    expect(await parseIdx(bytes, "x")).toEqual({ shape: [2, 3], data: Uint8Array.of(1, 2, 3, 4, 5, 6) });
  });

  it("reads the wider types, high byte first", async () => {
    expect((await parseIdx(idx(11, [1], [0xff, 0xfe]), "x")).data).toEqual(Int16Array.of(-2));
    expect((await parseIdx(idx(12, [1], [0, 0, 1, 2]), "x")).data).toEqual(Int32Array.of(258));
    expect((await parseIdx(idx(13, [1], [0x3f, 0x80, 0, 0]), "x")).data).toEqual(Float32Array.of(1));
    expect((await parseIdx(idx(14, [1], [0x3f, 0xf0, 0, 0, 0, 0, 0, 0]), "x")).data).toEqual(Float64Array.of(1));
  });

  it("reads a compressed file of many chunks", async () => {
    const data = Array.from({ length: 300_000 }, (_, i) => (i * 7919) & 255);
    const { data: back } = await parseIdx(new Uint8Array(gzipSync(idx(8, [300, 1000], data))), "x");
    expect(back).toEqual(Uint8Array.from(data));
  });
});

describe("a bad idx file is refused with a FormatError that names it", () => {
  const zipped = new Uint8Array(
    gzipSync(
      idx(
        8,
        [1000],
        Array.from({ length: 1000 }, (_, i) => (i * i) & 255),
      ),
    ),
  );
  const flipped = zipped.slice();
  flipped[flipped.length - 8] = flipped.at(-8)! ^ 1;
  it.each<[string, Uint8Array, string]>([
    ["empty", new Uint8Array(), "it ends after 0 bytes"],
    ["wrong magic", Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 1, 2), "it starts with 89 50 4e 47"],
    ["unknown type", idx(10, [1], [1]), "it starts with 00 00 0a 01"],
    ["cut in the sizes", sound.subarray(0, 9), "it ends after 9 bytes; at least 12"],
    ["cut in the data", sound.subarray(0, 15), "it ends after 15 bytes; at least 18"],
    ["bytes after the data", idx(8, [2], [1, 2, 3]), "more bytes follow after the [2] elements"],
    ["sizes beyond reason", idx(8, [0xffffffff, 0xffffffff, 0xffffffff], []), "too many"],
    ["gzip cut short", zipped.subarray(0, zipped.length - 40), "cut short?"],
    ["gzip with a wrong checksum", flipped, "gzip stream is damaged"],
    ["gzip of something else", new Uint8Array(gzipSync("hello, world")), "it starts with 68 65 6c 6c"],
    // 30 MB of zeros behind a header that announces ten: it stops at the eleventh byte.
    ["gzip bomb", new Uint8Array(gzipSync(Buffer.concat([idx(8, [10], []), Buffer.alloc(3e7)]))), "more bytes follow"],
  ])("%s", async (_, bytes, why) => {
    const tried = parseIdx(bytes, "train-images-idx3-ubyte");
    await expect(tried).rejects.toThrow(FormatError);
    await expect(tried).rejects.toThrow("train-images-idx3-ubyte is not a sound idx file");
    await expect(tried).rejects.toThrow(why);
  });
});
