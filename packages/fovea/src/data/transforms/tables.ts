import type { Picture, Sample } from "../sample.ts";

/**
 * How many channels of a picture are colours: three of three or four (the fourth is opacity, or something that no eye
 * sees), one of one or two. Changes of colour leave the others alone.
 */
export function colorChannels({ channels }: Picture): number {
  return channels >= 3 ? 3 : 1;
}

/** The picture with each colour byte replaced by what `table` has for it: one table, or one for each colour. */
export function mapBytes(picture: Picture, table: Uint8Array | readonly Uint8Array[]): Picture {
  const { width, height, channels, pixels } = picture;
  const colors = colorChannels(picture);
  const out = pixels.slice();
  for (let c = 0; c < colors; c++) {
    const own = table instanceof Uint8Array ? table : table[c]!;
    for (let i = c; i < out.length; i += channels) out[i] = own[out[i]!]!;
  }
  return { width, height, channels, pixels: out };
}

/** The value of every byte, cut off and kept in 0 … 255. */
export function byteTable(at: (byte: number) => number): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, byte) => Math.min(Math.max(Math.trunc(at(byte)), 0), 255));
}

/** How often each byte occurs in one channel. */
export function histogram({ channels, pixels }: Picture, channel: number): Int32Array {
  const counts = new Int32Array(256);
  for (let i = channel; i < pixels.length; i += channels) counts[pixels[i]!]!++;
  return counts;
}

/** ITU-R 601 luma in 16-bit weights, as Pillow's mode "L" has it. */
export function luma(r: number, g: number, b: number): number {
  return (r * 19595 + g * 38470 + b * 7471 + 0x8000) >> 16;
}

/** A sample with another picture of the same size; nothing else moves. */
export function withImage(sample: Sample, image: Picture): Sample {
  return { ...sample, image };
}
