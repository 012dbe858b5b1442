import { FormatError } from "../base/errors.ts";
import { readFile } from "../io/files.ts";
import { readWav } from "./datasets/wav.ts";
import type { Entry, FramesEntry, PictureEntry, WaveEntry } from "./entry.ts";
import { resizeImage, type RgbImage } from "./image.ts";
import { maskOfPicture, maskOfShapes } from "./masks.ts";
import { readImage } from "./readImage.ts";
import type { AnySample, ArraySample, Mask, Picture, Sample } from "./sample.ts";

// Node only: nothing that a browser loads imports this file.

/** Reads and decodes a sample. */
export function readEntry(entry: Entry): Promise<AnySample> {
  if (entry.kind === "picture") return readPicture(entry);
  return entry.kind === "frames" ? readFrames(entry) : readWave(entry);
}

async function readPicture({ file, channels = 3, label, boxes, keypoints, mask }: PictureEntry): Promise<Sample> {
  const image = asPicture(await readImage(file), channels);
  return {
    image,
    ...(label !== undefined && { label }),
    ...(boxes && { boxes }),
    ...(keypoints && { keypoints }),
    ...(mask && { mask: await readMask(mask, image, file) }),
  };
}

async function readMask(mask: NonNullable<PictureEntry["mask"]>, image: Picture, file: string): Promise<Mask> {
  const { width, height } = image;
  if (!("file" in mask)) return maskOfShapes(mask, width, height, file);
  const read = maskOfPicture(await readImage(mask.file), mask);
  if (read.width === width && read.height === height) return read;
  throw new FormatError(`${mask.file} is ${read.width} × ${read.height}, but its picture ${file} ${width} × ${height}`);
}

async function readFrames({ files, size, channels, label }: FramesEntry): Promise<ArraySample> {
  const [height, width] = size;
  const plane = height * width;
  const x = new Float32Array(channels * files.length * plane);
  for (const [frame, file] of files.entries()) {
    const { pixels } = asPicture(resizeImage(await readImage(file), { height, width }), channels);
    for (let c = 0; c < channels; c++) {
      const start = (c * files.length + frame) * plane;
      for (let i = 0; i < plane; i++) x[start + i] = pixels[i * channels + c]! / 255;
    }
  }
  return { x, shape: [channels, files.length, height, width], ...(label !== undefined && { label }) };
}

async function readWave({ file, sampleRate, length, label }: WaveEntry): Promise<ArraySample> {
  const wave = readWav(await readFile(file), file);
  if (wave.sampleRate !== sampleRate) {
    throw new FormatError(`${file} has ${wave.sampleRate} samples per second, not ${sampleRate} as the others`);
  }
  const x = new Float32Array(length);
  const count = wave.channels.length;
  for (const channel of wave.channels) {
    const most = Math.min(length, channel.length);
    for (let i = 0; i < most; i++) x[i] = x[i]! + channel[i]! / count;
  }
  return { x, shape: [1, length], ...(label !== undefined && { label }) };
}

/** RGB as it is, or grey by ITU-R 601 as Pillow's "L". */
function asPicture({ width, height, pixels }: RgbImage, channels: 1 | 3): Picture {
  if (channels === 3) return { width, height, channels, pixels };
  const grey = new Uint8Array(width * height);
  for (let i = 0, at = 0; i < grey.length; i++, at += 3) {
    grey[i] = (19595 * pixels[at]! + 38470 * pixels[at + 1]! + 7471 * pixels[at + 2]! + 0x8000) >> 16;
  }
  return { width, height, channels, pixels: grey };
}
