import { deflateSync } from "node:zlib";
import { crc32 } from "../crc.ts";

/** A PNG (RFC 2083) of 8-bit grey (1 channel) or RGB (3 channels) pixels, rows top to bottom, interleaved. */
export function encodePng(pixels: Uint8Array, width: number, height: number, channels: 1 | 3): Buffer {
  const stride = width * channels;
  const rows = Buffer.alloc((stride + 1) * height); // each row starts with its filter: 0, none
  for (let y = 0; y < height; y++) rows.set(pixels.subarray(y * stride, (y + 1) * stride), y * (stride + 1) + 1);

  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, channels === 1 ? 0 : 2, 0, 0, 0], 8); // bit depth, colour type, deflate, filters, no interlace
  return Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    chunk("IHDR", header),
    chunk("IDAT", deflateSync(rows, { level: 9 })),
    chunk("IEND", Buffer.alloc(0)),
  ]);
}

/** A PNG of planes [C, H, W] with 1 or 3 channels, as a `data:` address. */
export function pngDataUri(planes: Uint8Array, [channels, height, width]: readonly [number, number, number]): string {
  const size = height * width;
  const shown = channels === 3 ? 3 : 1;
  const pixels = new Uint8Array(size * shown);
  for (let c = 0; c < shown; c++) for (let i = 0; i < size; i++) pixels[i * shown + c] = planes[c * size + i]!;
  return `data:image/png;base64,${encodePng(pixels, width, height, shown).toString("base64")}`;
}

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
  const framed = Buffer.alloc(body.length + 8);
  framed.writeUInt32BE(data.length, 0);
  framed.set(body, 4);
  framed.writeUInt32BE(crc32(body), body.length + 4);
  return framed;
}
