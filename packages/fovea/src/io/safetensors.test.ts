import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { FormatError, UsageError } from "../base/errors.ts";
import { encodeSafetensors, parseSafetensors } from "./safetensors.ts";
import type { StoredTensor } from "./safetensors.ts";
import { toHostTensor, toStoredTensor } from "./stored-dtype.ts";

/** A file put together by hand: header text, then data bytes. */
function file(header: string, data = 0, length = new TextEncoder().encode(header).length): Uint8Array {
  const text = new TextEncoder().encode(header);
  const bytes = new Uint8Array(8 + text.length + data);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(length), true);
  bytes.set(text, 8);
  return bytes;
}

const entry = (begin: number, end: number, shape = `[${(end - begin) / 4}]`) =>
  `{"dtype":"F32","shape":${shape},"data_offsets":[${begin},${end}]}`;

const f32 = (value: number): StoredTensor => ({ dtype: "F32", shape: [1], data: Float32Array.of(value) });

describe("safetensors", () => {
  it("reads back what it wrote, every dtype", () => {
    const tensors = new Map<string, StoredTensor>([
      ["bytes", { dtype: "U8", shape: [3], data: Uint8Array.of(1, 2, 255) }],
      ["flags", { dtype: "BOOL", shape: [2], data: Uint8Array.of(0, 1) }],
      ["small", { dtype: "I8", shape: [1], data: Int8Array.of(-5) }],
      ["short", { dtype: "I16", shape: [1], data: Int16Array.of(-500) }],
      ["half", { dtype: "F16", shape: [2], data: Uint16Array.of(0x3c00, 0xc000) }],
      ["brain", { dtype: "BF16", shape: [1], data: Uint16Array.of(0x3f80) }],
      ["w", { dtype: "F32", shape: [2, 2], data: Float32Array.of(1, -0, NaN, 1e-40) }],
      ["n", { dtype: "I32", shape: [], data: Int32Array.of(-7) }],
      ["d", { dtype: "F64", shape: [1], data: Float64Array.of(Math.PI) }],
      ["l", { dtype: "I64", shape: [1], data: BigInt64Array.of(-(2n ** 40n)) }],
      ["empty", { dtype: "F32", shape: [0, 5], data: new Float32Array() }],
      ["__proto__", { dtype: "F32", shape: [1], data: Float32Array.of(9) }],
      ['日本 "q"\n', { dtype: "F32", shape: [1], data: Float32Array.of(8) }],
    ]);
    const metadata = new Map([
      ["format", "pt"],
      ["__proto__", "x"],
    ]);
    const bytes = encodeSafetensors(tensors, metadata);
    const back = parseSafetensors(bytes, "t.safetensors");
    expect(back.metadata).toEqual(metadata);
    expect(new Set(back.tensors.keys())).toEqual(new Set(tensors.keys()));
    for (const [name, tensor] of tensors) expect(back.tensors.get(name), name).toEqual(tensor);
  });

  it("aligns the header to 8 bytes and orders tensors by width, then by name", () => {
    const bytes = encodeSafetensors(
      new Map<string, StoredTensor>([
        ["u", { dtype: "U8", shape: [1], data: Uint8Array.of(1) }],
        ["b", f32(2)],
        ["a", f32(1)],
      ]),
    );
    const length = Number(new DataView(bytes.buffer).getBigUint64(0, true));
    expect(length % 8).toBe(0);
    expect([...parseSafetensors(bytes, "t").tensors.keys()]).toEqual(["a", "b", "u"]);
    expect(bytes.length).toBe(8 + length + 9);
  });

  it("reads a file at any byte offset of a larger buffer", () => {
    const bytes = encodeSafetensors(new Map([["a", { dtype: "F32", shape: [2], data: Float32Array.of(1, 2) }]]));
    const shifted = new Uint8Array(bytes.length + 3);
    shifted.set(bytes, 3);
    expect(parseSafetensors(shifted.subarray(3), "t").tensors.get("a")!.data).toEqual(Float32Array.of(1, 2));
  });

  it("copies elements, or leaves them where they lie if asked to and if they are aligned", () => {
    const bytes = encodeSafetensors(new Map([["a", { dtype: "F32", shape: [2], data: Float32Array.of(1, 2) }]]));
    const dataOf = (from: Uint8Array, copy: boolean) => parseSafetensors(from, "t", { copy }).tensors.get("a")!.data;
    expect(dataOf(bytes, true).buffer).not.toBe(bytes.buffer);
    expect(dataOf(bytes, false).buffer).toBe(bytes.buffer);
    expect(dataOf(bytes, false)).toEqual(Float32Array.of(1, 2));
    const shifted = new Uint8Array(bytes.length + 3);
    shifted.set(bytes, 3);
    expect(dataOf(shifted.subarray(3), false)).toEqual(Float32Array.of(1, 2));
  });

  it("refuses to write a tensor whose data does not fit its shape", () => {
    const wrong = new Map<string, StoredTensor>([["a", { dtype: "F32", shape: [3], data: Float32Array.of(1, 2) }]]);
    expect(() => encodeSafetensors(wrong)).toThrow(UsageError);
  });
});

describe("a bad safetensors file is refused with a FormatError that names it", () => {
  it.each<[string, Uint8Array, string]>([
    ["shorter than the header length", new Uint8Array(5), "it has 5 bytes"],
    ["header longer than the file", file("{}", 0, 3), "only 2 follow"],
    ["header longer than any sound one", file("{}", 0, 2 ** 50), "at most 100000000"],
    ["header that is not UTF-8", Uint8Array.of(2, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xfe), "not JSON"],
    ["header that is not JSON", file("{a:1}"), "not JSON: wanted a string (character 1)"],
    ["header cut in the middle", file('{"a":{"dtype":"F3'), "not JSON"],
    ["header with text after it", file("{} x"), "after the end"],
    ["header that is a list", file("[]"), "not a JSON object"],
    ["header nested without end", file("[".repeat(100_000)), "nested deeper"],
    ["duplicate names", file(`{"a":${entry(0, 4)},"a":${entry(0, 4)}}`, 4), 'the key "a" occurs twice'],
    [
      "duplicate fields",
      file('{"a":{"dtype":"F32","dtype":"I32","shape":[],"data_offsets":[0,4]}}', 4),
      "occurs twice",
    ],
    ["entry that is no object", file('{"a":3}'), 'entry "a" is not an object'],
    ["metadata that is no text", file('{"__metadata__":{"a":3}}'), 'metadata "a" is not a string'],
    ["unknown dtype", file('{"a":{"dtype":"F8","shape":[],"data_offsets":[0,1]}}', 1), 'has dtype "F8"; known are'],
    [
      "dtype named as an object's member",
      file('{"a":{"dtype":"toString","shape":[],"data_offsets":[0,1]}}', 1),
      "known are",
    ],
    ["no shape", file('{"a":{"dtype":"F32","data_offsets":[0,4]}}', 4), 'shape of tensor "a"'],
    ["negative size", file(`{"a":${entry(0, 4, "[-1]")}}`, 4), 'shape of tensor "a"'],
    ["fractional size", file(`{"a":${entry(0, 4, "[0.5]")}}`, 4), 'shape of tensor "a"'],
    ["one offset", file('{"a":{"dtype":"F32","shape":[1],"data_offsets":[0]}}', 4), "data_offsets"],
    ["offsets beyond the data", file(`{"a":${entry(0, 8)}}`, 4), "lies at bytes 0 … 8 of the data, which has 4"],
    ["offsets in reverse", file('{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}', 4), "lies at bytes 4 … 0"],
    ["length that is not the shape's", file(`{"a":${entry(0, 4, "[2]")}}`, 4), "has 4 bytes, not 8"],
    [
      "shape whose product wraps around 64 bits",
      file(`{"a":${entry(0, 4, "[4294967296,4294967296,1]")}}`, 4),
      "has 4 bytes, not",
    ],
    ["overlap", file(`{"a":${entry(0, 8)},"b":${entry(4, 12)}}`, 12), 'tensor "b" overlaps tensor "a"'],
    ["the same bytes twice", file(`{"a":${entry(0, 4)},"b":${entry(0, 4)}}`, 4), "overlaps"],
    ["gap", file(`{"a":${entry(0, 4)},"b":${entry(8, 12)}}`, 12), "a gap of 4 bytes"],
    ["bytes at the end", file(`{"a":${entry(0, 4)}}`, 6), "2 bytes follow"],
  ])("%s", (_, bytes, why) => {
    const read = () => parseSafetensors(bytes, "model.safetensors");
    expect(read).toThrow(FormatError);
    expect(read).toThrow("model.safetensors is not a sound safetensors file");
    expect(read).toThrow(why);
  });

  it("cut at any byte", () => {
    const whole = encodeSafetensors(new Map([["a", { dtype: "F32", shape: [2], data: Float32Array.of(1, 2) }]]));
    for (let length = 0; length < whole.length; length++) {
      expect(() => parseSafetensors(whole.subarray(0, length), "t")).toThrow(FormatError);
    }
  });
});

const convert = (dtype: StoredTensor["dtype"], data: StoredTensor["data"]) =>
  toHostTensor({ dtype, shape: [data.length], data }, "w");

describe("toHostTensor", () => {
  it("makes float32 of every float", () => {
    // Origin: IEEE 754 binary16: 1, −2, largest, smallest subnormal, infinity
    const half = convert("F16", Uint16Array.of(0x3c00, 0xc000, 0x7bff, 0x0001, 0x7c00, 0x7e00));
    expect([...half.data]).toEqual([1, -2, 65504, 2 ** -24, Infinity, NaN]);
    expect([...convert("BF16", Uint16Array.of(0x3f80, 0xc049)).data]).toEqual([1, -3.140625]);
    expect([...convert("F64", Float64Array.of(0.1)).data]).toEqual([Math.fround(0.1)]);
    expect(half.dtype).toBe("float32");
  });

  it("makes int32 of every signed integer, and refuses what does not fit", () => {
    expect(convert("I64", BigInt64Array.of(-(2n ** 31n), 2n ** 31n - 1n)).data).toEqual(
      Int32Array.of(-(2 ** 31), 2 ** 31 - 1),
    );
    expect([...convert("I8", Int8Array.of(-3)).data]).toEqual([-3]);
    expect(() => convert("I64", BigInt64Array.of(2n ** 31n))).toThrow('tensor "w" holds 2147483648');
  });

  it("keeps bytes, makes booleans 0 or 1, and goes back", () => {
    expect([...convert("BOOL", Uint8Array.of(0, 7)).data]).toEqual([0, 1]);
    expect(toStoredTensor(convert("U8", Uint8Array.of(7)))).toEqual({
      dtype: "U8",
      shape: [1],
      data: Uint8Array.of(7),
    });
  });
});

const pretrained = join(
  process.env["FOVEA_SHARED"] ?? join(import.meta.dirname, "../../../../../shared"),
  "data/pretrained",
);
const published = existsSync(pretrained)
  ? readdirSync(pretrained, { recursive: true, encoding: "utf8" }).filter((path) => path.endsWith(".safetensors"))
  : [];

it.skipIf(published.length === 0)("reads every published file that is here (shared/data/pretrained)", () => {
  for (const path of published) {
    const { tensors } = parseSafetensors(new Uint8Array(readFileSync(join(pretrained, path))), path);
    expect(tensors.size, path).toBeGreaterThan(0);
  }
});
