import { UsageError } from "../base/errors.ts";
import { writeFileAtomic } from "../io/files.ts";
import type { Picture } from "./sample.ts";

// Node only: nothing that a browser loads imports this file.

/** Writes a picture of one to four channels as a PNG file; a file that was there stays until the new one is complete. */
export async function writeImage(path: string, picture: Picture): Promise<void> {
  await writeFileAtomic(path, await encodePng(picture));
}

/** The bytes of a PNG file. */
export async function encodePng({ width, height, channels, pixels }: Picture): Promise<Uint8Array> {
  if (!(channels === 1 || channels === 2 || channels === 3 || channels === 4)) {
    throw new UsageError(`encodePng: a PNG file has 1 to 4 channels, the picture has ${channels}`);
  }
  const { default: sharp } = await import("sharp");
  return sharp(pixels, { raw: { width, height, channels } }).png().toBuffer();
}
