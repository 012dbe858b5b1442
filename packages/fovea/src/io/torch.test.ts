import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { FormatError } from "../base/errors.ts";
import { RandomStream } from "../base/random.ts";
import { parseSafetensors, type StoredTensor } from "./safetensors.ts";
import { parseTorch } from "./torch.ts";

const folder = process.env["FOVEA_SHARED"] ?? fileURLToPath(new URL("../../../../../shared", import.meta.url));
const pretrained = `${folder}/data/pretrained`;
const read = (path: string) => new Uint8Array(readFileSync(`${pretrained}/${path}`));

/** Bytes from text, where \xNN is a byte. */
const latin = (text: string) => Uint8Array.from(text, (c) => c.charCodeAt(0));
const join = (...parts: (string | Uint8Array)[]) =>
  Uint8Array.from(parts.flatMap((part) => [...(typeof part === "string" ? latin(part) : part)]));

const header =
  "\x80\x02\x8a\x0al\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.\x80\x02M\xe9\x03.\x80\x02}X\x0d\0\0\0little_endian\x88s.";
const storage = (elements: number, key = "7") =>
  `(X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\0${key}X\x03\0\0\0cpuK${String.fromCharCode(elements)}NtQ`;
const ints = (values: readonly number[]) => `(${values.map((v) => `K${String.fromCharCode(v)}`).join("")}t`;
const tensor = (elements: number, offset: number, shape: readonly number[], strides: readonly number[]) =>
  `ctorch._utils\n_rebuild_tensor\n(${storage(elements)}K${String.fromCharCode(offset)}${ints(shape)}${ints(strides)}tR`;
const keys = (what: string) => (what.includes("storage") ? "\x80\x02]X\x01\0\0\x007a." : "\x80\x02].");
const data = (values: readonly number[]) =>
  join(
    new Uint8Array(BigInt64Array.of(BigInt(values.length)).buffer),
    new Uint8Array(Float32Array.from(values).buffer),
  );
/** A file of the older kind that holds { "w": what }. */
const file = (what: string, values: readonly number[] = [0, 1, 2, 3, 4, 5]) =>
  join(header, `\x80\x02}X\x01\0\0\0w${what}s.`, keys(what), data(values));

describe("PyTorch files", () => {
  it("reads windows on a storage: offset, transposed, rows of a larger matrix", () => {
    const values = (what: string) => Array.from(parseTorch(file(what), "t.pt").get("w")!.data as Float32Array);
    expect(values(tensor(6, 0, [2, 3], [3, 1]))).toEqual([0, 1, 2, 3, 4, 5]);
    expect(values(tensor(6, 0, [3, 2], [1, 3]))).toEqual([0, 3, 1, 4, 2, 5]);
    expect(values(tensor(6, 1, [2, 2], [3, 1]))).toEqual([1, 2, 4, 5]);
    expect(values(tensor(6, 5, [], []))).toEqual([5]);
    expect(values(tensor(6, 0, [0, 3], [3, 1]))).toEqual([]);
  });

  it("refuses tensors that leave their storage or are larger than it", () => {
    for (const what of [
      tensor(6, 1, [2, 3], [3, 1]),
      tensor(6, 0, [2], [6]),
      tensor(6, 0, [200], [0]),
      tensor(6, 0, [2, 3], [3]),
      tensor(5, 0, [5], [1]), // says 5, the data say 6
    ]) {
      expect(() => parseTorch(file(what), "t.pt")).toThrow(FormatError);
    }
  });

  it("executes nothing: other imports and instructions are errors that name them", () => {
    expect(() => parseTorch(file("cposix\nsystem\nX\x02\0\0\0id\x85R"), "t.pt")).toThrow(
      "t.pt is not a sound PyTorch file: its pickle wants to import posix.system, which is not allowed: only tensors are read",
    );
    expect(() => parseTorch(file("\x8c\x08builtins\x8c\x04eval\x93X\x01\0\0\x001\x85R"), "t.pt")).toThrow(
      /builtins\.eval/,
    );
    expect(() => parseTorch(file("ctorch\nFloatStorage\n)R"), "t.pt")).toThrow(/torch\.FloatStorage/);
    expect(() => parseTorch(file("(i__main__\nX\n"), "t.pt")).toThrow(
      /instruction 0x69 at byte \d+, which is not allowed/,
    );
    expect(() => parseTorch(file("X\x01\0\0\0a)R"), "t.pt")).toThrow(/calls what is no function/);
  });

  it("a list in itself, a thousand lists in lists and a billion laughs end in an error", () => {
    expect(() => parseTorch(file("]q\x00h\x00a"), "t.pt")).toThrow(/nested too deeply/);
    expect(() => parseTorch(file(`${"]".repeat(1000)}${"a".repeat(999)}`), "t.pt")).toThrow(/nested too deeply/);
    const laughs = Array.from({ length: 30 }, () => "q\x00](h\x00h\x00h\x00h\x00h\x00h\x00h\x00h\x00e").join("");
    expect(() => parseTorch(file(`]${laughs}`), "t.pt")).toThrow(/nested too deeply|not a sound/);
    // one storage, copied out again and again
    const ones = Array.from({ length: 250 }, () => 1);
    const many = Array.from({ length: 20 }, () => tensor(250, 0, [250], [1])).join("");
    expect(parseTorch(file(`(${many}t`, ones), "t.pt").size).toBe(20);
    const more = `q\x01(${"h\x01".repeat(100)}tq\x02(${"h\x02".repeat(100)}t`;
    expect(() => parseTorch(file(`(${tensor(250, 0, [250], [1])}${more}t`, ones), "t.pt")).toThrow(
      /8 times as large as the file/,
    );
  });

  it("what is no PyTorch file is an error", () => {
    for (const bytes of ["", "P", "PK\x03\x04", "\x80\x02.", "hello", header]) {
      expect(() => parseTorch(latin(bytes), "t.pt")).toThrow(FormatError);
    }
  });
});

describe.skipIf(!existsSync(pretrained))("PyTorch files of others (../shared/data/pretrained)", () => {
  const sum = ({ data }: StoredTensor) => (data as Float32Array).reduce((s, v) => s + v, 0);

  it("a zip archive: the names and shapes of the same network's safetensors file, a sum", () => {
    const ours = parseTorch(read("mnist-burn/mnist.pt"), "mnist.pt");
    const { tensors } = parseSafetensors(read("mnist-burn/mnist.safetensors"), "mnist.safetensors");
    const shapes = (of: ReadonlyMap<string, StoredTensor>) =>
      new Map(Array.from(of, ([name, { dtype, shape }]) => [name, { dtype, shape }]));
    expect(shapes(ours)).toEqual(shapes(tensors));
    // torch.load(...)["fc1.weight"].sum()
    expect(sum(ours.get("fc1.weight")!)).toBeCloseTo(-510.434496281791, 2);
  });

  it("files of the older kind: names, shapes, a few sums", () => {
    const resnet = parseTorch(read("cifar10-resnet/resnet20-12fca82f.th"), "resnet20");
    expect(resnet.size).toBe(116 - 19); // without num_batches_tracked, which came with PyTorch 0.4.1
    expect(resnet.get("state_dict.module.linear.weight")!.shape).toEqual([10, 64]);
    // torch.load(...)["state_dict"]["module.conv1.weight"].sum()
    expect(sum(resnet.get("state_dict.module.conv1.weight")!)).toBeCloseTo(1.3100982000032673, 3);
    expect(parseTorch(read("ultraface/version-RFB-320.pth"), "ultraface").size).toBeGreaterThan(100);
    expect(parseTorch(read("fastestdet/weight_AP05_0.253207_280-epoch.pth"), "fastestdet").size).toBeGreaterThan(100);
  });

  for (const path of ["mnist-burn/mnist.pt", "cifar10-resnet/resnet20-12fca82f.th"]) {
    it(`${path}: 1,000 mutations and truncations give tensors or a FormatError`, () => {
      const sound = read(path);
      const random = new RandomStream(5);
      const directory = sound.length - 4000;
      for (let i = 0; i < 1000; i++) {
        const cut = i % 5 === 0;
        const bytes = cut ? sound.slice(0, random.int(i % 2 ? 20_000 : sound.length)) : sound.slice();
        // Where the structure is: the pickles at the front, a zip archive's directory at the end.
        for (let k = 0; k < (cut ? 0 : 1 + random.int(3)); k++) {
          bytes[random.int(3) === 0 ? directory + random.int(4000) : random.int(16_000)] = random.int(256);
        }
        try {
          parseTorch(bytes, path);
        } catch (error) {
          expect(error, `mutation ${i}`).toBeInstanceOf(FormatError);
        }
      }
    });
  }
});
