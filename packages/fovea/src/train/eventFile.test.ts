import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { crc32c } from "./crc.ts";
import { EventFile, framed, maskedCrc32c } from "./eventFile.ts";

const ascii = (text: string) => new TextEncoder().encode(text);

it("checksums are those of RFC 3720", () => {
  expect(crc32c(ascii("123456789"))).toBe(0xe3069283);
  expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa);
  expect(crc32c(new Uint8Array(32).fill(255))).toBe(0x62a8ab43);
  expect(crc32c(Uint8Array.from({ length: 32 }, (_, i) => i))).toBe(0x46dd794e);
});

it("the mask is a rotation by 15 and a constant (tsl/lib/hash/crc32c.h)", () => {
  const crc = 0xe3069283;
  const rotated = ((crc >>> 15) | (crc << 17)) >>> 0;
  expect(maskedCrc32c(ascii("123456789"))).toBe((rotated + 0xa282ead8) % 2 ** 32);
  expect(framed(ascii("abc"))).toHaveLength(19);
});

/** A small reader of its own: records, then protobuf fields as lists by number. */
type Fields = Map<number, (Uint8Array | bigint | number)[]>;
function fieldsOf(bytes: Uint8Array): Fields {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const found: Fields = new Map();
  let at = 0;
  const varint = () => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes[at++]!;
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return value;
    }
  };
  while (at < bytes.length) {
    const key = Number(varint());
    let value: Uint8Array | bigint | number;
    if ((key & 7) === 0) value = varint();
    else if ((key & 7) === 1) value = view.getFloat64((at += 8) - 8, true);
    else if ((key & 7) === 5) value = view.getFloat32((at += 4) - 4, true);
    else {
      const length = Number(varint());
      value = bytes.subarray(at, (at += length));
    }
    found.set(key >> 3, [...(found.get(key >> 3) ?? []), value]);
  }
  return found;
}

function recordsOf(bytes: Uint8Array): Fields[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const found: Fields[] = [];
  for (let at = 0; at < bytes.length;) {
    const length = Number(view.getBigUint64(at, true));
    expect(view.getUint32(at + 8, true)).toBe(maskedCrc32c(bytes.subarray(at, at + 8)));
    const message = bytes.subarray(at + 12, at + 12 + length);
    expect(view.getUint32(at + 12 + length, true)).toBe(maskedCrc32c(message));
    found.push(fieldsOf(message));
    at += length + 16;
  }
  return found;
}

it("what is written can be read: version, scalars, images, histograms", async () => {
  const folder = mkdtempSync(join(tmpdir(), "fovea-events-"));
  const file = new EventFile(join(folder, "train"));
  file.scalar("epoch_loss", 0.25, 3);
  await file.image("filters", { pixels: new Uint8Array(12), width: 2, height: 2, channels: 3 }, 300);
  file.histogram("weights", Float32Array.of(0, 1, 1, 2, 3), 4);
  await file.flush();
  await file.flush(); // nothing more
  const [version, scalar, image, histogram] = recordsOf(readFileSync(file.path));
  rmSync(folder, { recursive: true });

  expect(new TextDecoder().decode(version!.get(3)![0] as Uint8Array)).toBe("brain.Event:2");
  expect(version!.get(1)![0]).toBeCloseTo(Date.now() / 1000, -2);
  const valueOf = (event: Fields) => fieldsOf(fieldsOf(event.get(5)![0] as Uint8Array).get(1)![0] as Uint8Array);
  const tagOf = (event: Fields) => new TextDecoder().decode(valueOf(event).get(1)![0] as Uint8Array);
  expect([scalar!.get(2), tagOf(scalar!), valueOf(scalar!).get(2)]).toEqual([[3n], "epoch_loss", [0.25]]);
  const picture = fieldsOf(valueOf(image!).get(4)![0] as Uint8Array);
  expect([image!.get(2), picture.get(1), picture.get(2), picture.get(3)]).toEqual([[300n], [2n], [2n], [3n]]);
  expect([...(picture.get(4)![0] as Uint8Array).subarray(1, 4)]).toEqual([...ascii("PNG")]);
  const histo = fieldsOf(valueOf(histogram!).get(5)![0] as Uint8Array);
  expect([1, 2, 3, 4, 5].map((field) => histo.get(field)![0])).toEqual([0, 3, 5, 7, 15]);
  const doubles = (field: number) => {
    const bytes = histo.get(field)![0] as Uint8Array;
    return Array.from({ length: bytes.length / 8 }, (_, i) =>
      new DataView(bytes.buffer, bytes.byteOffset).getFloat64(8 * i, true),
    );
  };
  expect(doubles(6).at(-1)).toBeGreaterThanOrEqual(3);
  expect(doubles(7).reduce((a, b) => a + b)).toBe(5);
  expect(doubles(7)[0]).toBe(1);
});
