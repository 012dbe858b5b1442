import { deflateRawSync } from "node:zlib";
import { expect, it } from "vitest";
import { RandomStream } from "../base/random.ts";
import { FormatError } from "../base/errors.ts";
import { encodeNpy, parseNpy, readNpy } from "./npy.ts";
import { encodeNpz, parseNpz, readNpz } from "./npz.ts";
import type { StoredTensor } from "./safetensors.ts";
import { encodeZip, readZip } from "./zip.ts";

function npy(descr: string, shape: string, body: ArrayBuffer, { fortran = false, version = 1 } = {}): Uint8Array {
  const header = `{'descr': '${descr}', 'fortran_order': ${fortran ? "True" : "False"}, 'shape': (${shape}), }\n`;
  const length =
    version === 1 ? [header.length & 255, header.length >> 8] : [header.length & 255, header.length >> 8, 0, 0];
  return Uint8Array.from([
    0x93,
    ...Buffer.from("NUMPY"),
    version,
    0,
    ...length,
    ...Buffer.from(header),
    ...new Uint8Array(body),
  ]);
}

it("reads floats, integers and truth values of either byte order", () => {
  expect(parseNpy(npy("<f4", "2, 1", Float32Array.of(1.5, -2).buffer), "a")).toMatchObject({
    dtype: "f4",
    shape: [2, 1],
  });
  expect([...parseNpy(npy("<i8", "2,", BigInt64Array.of(-3n, 2n ** 40n).buffer), "a").data]).toEqual([-3, 2 ** 40]);
  expect([...parseNpy(npy(">i2", "1,", Uint8Array.of(1, 2).buffer), "a").data]).toEqual([258]);
  expect([...parseNpy(npy("|b1", "2,", Uint8Array.of(0, 1).buffer, { version: 2 }), "a").data]).toEqual([0, 1]);
  expect([...parseNpy(npy("<f8", "", Float64Array.of(0.1).buffer), "a").data]).toEqual([0.1]);
});

it("turns column-major arrays", () => {
  // [[0, 1, 2], [3, 4, 5]] by columns
  const { data } = parseNpy(npy("<i4", "2, 3", Int32Array.of(0, 3, 1, 4, 2, 5).buffer, { fortran: true }), "a");
  expect([...data]).toEqual([0, 1, 2, 3, 4, 5]);
});

it("refuses objects, structures and sizes that are not there", () => {
  expect(() => parseNpy(npy("|O", "1,", new ArrayBuffer(8)), "a.npy")).toThrow(
    "a.npy is not a sound .npy file: its header is not understood",
  );
  expect(() => parseNpy(npy("<f4", "1000000, 1000000, 1000000", new ArrayBuffer(8)), "a")).toThrow(
    "needs 4000000000000000000 bytes, but there are 8",
  );
  expect(() => parseNpy(new Uint8Array(20), "a")).toThrow("does not begin with");
});

/** A zip archive with one deflated file. */
function zip(name: string, content: Uint8Array, claimed = content.length): Uint8Array {
  const packed = deflateRawSync(content);
  const head = (size: number) => new DataView(new ArrayBuffer(size));
  const [local, central, end] = [head(30), head(46), head(22)];
  local.setUint32(0, 0x04034b50, true);
  local.setUint16(26, name.length, true);
  central.setUint32(0, 0x02014b50, true);
  central.setUint16(10, 8, true);
  central.setUint32(20, packed.length, true);
  central.setUint32(24, claimed, true);
  central.setUint16(28, name.length, true);
  end.setUint32(0, 0x06054b50, true);
  end.setUint16(10, 1, true);
  end.setUint32(16, 30 + name.length + packed.length, true);
  const parts = [local, Buffer.from(name), packed, central, Buffer.from(name), end];
  return Buffer.concat(parts.map((p) => (p instanceof DataView ? Buffer.from(p.buffer) : p)));
}

it("reads .npz archives, allocating no more than the packed bytes can hold", () => {
  const array = npy("<f4", "2,", Float32Array.of(1, 2).buffer);
  expect([...parseNpz(zip("x.npy", array), "a.npz").get("x")!.data]).toEqual([1, 2]);
  expect(() => parseNpz(zip("x.npy", array, 2 ** 31), "a.npz")).toThrow('"x.npy" claims 2147483648 bytes');
  expect(() => parseNpz(zip("x.npy", array, array.length - 1), "a.npz")).toThrow("does not unpack to its");
  expect(() => parseNpz(zip("x.npy", array).subarray(0, 60), "a.npz")).toThrow("it has no directory");
});

const tensors = new Map<string, StoredTensor>([
  ["half", { dtype: "F16", shape: [2], data: Uint16Array.of(0x3c00, 0xc000) }],
  ["layer.weight", { dtype: "F32", shape: [2, 3], data: Float32Array.of(0, 1, 2, 3, 4, NaN) }],
  ["steps", { dtype: "I64", shape: [], data: BigInt64Array.of(-(2n ** 60n)) }],
  ["ids", { dtype: "U32", shape: [1, 1], data: Uint32Array.of(2 ** 32 - 1) }],
  ["flags", { dtype: "BOOL", shape: [3], data: Uint8Array.of(1, 0, 1) }],
  ["empty", { dtype: "F64", shape: [0, 4], data: new Float64Array() }],
]);

it("writes .npy and .npz files that it reads back bit for bit; NumPy's header is aligned to 64 bytes", () => {
  const bytes = encodeNpz(tensors);
  expect(readNpz(bytes, "a.npz")).toEqual(tensors);
  expect(encodeNpz(tensors)).toEqual(bytes);
  const array = encodeNpy(tensors.get("layer.weight")!, "w");
  expect(array.length).toBe(128 + 24);
  expect(readNpy(array, "w")).toEqual(tensors.get("layer.weight"));
  expect(() => encodeNpy({ dtype: "BF16", shape: [1], data: Uint16Array.of(0) }, "w")).toThrow(
    'npy: "w" is BF16, which NumPy does not have',
  );
});

it("a zip bomb, files that share bytes, encrypted ones and names that look like paths", () => {
  const nothing = new Uint8Array(2 ** 25);
  const bomb = zip("x.npy", nothing);
  expect(bomb.length).toBeLessThan(2 ** 18);
  expect(readZip(bomb, "b.zip").get("x.npy")!.length).toBe(2 ** 25);
  // the same file three times in the directory
  const end = bomb.length - 22;
  const entry = bomb.slice(end - 46 - 5, end);
  const again = (name: string) => {
    const copy = Uint8Array.from(entry); // a Buffer's slice() would be a view
    copy.set(Buffer.from(name), 46);
    return copy;
  };
  const many = Uint8Array.from(
    Buffer.concat([bomb.subarray(0, end), again("y.npy"), again("z.npy"), bomb.subarray(end)]),
  );
  new DataView(many.buffer).setUint16(many.length - 12, 3, true);
  expect(() => readZip(many, "b.zip")).toThrow(/b\.zip is not a sound zip archive: its files claim 100663296 bytes/);
  const two = Uint8Array.from(Buffer.concat([bomb.subarray(0, end), again("y.npy"), bomb.subarray(end)]));
  new DataView(two.buffer).setUint16(two.length - 12, 2, true);
  expect(() => readZip(two, "b.zip")).toThrow("two of its files share bytes");
  const locked = zip("x", Uint8Array.of(1, 2, 3));
  locked[locked.length - 22 - 46 - 1 + 8] = 1;
  expect(() => readZip(locked, "b.zip")).toThrow('"x" is encrypted');
  expect([...readZip(encodeZip(new Map([["../../etc/passwd", Uint8Array.of(1)]])), "b").keys()]).toEqual([
    "../../etc/passwd",
  ]);
});

it("1,000 mutations and every truncation of .npz and .npy files end in arrays or a FormatError", () => {
  const random = new RandomStream(3);
  for (const sound of [
    encodeNpz(tensors),
    encodeNpy(tensors.get("layer.weight")!, "w"),
    zip("x.npy", npy("<f4", "2,", new ArrayBuffer(8))),
  ]) {
    const read = (bytes: Uint8Array, what: string) => {
      try {
        if (sound[0] === 0x50) readNpz(bytes, "a");
        else readNpy(bytes, "a");
      } catch (error) {
        expect(error, what).toBeInstanceOf(FormatError);
      }
    };
    for (let length = 0; length < sound.length; length++) read(sound.subarray(0, length), `cut to ${length}`);
    for (let i = 0; i < 1000; i++) {
      const bytes = Uint8Array.from(sound);
      for (let k = 0; k < 1 + random.int(3); k++) bytes[random.int(bytes.length)] = random.int(256);
      read(bytes, `mutation ${i}`);
    }
  }
});
