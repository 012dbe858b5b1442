import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { FormatError, UsageError } from "../../base/errors.ts";
import { readFile } from "../../io/files.ts";
import { encodeNpz } from "../../io/npz.ts";
import { surviveDamage } from "../../testing/hostile.ts";
import { shared, unpacked } from "../../testing/shared.ts";
import { DataLoader } from "../loader.ts";
import { resize } from "../transforms/index.ts";
import { cifar10, cifar100, parseCifar } from "./cifar.ts";
import { frameFolder, waveFolder } from "./clips.ts";
import { cocoDataset, unpackRle } from "./coco.ts";
import { parseCsv } from "./csv.ts";
import { emnist } from "./emnist.ts";
import { maskFolder } from "./maskFolder.ts";
import type { FileSource } from "./mnist.ts";
import { npzDataset } from "./npzDataset.ts";
import { timeSeries } from "./timeSeries.ts";
import { parseVoc, vocColors, vocDataset } from "./voc.ts";

let root: string;
beforeAll(async () => void (root = await mkdtemp(join(tmpdir(), "fovea-readers-"))));
afterAll(() => rm(root, { recursive: true }));

const utf8 = (text: string) => new TextEncoder().encode(text);
const png = (width: number, height: number, fill: (i: number) => number[]) => {
  const bytes = Buffer.from(Array.from({ length: width * height }, (_, i) => fill(i)).flat());
  return sharp(bytes, { raw: { width, height, channels: 3 } })
    .png()
    .toBuffer();
};

/** A new folder with these files. */
async function folderOf(files: Readonly<Record<string, string | Uint8Array>>): Promise<string> {
  const folder = await mkdtemp(join(root, "d-"));
  for (const [path, bytes] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), bytes);
  }
  return folder;
}

describe("CIFAR", () => {
  const record = (...head: number[]) => [...head, ...Array.from({ length: 3072 }, (_, i) => (i + head[0]!) % 256)];
  const source =
    (files: Readonly<Record<string, Uint8Array>>): FileSource =>
    (names) => {
      const name = names.find((n) => n in files);
      return name === undefined
        ? Promise.reject(new Error(`no ${names.join()}`))
        : Promise.resolve({ name, bytes: files[name]! });
    };

  it("10: five files for training, planes of colours", async () => {
    const files = Object.fromEntries([1, 2, 3, 4, 5].map((k) => [`data_batch_${k}.bin`, Uint8Array.from(record(k))]));
    const data = await cifar10(source(files), "train");
    expect([data.length, [...data.labels], data.shape, data.classes[5]]).toEqual([
      5,
      [1, 2, 3, 4, 5],
      [3, 32, 32],
      "dog",
    ]);
    expect(data.image(1)[1025]).toBe((1025 + 2) % 256);
  });

  it("100: two labels, named by the files beside", async () => {
    const names = utf8(Array.from({ length: 20 }, (_, i) => `super${i}`).join("\n"));
    const files = {
      "cifar-100-binary/test.bin": new Uint8Array(gzipSync(Uint8Array.from(record(7, 80)))),
      "coarse_label_names.txt": names,
    };
    const coarse = await cifar100(source(files), "test", { labels: "coarse" });
    expect([coarse.labels[0], coarse.classes[7]]).toEqual([7, "super7"]);
    const fine = await cifar100(source(files), "test");
    expect([fine.labels[0], fine.classes.length]).toEqual([80, 100]);
  });

  it("refuses files that are cut short, labels out of range, and damage of any kind", async () => {
    const options = { name: "b.bin", classes: ["a", "b"] };
    await expect(parseCifar(new Uint8Array(3072), options)).rejects.toThrow("no whole number of pictures of 3073");
    await expect(parseCifar(Uint8Array.from(record(2)), options)).rejects.toThrow("label 2 of image 0");
    const packed = new Uint8Array(gzipSync(Uint8Array.from(record(1))));
    expect(await surviveDamage(packed, (bytes) => parseCifar(bytes, options))).toBeGreaterThan(100);
  });

  const real = shared("data/cifar10/test_first1000.bin.gz");
  it.skipIf(real === null)("the first 1,000 real test pictures", async () => {
    const data = await parseCifar(await readFile(real!), { name: real!, classes: Array.from({ length: 10 }, String) });
    expect(data.length).toBe(1000);
    expect([...data.labels.subarray(0, 8)]).toEqual([3, 8, 8, 0, 6, 6, 1, 6]); // cat, ship, ship, airplane, frog …: as published
  });
});

describe("EMNIST", () => {
  const idx = (type: number[], data: number[]) =>
    Uint8Array.from([0, 0, 8, type.length, ...type.flatMap((d) => [0, 0, 0, d]), ...data]);
  const source: FileSource = (names) => {
    expect(names[0]).toMatch(/^emnist-letters-test-(images-idx3|labels-idx1)-ubyte$/);
    return Promise.resolve({
      name: names[0]!,
      bytes: names[0]!.includes("images") ? idx([1, 2, 3], [1, 2, 3, 4, 5, 6]) : idx([1], [26]),
    });
  };

  it("stands upright, and letters count from 1", async () => {
    const data = await emnist(source, "letters", "test");
    expect([data.shape, [...data.images], data.labels[0], data.classes[25]]).toEqual([
      [1, 3, 2],
      [1, 4, 2, 5, 3, 6],
      25,
      "z",
    ]);
  });
});

describe("npz", () => {
  const array = (shape: number[], data: Float32Array | Int32Array | Uint8Array, dtype: "F32" | "I32" | "U8") => ({
    shape,
    data,
    dtype,
  });
  const x = array([2, 1, 3], Float32Array.of(1, 2, 3, 4, 5, 6), "F32");
  const file = (more: object) => encodeNpz(new Map(Object.entries({ x, ...more })) as never);

  it("takes whole numbers for classes, and others for numbers to predict", () => {
    const classes = npzDataset(file({ y: array([2], Int32Array.of(0, 2), "I32") }), "a.npz");
    expect([classes.shape, [...classes.labels!], classes.classes]).toEqual([
      [1, 3],
      [0, 2],
      ["0", "1", "2"],
    ]);
    expect(classes.sample(1)).toEqual({ x: Float32Array.of(4, 5, 6), shape: [1, 3], label: 2 });
    const numbers = npzDataset(file({ y: array([2, 2], Float32Array.of(1, 2, 3, 4), "F32") }), "a.npz");
    expect(numbers.sample(1).target).toEqual(Float32Array.of(3, 4));
  });

  it("names what there is, and survives damage", async () => {
    expect(() => npzDataset(file({}), "a.npz", { y: "labels" })).toThrow(
      "a.npz has no array labels; it has x [2, 1, 3]",
    );
    expect(() => npzDataset(file({ y: array([3], Uint8Array.of(1, 2, 3), "U8") }), "a.npz")).toThrow(
      "2 samples, but answers [3]",
    );
    const sound = file({ y: array([2], Int32Array.of(0, 2), "I32") });
    expect(await surviveDamage(sound, (bytes) => npzDataset(bytes, "a.npz"))).toBeGreaterThan(100);
  });
});

describe("COCO", () => {
  const json = {
    images: [
      { id: 7, file_name: "a.png", width: 4, height: 3 },
      { id: 9, file_name: "b.png", width: 4, height: 3 },
    ],
    categories: [
      { id: 18, name: "dog" },
      { id: 1, name: "person", keypoints: ["nose", "left eye"] },
    ],
    annotations: [
      { image_id: 7, category_id: 18, bbox: [1, 1, 9, 1], iscrowd: 0, segmentation: [[1, 1, 4, 1, 4, 2, 1, 2]] },
      {
        image_id: 7,
        category_id: 1,
        bbox: [0, 0, 2, 2],
        iscrowd: 1,
        keypoints: [1, 2, 2, 0, 0, 0],
        segmentation: { size: [3, 4], counts: [9, 3] },
      },
      { image_id: 7, category_id: 1, bbox: [0, 0, 0, 2] },
    ],
  };

  it("gives boxes, masks and key points with classes in order of ids", async () => {
    const folder = await folderOf({ "c.json": JSON.stringify(json), "a.png": await png(4, 3, () => [9, 9, 9]) });
    const data = await cocoDataset(join(folder, "c.json"), { masks: true });
    expect([data.classes, data.length, data.labels]).toEqual([["person", "dog"], 2, undefined]);
    const { boxes, keypoints, mask } = await data.sample(0);
    expect(boxes).toEqual([
      { box: [1, 1, 4, 2], label: 1 },
      { box: [0, 0, 2, 2], label: 0, ignored: true },
    ]);
    expect(keypoints).toEqual([
      { x: 1, y: 2, visible: true, name: "nose" },
      { x: 0, y: 0, visible: false, name: "left eye" },
    ]);
    expect([...mask!.classes]).toEqual([0, 0, 0, 1, 0, 2, 2, 1, 0, 0, 0, 1]);
  });

  it("unpacks runs by the rules of COCO's maskApi.c", () => {
    const fail = (why: string): never => {
      throw new FormatError(why);
    };
    // Worked by hand: 7, 3, 2 as they are, then 3 − 3, 2 − 2, 3 − 3, 10 − 2; each is one character from "0" on.
    expect(unpackRle("7320008", fail)).toEqual([7, 3, 2, 3, 2, 3, 10]);
    expect(unpackRle("P4", fail)).toEqual([128]); // 0 | more, 4 · 32
    expect(() => unpackRle("P", fail)).toThrow(FormatError);
  });

  it("refuses what does not fit together, and paths out of the folder", async () => {
    const read = async (change: object) =>
      cocoDataset(join(await folderOf({ "c.json": JSON.stringify({ ...json, ...change }) }), "c.json"));
    await expect(read({ images: [{ id: 7, file_name: "../../x.png", width: 1, height: 1 }] })).rejects.toThrow(
      "wanted one within the folder",
    );
    await expect(read({ categories: [] })).rejects.toThrow("category 18, which is not there");
    await expect(read({ images: [] })).rejects.toThrow("image 7, which is not there");
    await expect(read({ annotations: 3 })).rejects.toThrow('"annotations" is no list');
    const sound = utf8(JSON.stringify(json));
    const folder = await folderOf({});
    const path = join(folder, "c.json");
    const refused = await surviveDamage(
      sound,
      async (bytes) => (await writeFile(path, bytes), cocoDataset(path, { masks: true })),
    );
    expect(refused).toBeGreaterThan(200);
  });
});

describe("Pascal VOC", () => {
  const object = (name: string, box: number[], more = "") =>
    `<object><name>${name}</name>${more}<bndbox>${["xmin", "ymin", "xmax", "ymax"].map((tag, i) => `<${tag}>${box[i]}</${tag}>`).join("")}</bndbox>` +
    `<part><name>head</name><bndbox><xmin>1</xmin></bndbox></part></object>`;
  const xml = (objects: string) => `<annotation><filename>1.png</filename>${objects}</annotation>\n`;
  const sound = xml(object("dog", [1, 2, 3, 3]) + object("cat", [2, 1, 2, 1], "<difficult>1</difficult>"));

  it("gives boxes from 0 with their ends outside, and masks by its colours", async () => {
    expect(vocColors(5)).toEqual([0, 0x800000, 0x008000, 0x808000, 0x000080]); // as VOCdevkit's VOClabelcolormap
    const colors = [
      [0, 0, 0],
      [128, 0, 0],
      [224, 224, 192],
    ];
    const folder = await folderOf({
      "Annotations/1.xml": sound,
      "Annotations/2.xml": xml(""),
      "JPEGImages/1.png": await png(3, 3, () => [1, 1, 1]),
      "SegmentationClass/1.png": await png(3, 3, (i) => colors[i % 3]!),
      "ImageSets/Main/train.txt": "1\n",
    });
    expect((await vocDataset(folder)).length).toBe(2);
    const data = await vocDataset(folder, { split: "train" });
    expect(data.classes).toEqual(["cat", "dog"]);
    expect((await data.sample(0)).boxes).toEqual([
      { box: [0, 1, 3, 3], label: 1 },
      { box: [1, 0, 2, 1], label: 0, ignored: true },
    ]);
    const { mask } = await (await vocDataset(folder, { masks: true })).sample(0);
    expect([...mask!.classes.subarray(0, 3)]).toEqual([0, 1, 255]);
    await expect(vocDataset(folder, { classes: ["dog"] })).rejects.toThrow(
      'objects "cat", which are none of the classes dog',
    );
  });

  it("refuses other XML and survives damage", async () => {
    expect(() => parseVoc(utf8("<html></html>"), "x.xml")).toThrow("it is no <annotation>");
    expect(() => parseVoc(utf8(xml(object("dog", [3, 1, 1, 1]))), "x.xml")).toThrow(
      "the bndbox of a dog is 3, 1, 1, 1",
    );
    expect(() => parseVoc(utf8(xml("<object><name>a</name></object>")), "x.xml")).toThrow("no bndbox");
    expect(await surviveDamage(utf8(sound), (bytes) => parseVoc(bytes, "x.xml"))).toBeGreaterThan(100);
  });
});

describe("masks in folders", () => {
  it("go with pictures of the same name", async () => {
    const grey = (values: number[]) => png(2, 1, (i) => [values[i]!, values[i]!, values[i]!]);
    const folder = await folderOf({
      "images/a/1.png": await grey([1, 2]),
      "images/2.png": await grey([3, 4]),
      "labels/a/1.png": await grey([0, 255]),
    });
    const data = await maskFolder(folder, { channels: 1 });
    expect([data.length, data.classes, data.problems.length]).toEqual([1, ["background", "foreground"], 1]);
    expect([...(await data.sample(0)).mask!.classes]).toEqual([0, 1]);
    expect([
      ...(await (await maskFolder(folder, { classes: ["a", "b"], greys: [255, 0] })).sample(0)).mask!.classes,
    ]).toEqual([1, 0]);
    await expect(maskFolder(folder, { strict: true })).rejects.toThrow("2.png has no mask of its name");
    await expect(maskFolder(folder, { masks: "images", greys: undefined as never })).rejects.toThrow(UsageError);
  });

  const real = shared("data/membrane/train20.tar.gz");
  it.skipIf(real === null)("20 real pairs of cell membranes become pixels to classify", async () => {
    const folder = await unpacked(real!, root);
    const { listFolder } = await import("./walk.ts");
    const { folders } = await listFolder(folder);
    const data = await maskFolder(folders.includes("image") ? folder : join(folder, folders[0]!), { channels: 1 });
    expect([data.length, data.classes]).toEqual([20, ["background", "foreground"]]);
    for await (const batch of new DataLoader(data, { batchSize: 2, shuffle: false }).epoch(0)) {
      expect([batch.shape, batch.yShape]).toEqual([
        [2, 1, 512, 512],
        [2, 512, 512],
      ]);
      expect(batch.y.every((label) => label === 0 || label === 1)).toBe(true);
      break;
    }
  });
});

const coco = shared("data/coco128/train64.tar.gz");

describe.skipIf(coco === null)("64 pictures of COCO with a class for each pixel", () => {
  it("come with their masks, also when both are scaled", async () => {
    const folder = await unpacked(coco!, root);
    const classes = Array.from({ length: 201 }, (_, id) => String(id)); // 0: unlabelled, ids of COCO's panoptic classes to 200
    const data = await maskFolder(folder, { images: "images", masks: "semantic_segmentation/masks", classes });
    expect([data.length, data.problems]).toEqual([64, []]);
    const { image, mask } = await data.sample(0);
    expect([mask!.width, mask!.height]).toEqual([image.width, image.height]);
    const person = await data.sample(data.entries.findIndex((_, i) => data.nameOf(i).endsWith("000000000036.jpg")));
    expect(person.mask!.classes.filter((id) => id === 1).length).toBeGreaterThan(10_000); // a woman with an umbrella (28)
    expect(person.mask!.classes).toContain(28);
    const loader = new DataLoader(data, { batchSize: 2, shuffle: false, transform: resize({ size: [32, 48] }) });
    for await (const { shape, yShape, y } of loader.epoch(0)) {
      expect([shape, yShape]).toEqual([
        [2, 3, 32, 48],
        [2, 32, 48],
      ]);
      expect(y.every((id) => id <= 200)).toBe(true);
      break;
    }
  });
});

describe("clips", () => {
  it("are frames in the order of their numbers, evenly taken", async () => {
    const files: Record<string, Uint8Array> = {};
    for (let i = 1; i <= 12; i++) files[`wave/c1/f${i}.png`] = await png(2, 2, () => [i * 20, 0, 255]);
    const folder = await folderOf({
      ...files,
      "still/c2/1.png": files["wave/c1/f1.png"]!,
      "still/c2/2.png": files["wave/c1/f2.png"]!,
    });
    const data = await frameFolder(folder, { frames: 2, size: [1, 1] });
    expect([data.classes, [...data.labels!]]).toEqual([
      ["still", "wave"],
      [0, 1],
    ]);
    const { x, shape } = await data.sample(1);
    expect(shape).toEqual([3, 2, 1, 1]);
    expect([...x].map((v) => Math.round(v * 255))).toEqual([20, 140, 0, 0, 255, 255]); // frames 1 and 7
    await expect(frameFolder(folder, { frames: 3, size: [1, 1] })).rejects.toThrow(
      "c2 has 2 frames; wanted at least 3",
    );
  });

  const real = shared("data/fsdd/recordings.tar.gz");
  it.skipIf(real === null)("are sounds with labels of their names", async () => {
    const folder = join(await unpacked(real!, root), "recordings");
    const data = await waveFolder(folder, {
      length: 8000,
      label: (path) => (/_[0-4]\.wav$/.test(path) ? path[0]! : null),
    });
    expect([data.length, data.classes]).toEqual([250, [..."0123456789"]]); // 5 speakers × 10 digits × 5
    const [batch] = await (async () => {
      for await (const b of new DataLoader(data, { batchSize: 8 }).epoch(0)) return [b];
      return [];
    })();
    expect(batch!.shape).toEqual([8, 1, 8000]);
  });
});

describe("time series", () => {
  const table = "day,load,note,temp\n" + [0, 1, 2, 3, 4, 5].map((t) => `${t},${t * 10},x,${t * 2}`).join("\n");

  it("are windows with a later value", () => {
    const data = timeSeries(table, "t.csv", { window: 2, target: "load", columns: ["load", "temp"], stride: 2 });
    expect([data.length, data.shape]).toEqual([2, [2, 2]]);
    expect(data.sample(1)).toEqual({ x: Float32Array.of(20, 30, 4, 6), shape: [2, 2], target: Float32Array.of(40) });
    expect(timeSeries(table, "t.csv", { window: 1, target: 1 }).shape).toEqual([3, 1]); // notes are no numbers
    const classes = timeSeries(table.replace("5,50,x", "5,50,y"), "t.csv", {
      window: 5,
      target: "note",
      columns: [0],
      horizon: 1,
      classify: true,
    });
    expect([classes.classes, classes.labels![0]]).toEqual([["y"], 0]);
  });

  it.each<[string, object, string]>([
    [table, { window: 6, target: "load" }, "6 rows, 3 columns of numbers; a window of 6 with its target needs 7 rows"],
    [table, { window: 1, target: "loud" }, 'no column "loud"; it has day, load, note, temp'],
    [table, { window: 1, target: "load", columns: ["note"] }, 'row 2, column note is "x", no number'],
    [`${table}\n1,2`, { window: 1, target: "load" }, "row 8 has 2 fields, the first has 4"],
    [table, { window: 0, target: "load" }, "window must be a whole number ≥ 1"],
  ])("refuse what does not fit", (text, options, message) => {
    expect(() => timeSeries(text, "t.csv", options as never)).toThrow(message);
  });

  it("CSV survives damage", async () => {
    const read = (bytes: Uint8Array) => parseCsv(new TextDecoder().decode(bytes), "t.csv");
    await surviveDamage(utf8('a,"b ""c""\nd",e\r\n1,2,3\n'), read);
    expect(read(utf8('a,"b ""c""\nd",e\r\n\n1,,'))).toEqual([
      ["a", 'b "c"\nd', "e"],
      ["1", "", ""],
    ]);
  });
});
