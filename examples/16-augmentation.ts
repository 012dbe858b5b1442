// Augmentation: a picture moves together with its boxes, mask and key points. Writes a contact sheet to look at.
// PHOTO=cat.jpg takes a photo of yours; SHEET=sheet.png says where the sheet goes.
import assert from "node:assert/strict";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { RandomStream } from "fovea";
import { DataLoader, readImage, type Dataset, type Picture, type Sample, transforms, writeImage } from "fovea/data";

/** A face on a striped ground, where no photo is given. */
function face(width: number, height: number): Picture {
  const pixels = Uint8Array.from({ length: 3 * width * height }, (_, i) => {
    const [c, x, y] = [i % 3, Math.floor(i / 3) % width, Math.floor(i / (3 * width))];
    const [u, v] = [(x - width / 2) / height, y / height - 0.5];
    const eye = Math.hypot(Math.abs(u) - 0.12, v + 0.08) < 0.04;
    const mouth = Math.abs(Math.hypot(u, v - 0.02) - 0.16) < 0.02 && v > 0.08;
    if (eye || mouth) return 30;
    return Math.hypot(u, v) < 0.3 ? [240, 200, 60][c]! : (x + y) % 24 < 12 ? [70, 110, 160][c]! : [90, 140, 190][c]!;
  });
  return { width, height, channels: 3, pixels };
}

const { PHOTO } = process.env;
const image: Picture = PHOTO === undefined ? face(240, 180) : { ...(await readImage(PHOTO)), channels: 3 };
const [middle, level, unit] = [image.width / 2, image.height / 2, image.height];
const sample: Sample = {
  image,
  label: 0,
  boxes: [{ box: [middle - 0.3 * unit, level - 0.3 * unit, middle + 0.3 * unit, level + 0.3 * unit], label: 3 }],
  keypoints: [
    { x: middle - 0.12 * unit, y: level - 0.08 * unit, visible: true, name: "right eye" },
    { x: middle + 0.12 * unit, y: level - 0.08 * unit, visible: true, name: "left eye" },
  ],
};

// A mirror moves the box, and what was the left eye is the right one.
const mirrored = transforms.horizontalFlip({ p: 1 }).apply(sample, new RandomStream(0));
assert.deepEqual(
  mirrored.keypoints!.map(({ name }) => name),
  ["right eye", "left eye"],
);
assert.ok(mirrored.keypoints![0]!.x < mirrored.keypoints![1]!.x);

// The recipe of many a network, and an automatic policy on top.
const augment = [
  transforms.randomResizedCrop({ size: 128, scale: [0.4, 1] }),
  transforms.horizontalFlip(),
  transforms.randAugment({ magnitude: 9 }),
];

// The sheet shows what a loader of the same seed gives to a network: column 1 is epoch 0.
const sheet = await transforms.contactSheet([sample], augment, { columns: 8, cell: 128, seed: 7 });
const path = process.env.SHEET ?? join(await mkdtemp(join(tmpdir(), "fovea-")), "sheet.png");
await writeImage(path, sheet);
console.log(`${path}: ${sheet.width} × ${sheet.height}`);

const data: Dataset = { name: "one face", length: 1, classes: ["face"], sample: () => sample };
const loader = new DataLoader(data, { batchSize: 1, seed: 7, transform: augment });
const means: number[] = [];
for (let epoch = 0; epoch < 2; epoch++) {
  for await (const { x, shape } of loader.epoch(epoch)) {
    assert.deepEqual(shape, [1, 3, 128, 128]);
    means.push(x.reduce((sum, v) => sum + v, 0) / x.length);
  }
}
console.log(`means of two epochs: ${means.map((v) => v.toFixed(4)).join(", ")}`);
assert.notEqual(means[0], means[1]); // each epoch sees another picture
const { value: again } = await loader.epoch(0).next();
assert.equal(again!.x.reduce((sum, v) => sum + v, 0) / again!.x.length, means[0]); // and always the same one
