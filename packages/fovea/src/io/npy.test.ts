import { deflateRawSync } from "node:zlib";
import { expect, it } from "vitest";
import { parseNpy } from "./npy.ts";
import { parseNpz } from "./npz.ts";

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
