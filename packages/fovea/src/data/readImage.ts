import { getEnvironmentData, setEnvironmentData } from "node:worker_threads";
import { FormatError } from "../base/errors.ts";
import { readFile } from "../io/files.ts";
import type { RgbImage } from "./image.ts";

// Node only: nothing that a browser loads imports this file.

export interface ReadImageOptions {
  /** Pictures with more pixels are refused: a small file must not fill the memory. Default 100 million. */
  readonly maxPixels?: number;
  /** Longer sides are scaled down to this; default: none are. */
  readonly maxSide?: number;
  /** What shows where a picture is transparent; by default white behind dark ink and black behind light ink. */
  readonly background?: string;
}

/** Reads a JPEG, PNG or WebP file, whatever its name, turned the way its EXIF data says. */
export async function readImage(path: string, options: ReadImageOptions = {}): Promise<RgbImage> {
  return decodeImage(await readFile(path), path, options);
}

/**
 * Decodes the bytes of a JPEG, PNG or WebP file. `name` appears in the errors, which are FormatErrors.
 *
 * Colour profiles are left alone, as in the pipelines that networks were trained with. A file that is damaged or cut
 * short is refused. Once it has been called, sharp opens no other formats in this process.
 */
export async function decodeImage(bytes: Uint8Array, name: string, options: ReadImageOptions = {}): Promise<RgbImage> {
  const { maxPixels = 100_000_000, maxSide, background } = options;
  const format = formatOf(bytes);
  if (format === null) throw new FormatError(`${name} is neither a JPEG nor a PNG nor a WebP file`);
  const sharp = await restrictedSharp();
  const open = () => sharp(bytes, { limitInputPixels: maxPixels, failOn: "error", pages: 1, ignoreIcc: true });
  try {
    const { space, hasAlpha } = await open().metadata();
    let picture = open().autoOrient();
    if (maxSide !== undefined) {
      picture = picture.resize({ width: maxSide, height: maxSide, fit: "inside", withoutEnlargement: true });
    }
    if (space === "cmyk") return fromInks(await raw(picture.pipelineColourspace("cmyk").toColourspace("cmyk"), 4));
    if (hasAlpha)
      picture = picture.flatten({ background: background ?? ((await isLightInk(open())) ? "#000" : "#fff") });
    const { data, width, height } = await raw(picture.toColourspace("srgb").removeAlpha(), 3);
    return { width, height, pixels: data };
  } catch (error) {
    throw new FormatError(`${name} is not a sound ${format} file: ${oneLine((error as Error).message)}`, {
      cause: error,
    });
  }
}

/** Width and height of a picture, turned the way its EXIF data says, from its head alone. `name` is for errors. */
export async function readSize(bytes: Uint8Array, name: string): Promise<[width: number, height: number]> {
  if (formatOf(bytes) === null) throw new FormatError(`${name} is neither a JPEG nor a PNG nor a WebP file`);
  const sharp = await restrictedSharp();
  try {
    const { autoOrient } = await sharp(bytes).metadata();
    return [autoOrient.width, autoOrient.height];
  } catch (error) {
    throw new FormatError(`${name} is not a sound ${formatOf(bytes)} file: ${oneLine((error as Error).message)}`, {
      cause: error,
    });
  }
}

let restricted: ReturnType<typeof restrictSharp> | null = null;
const RESTRICTED = "fovea: sharp is restricted";

/** @internal sharp with these loaders only: the others are code that nobody asked to run on files from strangers. */
export function restrictedSharp(): ReturnType<typeof restrictSharp> {
  return (restricted ??= restrictSharp());
}

async function restrictSharp() {
  const { default: sharp } = await import("sharp");
  // Once in a process, of which worker threads are told: while another call blocked and unblocked, a picture being
  // decoded would be refused.
  if (getEnvironmentData(RESTRICTED) !== true) {
    sharp.block({ operation: ["VipsForeignLoad"] });
    sharp.unblock({ operation: ["VipsForeignLoadJpeg", "VipsForeignLoadPng", "VipsForeignLoadWebp"] });
    setEnvironmentData(RESTRICTED, true);
  }
  return sharp;
}

type Picture = ReturnType<(typeof import("sharp"))["default"]>;

interface Raw {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}

async function raw(picture: Picture, channels: number): Promise<Raw> {
  const { data, info } = await picture.raw().toBuffer({ resolveWithObject: true });
  if (info.channels !== channels) throw new FormatError(`it has ${info.channels} channels, not ${channels}`);
  // Not as a Buffer, whose slice() and toString() are others.
  return { width: info.width, height: info.height, data: new Uint8Array(data.buffer, data.byteOffset, data.length) };
}

/** By the first bytes, not by the name. */
function formatOf(bytes: Uint8Array): "PNG" | "JPEG" | "WebP" | null {
  const has = (text: string, at = 0) => Array.from(text).every((c, i) => bytes[at + i] === c.charCodeAt(0));
  if (has("\x89PNG")) return "PNG";
  if (has("\xff\xd8\xff")) return "JPEG";
  return has("RIFF") && has("WEBP", 8) ? "WebP" : null;
}

/** Cyan, magenta, yellow and black, each of which lets a share of the light through. */
function fromInks({ width, height, data }: Raw): RgbImage {
  const pixels = new Uint8Array(3 * width * height);
  for (let from = 0, to = 0; from < data.length; from += 4, to += 3) {
    const light = 255 - data[from + 3]!;
    for (let c = 0; c < 3; c++) pixels[to + c] = Math.round(((255 - data[from + c]!) * light) / 255);
  }
  return { width, height, pixels };
}

/** Whether what is opaque in a transparent picture is light. */
async function isLightInk(picture: Picture): Promise<boolean> {
  const small = picture.resize(64, 64, { fit: "inside" }).toColourspace("srgb").ensureAlpha();
  const { data } = await raw(small, 4);
  let light = 0;
  let weight = 0;
  for (let i = 0; i + 3 < data.length; i += 4) {
    light += data[i + 3]! * (0.299 * data[i]! + 0.587 * data[i + 1]! + 0.114 * data[i + 2]!);
    weight += data[i + 3]!;
  }
  return weight > 0 && light / weight > 127;
}

function oneLine(text: string): string {
  return text.trim().replace(/\s*\n\s*/g, "; ");
}
