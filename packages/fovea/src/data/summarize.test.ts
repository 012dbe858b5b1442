import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import sharp, { type Sharp } from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { FoveaError } from "../base/errors.ts";
import { RandomStream } from "../base/random.ts";
import { shared, unpacked } from "../testing/shared.ts";
import { imageFolder } from "./datasets/imageFolder.ts";
import { openDataset } from "./datasets/open.ts";
import { alikeGroups, lookOf } from "./duplicates.ts";
import type { PictureEntry } from "./entry.ts";
import type { FileDataset } from "./fileDataset.ts";
import type { RgbImage } from "./image.ts";
import { splitFile } from "./suggestSplit.ts";
import { requireTrainable, summarizeDataset, type Found } from "./summarize.ts";

let root: string;
beforeAll(async () => void (root = await mkdtemp(join(tmpdir(), "fovea-summary-"))));
afterAll(() => rm(root, { recursive: true }));

/** A smooth picture of a seed, unlike those of others. */
function scene(seed: number, side = 96): RgbImage {
  const random = new RandomStream(seed);
  const waves = Array.from(
    { length: 9 },
    () => [random.uniform() * 6, random.uniform() * 6, random.uniform() * 6.28] as const,
  );
  const pixels = new Uint8Array(3 * side * side);
  for (let i = 0; i < pixels.length; i++) {
    const [c, x, y] = [i % 3, (Math.floor(i / 3) % side) / side, Math.floor(i / (3 * side)) / side];
    let v = 0;
    for (const [fx, fy, phase] of waves.slice(3 * c, 3 * c + 3)) v += Math.sin(6.28 * (fx * x + fy * y) + phase);
    pixels[i] = 128 + 40 * v;
  }
  return { width: side, height: side, pixels };
}

const open = ({ width, height, pixels }: RgbImage) => sharp(pixels, { raw: { width, height, channels: 3 } });

async function folderOf(files: Readonly<Record<string, Uint8Array | string>>): Promise<string> {
  const folder = await mkdtemp(join(root, "d-"));
  for (const [path, bytes] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), bytes);
  }
  return folder;
}

const names = (groups: readonly (readonly Found[])[], folder: string) =>
  groups.map((group) => group.map(({ name }) => name.slice(name.indexOf(folder.slice(-8)) + 9)));

describe("lookOf and alikeGroups", () => {
  it("finds pictures that were scaled, compressed or a little brightened, and no others", async () => {
    const looks = Array.from({ length: 30 }, (_, seed) => lookOf(scene(seed)));
    for (const change of [
      (picture: Sharp) => picture.resize(60, 60),
      (picture: Sharp) => picture.jpeg({ quality: 40 }),
      (picture: Sharp) => picture.linear(1, 4),
    ]) {
      const bytes = await change(open(scene(3)))
        .toFormat("png")
        .toBuffer();
      const { data, info } = await sharp(bytes).removeAlpha().raw().toBuffer({ resolveWithObject: true });
      looks.push(lookOf({ width: info.width, height: info.height, pixels: new Uint8Array(data) }));
    }
    expect(alikeGroups(looks)).toEqual([[3, 30, 31, 32]]);
  });
});

describe("summarizeDataset", () => {
  it("tells classes, sizes, what cannot be read, and what is there twice", async () => {
    const picture = await open(scene(1)).png().toBuffer();
    const folder = await folderOf({
      "train/ant/1.png": picture,
      "train/ant/2.png": await open(scene(2)).png().toBuffer(),
      "train/ant/3.png": await open(scene(3, 64)).png().toBuffer(),
      "train/ant/4.jpg": await open(scene(5)).png().toBuffer(), // the ending does not matter
      "train/bee/copy.png": picture,
      "train/bee/zero.jpg": "",
      "train/bee/cut.png": picture.subarray(0, 900),
      "train/bee/text.png": "no picture",
      "val/ant/again.jpg": await open(scene(2)).resize(80, 80).jpeg().toBuffer(),
      "val/bee/1.png": await open(scene(9)).png().toBuffer(),
    });
    const summary = await summarizeDataset(await imageFolder(folder));
    expect(summary.parts).toEqual([
      { part: "train", samples: 8, counts: [4, 4] },
      { part: "validation", samples: 2, counts: [1, 1] },
    ]);
    expect(summary.sizes).toEqual({ width: [64, 96, 96], height: [64, 96, 96], different: 3 });
    expect(names([summary.unreadable], folder)).toEqual([
      ["train/bee/cut.png", "train/bee/text.png", "train/bee/zero.jpg"],
    ]);
    expect(summary.unreadable[1]!.why).toMatch(/neither a JPEG nor a PNG/);
    expect(names(summary.duplicates, folder)).toEqual([["train/ant/1.png", "train/bee/copy.png"]]);
    expect(names(summary.near, folder)).toEqual([["train/ant/2.png", "val/ant/again.jpg"]]);
    expect(names(summary.leaks, folder)).toEqual(names(summary.near, folder));
    expect(names(summary.conflicts, folder)).toEqual(names(summary.duplicates, folder));
    expect(summary.errors).toEqual([]);
    expect(summary.warnings).toContain("class bee has 1 training pictures: few to learn from");
    requireTrainable(summary);
  });

  it.each<[string, Record<string, string>, RegExp]>([
    ["one class only", { "cats/1.png": "x" }, /there is one class only \(cats\)/],
    [
      "a class whose pictures cannot be read",
      { "a/1.png": "", "b/1.png": "" },
      /class a has no pictures that can be read; class b/,
    ],
  ])("%s is told, and training with it refused", async (_, files, message) => {
    const summary = await summarizeDataset(await imageFolder(await folderOf(files)));
    expect(() => requireTrainable(summary)).toThrow(FoveaError);
    expect(() => requireTrainable(summary)).toThrow(message);
  });

  it("an empty class folder is a warning, and can be aborted", async () => {
    const folder = await folderOf({ "a/1.png": "", "b/1.png": "" });
    await mkdir(join(folder, "c"));
    expect((await summarizeDataset(await imageFolder(folder))).warnings.join()).toContain("there is no class c");
    const signal = AbortSignal.abort(new Error("enough"));
    await expect(summarizeDataset(await imageFolder(folder), { signal })).rejects.toThrow("enough");
  });
});

describe("splitFile", () => {
  it("splits each class, keeps what looks alike together, and reads back", async () => {
    const files: Record<string, Uint8Array> = {};
    for (let i = 0; i < 20; i++)
      files[`${i < 10 ? "a" : "b"}/${i}.png`] = await open(scene(i % 5 === 0 ? 0 : i))
        .png()
        .toBuffer();
    const folder = await folderOf({ ...files, "b/bad.png": "" });
    const data = await imageFolder(folder);
    const summary = await summarizeDataset(data);
    expect(summary.duplicates.map(({ length }) => length)).toEqual([4]); // 0, 5, 10, 15
    const out = join(folder, "split.csv");
    const csv = splitFile(data, summary, { shares: [60, 20, 20], seed: 1, out });
    expect(csv).toBe(splitFile(data, summary, { shares: [60, 20, 20], seed: 1, out }));
    expect(csv).not.toBe(splitFile(data, summary, { shares: [60, 20, 20], seed: 2, out }));
    await writeFile(out, csv);
    const read = await imageFolder(folder); // by the list that is in it now
    const lengths = [read.train, read.validation!, read.test!].map(({ length }) => length);
    expect(lengths.reduce((a, b) => a + b)).toBe(20);
    expect(Math.min(...lengths)).toBeGreaterThanOrEqual(3);
    const partOf = (part: FileDataset) =>
      (part.entries as PictureEntry[]).filter(({ file }) => /\/(0|5|10|15)\.png$/.test(file)).length;
    expect([read.train, read.validation!, read.test!].map(partOf).filter((n) => n > 0)).toEqual([4]);
  });
});

const archives = ["train_half", "val_half"].map((name) => shared(`data/hymenoptera/${name}.tar.gz`));

it.skipIf(archives.includes(null))("hymenoptera: 122 and 76 photos, all readable", async () => {
  const [train, val] = await Promise.all(archives.map((archive) => unpacked(archive!, root)));
  const [a, b] = [await openDataset(join(train!, "train")), await openDataset(join(val!, "val"))];
  const summary = await summarizeDataset({ train: a.train, validation: b.train });
  expect(summary.parts.map(({ samples }) => samples)).toEqual([122, 76]);
  expect([summary.unreadable, summary.leaks]).toEqual([[], []]);
  expect(summary.sizes!.width[0]).toBeGreaterThan(100);
});
