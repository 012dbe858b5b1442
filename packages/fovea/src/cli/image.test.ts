import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { FormatError, FoveaError } from "../base/errors.ts";
import { loadImage } from "./image.ts";

let folder: string;
beforeAll(async () => void (folder = await mkdtemp(join(tmpdir(), "fovea-image-"))));
afterAll(() => rm(folder, { recursive: true, force: true }));

async function file(name: string, bytes: Uint8Array | string): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, bytes);
  return path;
}

/** 3 wide, 2 high, red above blue. */
const picture = () =>
  sharp(Buffer.from([255, 0, 0, 255, 0, 0, 255, 0, 0, 0, 0, 255, 0, 0, 255, 0, 0, 255]), {
    raw: { width: 3, height: 2, channels: 3 },
  });

describe("loadImage", () => {
  it("reads PNG", async () => {
    const image = await loadImage(await file("a.png", await picture().png().toBuffer()));
    expect([image.width, image.height]).toEqual([3, 2]);
    expect([...image.pixels.slice(0, 3), ...image.pixels.slice(9, 12)]).toEqual([255, 0, 0, 0, 0, 255]);
  });

  it("goes by the contents, not by the name", async () => {
    const image = await loadImage(await file("b.txt", await picture().jpeg().toBuffer()));
    expect([image.width, image.height]).toEqual([3, 2]);
  });

  it("turns a JPEG as its EXIF data says", async () => {
    const turned = await picture().withMetadata({ orientation: 6 }).jpeg().toBuffer(); // 6: a quarter turn clockwise
    const image = await loadImage(await file("c.jpg", turned));
    expect([image.width, image.height]).toEqual([2, 3]);
  });

  it("grey and 16-bit files become RGB bytes", async () => {
    const grey = await picture().greyscale().toColourspace("grey16").png().toBuffer();
    const { pixels } = await loadImage(await file("d.png", grey));
    expect(pixels).toHaveLength(18);
    expect(pixels[0]).toBe(pixels[1]);
  });

  it.each([
    ["dark ink", 0, 255],
    ["light ink", 255, 0],
  ])("where a picture is transparent, %s gets paper of the other kind", async (_, ink, paper) => {
    const rgba = Buffer.alloc(4 * 16, 0); // transparent black
    rgba.set([ink, ink, ink, 255], 0);
    const png = await sharp(rgba, { raw: { width: 4, height: 4, channels: 4 } })
      .png()
      .toBuffer();
    const { pixels } = await loadImage(await file("e.png", png));
    expect([pixels[0], pixels[47]]).toEqual([ink, paper]);
  });

  it("scales a very large picture down", async () => {
    const large = sharp({ create: { width: 5000, height: 100, channels: 3, background: "#888" } });
    const image = await loadImage(await file("f.png", await large.png().toBuffer()));
    expect([image.width, image.height]).toEqual([2048, 41]);
  });

  it.each([
    ["a GIF", "GIF89a......", /neither a PNG nor a JPEG/],
    ["an SVG", "<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>", /neither a PNG nor a JPEG/],
    ["an empty file", "", /neither a PNG nor a JPEG/],
    ["a PNG signature and nothing else", Buffer.from("89504e470d0a1a0a", "hex"), /not a sound PNG/],
    ["a JPEG that is cut short", "\xff\xd8\xff\xe0", /neither|not a sound JPEG/],
  ])("refuses %s", async (_, bytes, message) => {
    const error = await loadImage(await file("bad", bytes)).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(FormatError);
    expect((error as Error).message).toMatch(message);
  });

  it("refuses a PNG that is cut short, and one with too many pixels", async () => {
    const noise = Buffer.from(Array.from({ length: 300 * 300 * 3 }, (_, i) => (i * 7919) % 251));
    const png = await sharp(noise, { raw: { width: 300, height: 300, channels: 3 } })
      .png()
      .toBuffer();
    await expect(loadImage(await file("g.png", png.subarray(0, png.length >> 1)))).rejects.toThrow(/not a sound PNG/);
    const header = Buffer.from(png);
    header.writeUInt32BE(100_000, 16);
    header.writeUInt32BE(100_000, 20);
    await expect(loadImage(await file("h.png", header))).rejects.toThrow(/not a sound PNG/);
  });

  it("names a file that is not there", async () => {
    const error = await loadImage(join(folder, "none.png")).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(FoveaError);
    expect((error as Error).message).toMatch(/cannot read .*none\.png: there is no such file/);
  });
});
