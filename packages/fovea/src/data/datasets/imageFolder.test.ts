import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { FormatError, FoveaError } from "../../base/errors.ts";
import { shared, unpacked } from "../../testing/shared.ts";
import type { PictureEntry } from "../entry.ts";
import type { FileDataset } from "../fileDataset.ts";
import { DataLoader } from "../loader.ts";
import type { Sample } from "../sample.ts";
import { splitIndices, subset } from "../subset.ts";
import { imageFolder } from "./imageFolder.ts";

let root: string;
let picture: Buffer;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "fovea-folder-"));
  picture = await sharp({ create: { width: 3, height: 2, channels: 3, background: "#ff8000" } })
    .png()
    .toBuffer();
});
afterAll(() => rm(root, { recursive: true }));

/** A new folder with files: pictures, or the text given. */
async function folder(files: readonly (string | [path: string, text: string])[]): Promise<string> {
  const made = await mkdtemp(join(root, "d-"));
  for (const file of files) {
    const [path, bytes] = typeof file === "string" ? [file, picture] : file;
    await mkdir(dirname(join(made, path)), { recursive: true });
    await writeFile(join(made, path), bytes);
  }
  return made;
}

const filesOf = (data: FileDataset, from: string) =>
  (data.entries as PictureEntry[]).map(({ file, label }) => [file.slice(from.length + 1), label]);

describe("imageFolder", () => {
  it("takes class folders in the order of their names, at any depth, without hidden files", async () => {
    const path = await folder([
      "cat/2.jpg",
      "cat/1.PNG",
      "ant/deep/er/x.webp",
      ".git/a/b.png",
      "ant/.hidden.png",
      "cat/__MACOSX/y.png",
    ]);
    const { classes, train, validation, problems } = await imageFolder(path);
    expect(classes).toEqual(["ant", "cat"]);
    expect(filesOf(train, path)).toEqual([
      ["ant/deep/er/x.webp", 0],
      ["cat/1.PNG", 1],
      ["cat/2.jpg", 1],
    ]);
    expect([...train.labels!]).toEqual([0, 1, 1]);
    expect([validation, problems]).toEqual([undefined, []]);
    expect(await train.sample(0)).toMatchObject({ label: 0, image: { width: 3, height: 2, channels: 3 } });
    expect((await train.sample(0)).image.pixels.subarray(0, 3)).toEqual(Uint8Array.of(255, 128, 0));
  });

  it("reads grey by ITU-R 601", async () => {
    const { train } = await imageFolder(await folder(["a/1.png"]), { channels: 1 });
    const { image } = await train.sample(0);
    // 0.299 · 255 + 0.587 · 128 + 0.114 · 0 = 151.4
    expect([image.channels, [...image.pixels]]).toEqual([1, [151, 151, 151, 151, 151, 151]]);
  });

  it("knows train, validation and test folders by their usual names", async () => {
    const path = await folder(["Train/a/1.png", "Train/b/2.png", "val/a/3.png", "val/b/4.png", "test/b/5.png"]);
    const { train, validation, test, problems } = await imageFolder(path);
    expect(filesOf(train, path)).toEqual([
      ["Train/a/1.png", 0],
      ["Train/b/2.png", 1],
    ]);
    expect(filesOf(validation!, path)).toEqual([
      ["val/a/3.png", 0],
      ["val/b/4.png", 1],
    ]);
    expect(filesOf(test!, path)).toEqual([["test/b/5.png", 1]]);
    expect(problems).toEqual([`${path}: test has no pictures of a, which train has`]);
  });

  it("takes train for a class where its neighbours are classes", async () => {
    const { classes } = await imageFolder(await folder(["train/1.png", "plane/2.png", "bus/3.png"]));
    expect(classes).toEqual(["bus", "plane", "train"]);
  });

  it("reads lists with and without a head", async () => {
    const list = 'split,file,label\ntrain,x/1.png,"cat, small"\nval,x/2.png,"cat, small"\r\n\n,x/3.png,dog\n';
    const path = await folder([
      "x/1.png",
      "x/2.png",
      "x/3.png",
      ["list.csv", list],
      ["plain.CSV", "x/3.png,dog\nx/1.png,cat"],
    ]);
    const named = await imageFolder(join(path, "list.csv"));
    expect(named.classes).toEqual(["cat, small", "dog"]);
    expect(filesOf(named.train, path)).toEqual([
      ["x/1.png", 0],
      ["x/3.png", 1],
    ]);
    expect(filesOf(named.validation!, path)).toEqual([["x/2.png", 0]]);
    expect(filesOf((await imageFolder(join(path, "plain.CSV"))).train, path)).toEqual([
      ["x/1.png", 0],
      ["x/3.png", 1],
    ]);
    const alone = await folder(["x/1.png", ["labels.csv", "file,label\nx/1.png,b\n"]]);
    expect((await imageFolder(alone)).classes).toEqual(["b"]);
  });

  it("does not follow links to folders above, nor dangling ones", async () => {
    const path = await folder(["a/1.png", "b/2.png"]);
    await symlink(path, join(path, "a/loop"));
    await symlink(join(path, "nowhere"), join(path, "b/gone.png"));
    await symlink(join(path, "a/1.png"), join(path, "b/3.png"));
    const { train } = await imageFolder(path);
    expect(filesOf(train, path)).toEqual([
      ["a/1.png", 0],
      ["b/2.png", 1],
      ["b/3.png", 1],
    ]);
  });

  it("says what it passes over; strict refuses it", async () => {
    const path = await folder(["a/1.png", "b/2.png", "stray.png", ["a/notes.txt", ""], ["b/x.gif", ""]]);
    await mkdir(join(path, "empty"));
    const { classes, problems } = await imageFolder(path);
    expect(classes).toEqual(["a", "b"]);
    expect(problems).toEqual([
      `1 picture directly in ${path} (stray.png) without a class folder: left out`,
      `1 file in ${path} (a/notes.txt), no JPEG, PNG or WebP by name: left out`,
      `1 file in ${path} (b/x.gif), no JPEG, PNG or WebP by name: left out`,
      `the class folder ${path}/empty has no pictures: there is no class empty`,
    ]);
    await expect(imageFolder(path, { strict: true })).rejects.toThrow(FormatError);
  });

  it.each<[string, (string | [string, string])[], string]>([
    ["no pictures", [["a/x.txt", ""]], "has no training pictures"],
    ["nothing", [], "has no training pictures"],
    [
      "a class of validation alone",
      ["train/ants/1.png", "train/bees/1.png", "val/ants/2.png", "val/bee/2.png"],
      'validation has a class "bee" that train does not have (train: ants, bees); did you mean "bees"? Rename it',
    ],
    ["another spelling", ["train/ants/1.png", "test/Ants/2.png"], 'did you mean "ants"?'],
    ["two validation folders", ["train/a/1.png", "val/a/2.png", "valid/a/3.png"], "two folders for validation"],
    ["a list with a hole", [["l.csv", "file,label\na.png,\n"]], 'row 2 is "a.png,"'],
    [
      "a list with another split",
      [["l.csv", "file,label,split\na.png,b,perhaps\n"]],
      "wanted file,label and perhaps a split",
    ],
    ["a list with an open quote", [["l.csv", 'file,label\n"a.png,b\n']], "line 2 has a quote"],
  ])("refuses %s", async (_, files, message) => {
    const tried = imageFolder(await folder(files));
    await expect(tried).rejects.toThrow(FoveaError);
    await expect(tried).rejects.toThrow(message);
  });

  it("names a folder that is not there, and a file that is no folder", async () => {
    await expect(imageFolder(join(root, "none"))).rejects.toThrow("there is no such folder");
    await expect(imageFolder(join(await folder(["1.png"]), "1.png"))).rejects.toThrow("it is a file");
  });

  it("zero-byte and damaged pictures are told by name when they are read, and can be skipped", async () => {
    const path = await folder(["a/1.png", ["a/2.png", ""], ["a/3.png", "\x89PNG, not really"], "b/4.png"]);
    const { train } = await imageFolder(path);
    await expect(train.sample(1)).rejects.toThrow(/2\.png is neither a JPEG nor a PNG nor a WebP file/);
    const loader = new DataLoader(train, { shuffle: false, onBadSample: "skip" });
    for await (const batch of loader.epoch(0)) expect([...batch.indices]).toEqual([0, 3]);
    expect(loader.badSamples.map(({ name }) => name.slice(-5))).toEqual(["2.png", "3.png"]);
  });
});

describe("subset and split", () => {
  const labels = Int32Array.from({ length: 100 }, (_, i) => (i < 90 ? 0 : i < 99 ? 1 : 2));
  const sample = (i: number): Sample => ({
    image: { width: 1, height: 1, channels: 1, pixels: Uint8Array.of(i) },
    label: labels[i]!,
  });
  const data = { name: "d", length: 100, classes: ["a", "b", "c"], labels, sample };

  it("cut each class in the same proportion, by seed", () => {
    const [first, second] = splitIndices(data, 0.8, { seed: 3 });
    expect([...first, ...second].toSorted((a, b) => a - b)).toEqual(Array.from({ length: 100 }, (_, i) => i));
    const count = (part: Uint32Array, label: number) => part.filter((i) => labels[i] === label).length;
    expect([0, 1, 2].map((label) => [count(first, label), count(second, label)])).toEqual([
      [72, 18],
      [7, 2],
      [1, 0],
    ]);
    expect(splitIndices(data, 0.8, { seed: 3 })).toEqual([first, second]);
    expect(splitIndices(data, 0.8, { seed: 4 })).not.toEqual([first, second]);
    expect(splitIndices(data, 0.99, { stratify: false })[1]).toHaveLength(1);
    expect(() => splitIndices(data, 1.5)).toThrow("between 0 and 1");
  });

  it("share samples, and refuse places that are not there", async () => {
    const part = subset(data, [99, 5]);
    expect([part.length, Array.from(part.labels!)]).toEqual([2, [2, 0]]);
    expect((await part.sample(0)).image.pixels[0]).toBe(99);
    expect(() => subset(data, [100])).toThrow("d has no sample 100; there are 100");
    expect(() => part.sample(2)).toThrow("there is no sample 2; there are 2");
  });
});

const archives = ["train_half", "val_half"].map((name) => shared(`data/hymenoptera/${name}.tar.gz`));

describe.skipIf(archives.includes(null))("hymenoptera", () => {
  it("has 122 training and 76 validation photos of ants and bees", async () => {
    const [train, val] = await Promise.all(archives.map((archive) => unpacked(archive!, root)));
    const data = await imageFolder(train!);
    expect(data.classes).toEqual(["ants", "bees"]);
    expect(data.train.length).toBe(122);
    expect((await imageFolder(join(val!, "val"))).train.length).toBe(76);
  });
});
