import { readdirSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { FormatError, FoveaError } from "../base/errors.ts";
import { shared, unpacked } from "../testing/shared.ts";
import { decodeImage, readImage } from "./readImage.ts";

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

describe("readImage", () => {
  it("reads PNG", async () => {
    const image = await readImage(await file("a.png", await picture().png().toBuffer()));
    expect([image.width, image.height]).toEqual([3, 2]);
    expect([...image.pixels.slice(0, 3), ...image.pixels.slice(9, 12)]).toEqual([255, 0, 0, 0, 0, 255]);
  });

  it("reads WebP", async () => {
    const image = await readImage(await file("a.webp", await picture().webp({ lossless: true }).toBuffer()));
    expect([image.width, image.height]).toEqual([3, 2]);
    expect([...image.pixels.slice(0, 3), ...image.pixels.slice(9, 12)]).toEqual([255, 0, 0, 0, 0, 255]);
  });

  it("goes by the contents, not by the name", async () => {
    const image = await readImage(await file("b.txt", await picture().jpeg().toBuffer()));
    expect([image.width, image.height]).toEqual([3, 2]);
  });

  it("turns a JPEG as its EXIF data says", async () => {
    const turned = await picture().withMetadata({ orientation: 6 }).jpeg().toBuffer(); // 6: a quarter turn clockwise
    const image = await readImage(await file("c.jpg", turned));
    expect([image.width, image.height]).toEqual([2, 3]);
  });

  it("grey and 16-bit files become RGB bytes", async () => {
    const grey = await picture().greyscale().toColourspace("grey16").png().toBuffer();
    const { pixels } = await readImage(await file("d.png", grey));
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
    const { pixels } = await readImage(await file("e.png", png));
    expect([pixels[0], pixels[47]]).toEqual([ink, paper]);
  });

  it("scales a very large picture down on request", async () => {
    const large = sharp({ create: { width: 5000, height: 100, channels: 3, background: "#888" } });
    const image = await readImage(await file("f.png", await large.png().toBuffer()), { maxSide: 2048 });
    expect([image.width, image.height]).toEqual([2048, 41]);
  });

  it.each([
    ["a GIF", "GIF89a......", /neither a JPEG nor a PNG/],
    ["an SVG", "<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>", /neither a JPEG nor a PNG/],
    ["an empty file", "", /neither a JPEG nor a PNG/],
    ["a PNG signature and nothing else", Buffer.from("89504e470d0a1a0a", "hex"), /not a sound PNG/],
    ["a JPEG that is cut short", "\xff\xd8\xff\xe0", /neither|not a sound JPEG/],
  ])("refuses %s", async (_, bytes, message) => {
    const error = await readImage(await file("bad", bytes)).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(FormatError);
    expect((error as Error).message).toMatch(message);
  });

  it("refuses a PNG that is cut short, and one with too many pixels", async () => {
    const noise = Buffer.from(Array.from({ length: 300 * 300 * 3 }, (_, i) => (i * 7919) % 251));
    const png = await sharp(noise, { raw: { width: 300, height: 300, channels: 3 } })
      .png()
      .toBuffer();
    await expect(readImage(await file("g.png", png.subarray(0, png.length >> 1)))).rejects.toThrow(/not a sound PNG/);
    const header = Buffer.from(png);
    header.writeUInt32BE(100_000, 16);
    header.writeUInt32BE(100_000, 20);
    await expect(readImage(await file("h.png", header))).rejects.toThrow(/not a sound PNG/);
  });

  it("many at once are all read", async () => {
    const png = await file("many.png", await picture().png().toBuffer());
    const images = await Promise.all(Array.from({ length: 64 }, () => readImage(png)));
    expect(images.every(({ width }) => width === 3)).toBe(true);
  });

  it("names a file that is not there", async () => {
    const error = await readImage(join(folder, "none.png")).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(FoveaError);
    expect((error as Error).message).toMatch(/cannot read .*none\.png: there is no such file/);
  });
});

/** The largest difference of two byte arrays, and how often it is above 2. */
function differences(got: ArrayLike<number>, want: ArrayLike<number>): { largest: number; above2: number } {
  let [largest, above2] = [0, 0];
  for (let i = 0; i < want.length; i++) {
    const d = Math.abs(got[i]! - want[i]!);
    largest = Math.max(largest, d);
    if (d > 2) above2++;
  }
  return { largest, above2 };
}

const jpegs = shared("data/jpeg-suite/jpeg_decoder_tests.tar.gz");

describe.skipIf(jpegs === null)("the JPEG suite of image-rs/jpeg-decoder", () => {
  let tests: string;
  beforeAll(async () => void (tests = join(await unpacked(jpegs!, folder), "tests")));

  // 10 and 16 bits per sample, lossless: libjpeg-turbo, as built into sharp, has no decoder for them.
  const refused = ["jpeg_lossless_sel3.jpg", "jpeg_lossless_sel6.jpg", "lossless16bit.jpg", "XA1.jpg"];

  it("pixels are those of the suite's PNG files, ± 2", async () => {
    const root = join(tests, "reftest/images");
    const files = readdirSync(root, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".jpg"));
    let compared = 0;
    for (const name of files) {
      const path = join(root, name);
      if (refused.some((other) => name.endsWith(other))) {
        await expect(readImage(path), name).rejects.toThrow(`${path} is not a sound JPEG file`);
        continue;
      }
      const got = await readImage(path);
      const want = await readImage(path.replace(/jpg$/, "png"));
      expect([got.width, got.height], name).toEqual([want.width, want.height]);
      const { largest, above2 } = differences(got.pixels, want.pixels);
      // Both round YCCK → CMYK → RGB twice; 19 of half a million values are 3 apart.
      expect(largest, name).toBeLessThanOrEqual(name === "ycck.jpg" ? 3 : 2);
      expect(above2, name).toBeLessThan(20);
      compared++;
    }
    expect(compared).toBe(files.length - refused.length);
  });

  it("damaged files give a picture or an error that names them", async () => {
    const root = join(tests, "crashtest/images");
    const files = readdirSync(root, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".jpg"));
    let errors = 0;
    for (const name of files) {
      const found = await readImage(join(root, name)).catch((error: unknown) => error as Error);
      if (!(found instanceof Error)) continue;
      expect(found, name).toBeInstanceOf(FormatError);
      expect(found.message).toContain(join(root, name));
      expect(found.message).not.toContain("\n");
      errors++;
    }
    expect(files.length).toBe(67);
    expect(errors).toBeGreaterThan(40);
  });
});

const pngs = shared("data/png-suite/pngsuite.tar.gz");

describe.skipIf(pngs === null)("PngSuite", () => {
  let root: string;
  beforeAll(async () => void (root = await unpacked(pngs!, folder)));

  it("pixels are those of the suite; files whose name starts with x are refused", async () => {
    let compared = 0;
    for (const name of readdirSync(join(root, "png"))) {
      const path = join(root, "png", name);
      if (name.startsWith("x")) {
        const error = await readImage(path).catch((e: unknown) => e);
        expect(error, name).toBeInstanceOf(FormatError);
        expect((error as Error).message).toContain(path);
        continue;
      }
      const want = await expected(name.slice(0, -4));
      if (want === null) continue;
      const { pixels } = await readImage(path, { background: "#fff" });
      // RGBA on white. 16-bit values are cut to their upper byte, where the suite rounds.
      const onWhite = Array.from({ length: pixels.length }, (_, i) => {
        const at = 4 * Math.floor(i / 3);
        const alpha = want.values[at + 3]! / want.most;
        return alpha * (want.values[at + (i % 3)]! * (255 / want.most)) + (1 - alpha) * 255;
      });
      const transparent = want.values.some((v, i) => i % 4 === 3 && v !== want.most);
      const tolerance = (want.wide ? 1 : 0) + (transparent ? 1 : 0);
      expect(differences(pixels, onWhite).largest, name).toBeLessThanOrEqual(tolerance + 1e-9);
      compared++;
    }
    expect(compared).toBeGreaterThan(70);
  });

  /** RGBA of a file, 0 … most; null where the (shortened) suite has none. */
  async function expected(stem: string): Promise<{ values: number[]; most: number; wide: boolean } | null> {
    for (const name of [`${stem}_to8`, stem]) {
      const text = await readFile(join(root, "json", `${name}.json`), "utf8").catch(() => null);
      if (text === null) continue;
      const values = JSON.parse(text) as number[];
      const wide = stem.endsWith("16");
      return { values, most: wide && name === stem ? 65535 : 255, wide };
    }
    return null;
  }
});

it("the limit of pixels is the caller's", async () => {
  const png = await sharp({ create: { width: 100, height: 100, channels: 3, background: "#888" } })
    .png()
    .toBuffer();
  await expect(decodeImage(png, "p.png", { maxPixels: 9999 })).rejects.toThrow(/p\.png .*pixel limit/);
});
