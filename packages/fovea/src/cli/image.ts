import { FormatError } from "../base/errors.ts";
import { readFile } from "../io/files.ts";

/** A decoded picture: RGB, interleaved, rows top to bottom; transparent pixels are paper. */
export interface RgbImage {
  readonly width: number;
  readonly height: number;
  readonly pixels: Uint8Array;
}

/** More pixels are refused: a small file must not fill the memory. */
const MAX_PIXELS = 100_000_000;
/** Longer sides are scaled down to this while decoding; plenty for a network's few pixels. */
const MAX_SIDE = 2048;

/** Reads a PNG or JPEG file, turned the way its EXIF data says. */
export async function loadImage(path: string): Promise<RgbImage> {
  const bytes = await readFile(path);
  const format = formatOf(bytes);
  if (format === null) throw new FormatError(`${path} is neither a PNG nor a JPEG file`);
  const { default: sharp } = await import("sharp");
  // Only these loaders: the others are code that nobody asked to run on files from strangers.
  sharp.block({ operation: ["VipsForeignLoad"] });
  sharp.unblock({ operation: ["VipsForeignLoadPng", "VipsForeignLoadJpeg"] });
  try {
    const { data, info } = await sharp(bytes, { limitInputPixels: MAX_PIXELS, failOn: "error", pages: 1 })
      .autoOrient()
      .resize({ width: MAX_SIDE, height: MAX_SIDE, fit: "inside", withoutEnlargement: true })
      .flatten({ background: paperFor(await isLightInk(sharp, bytes)) })
      .toColourspace("srgb")
      .removeAlpha()
      .raw()
      .toBuffer({ resolveWithObject: true });
    if (info.channels !== 3) throw new FormatError(`${info.channels} channels`);
    return { width: info.width, height: info.height, pixels: data };
  } catch (error) {
    throw new FormatError(`${path} is not a sound ${format} file: ${(error as Error).message}`, { cause: error });
  }
}

/** By the first bytes, not by the name. */
function formatOf(bytes: Uint8Array): "PNG" | "JPEG" | null {
  if ([0x89, 0x50, 0x4e, 0x47].every((byte, i) => bytes[i] === byte)) return "PNG";
  if ([0xff, 0xd8, 0xff].every((byte, i) => bytes[i] === byte)) return "JPEG";
  return null;
}

/** Light ink on nothing wants dark paper, dark ink on nothing light paper. */
function paperFor(lightInk: boolean): string {
  return lightInk ? "#000" : "#fff";
}

/** Whether what is opaque in a transparent picture is light. */
async function isLightInk(sharp: (typeof import("sharp"))["default"], bytes: Uint8Array): Promise<boolean> {
  const options = { limitInputPixels: MAX_PIXELS, pages: 1 };
  const { hasAlpha } = await sharp(bytes, options).metadata();
  if (!hasAlpha) return false;
  const small = sharp(bytes, options).resize(64, 64, { fit: "inside" }).toColourspace("srgb").ensureAlpha();
  const data = await small.raw().toBuffer();
  let light = 0;
  let weight = 0;
  for (let i = 0; i + 3 < data.length; i += 4) {
    light += data[i + 3]! * (0.299 * data[i]! + 0.587 * data[i + 1]! + 0.114 * data[i + 2]!);
    weight += data[i + 3]!;
  }
  return weight > 0 && light / weight > 127;
}
