// From a folder of pictures to a network: look at the data, split them, load them with worker threads, train, measure.
// The pictures are drawn here, with a copy, a damaged file and a picture in a wrong folder for the summary to find.
import assert from "node:assert/strict";
import { copyFile, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compile, crossEntropy, manualSeed, nn, noGrad, optim, RandomStream, tensor, type Tensor } from "fovea";
import { DataLoader, encodePng, imageFolder, splitFile, summarizeDataset, transforms, type Batch } from "fovea/data";

const SIDE = 32;
const shapes = {
  cross: (x: number, y: number) => Math.abs(x) < 0.3 || Math.abs(y) < 0.3,
  disc: (x: number, y: number) => x * x + y * y < 1,
  ring: (x: number, y: number) => Math.abs(Math.hypot(x, y) - 0.8) < 0.2,
};

/** A bright shape somewhere on a dark ground, with noise. */
function draw(inside: (x: number, y: number) => boolean, random: RandomStream) {
  const [cx, cy, size] = [12 + 8 * random.uniform(), 12 + 8 * random.uniform(), 6 + 5 * random.uniform()];
  const color = [0, 1, 2].map(() => 130 + 100 * random.uniform());
  const pixels = new Uint8Array(3 * SIDE * SIDE);
  for (let i = 0; i < pixels.length; i++) {
    const [c, column, row] = [i % 3, Math.floor(i / 3) % SIDE, Math.floor(i / (3 * SIDE))];
    const [x, y] = [(column - cx) / size, (row - cy) / size];
    const ink = Math.abs(x) < 1 && Math.abs(y) < 1 && inside(x, y);
    pixels[i] = (ink ? color[c]! : 40) + 20 * random.uniform();
  }
  return { width: SIDE, height: SIDE, channels: 3, pixels };
}

const folder = await mkdtemp(join(tmpdir(), "fovea-shapes-"));
const random = new RandomStream(1);
for (const [name, inside] of Object.entries(shapes)) {
  await mkdir(join(folder, name));
  for (let i = 0; i < 120; i++) await writeFile(join(folder, name, `${i}.png`), await encodePng(draw(inside, random)));
}
await copyFile(join(folder, "disc/7.png"), join(folder, "ring/copy.png"));
await writeFile(join(folder, "ring/damaged.png"), "not a picture");

// 1. Look at it.
const found = await imageFolder(folder);
const summary = await summarizeDataset(found);
console.log([...summary.warnings, ...summary.suggestions].join("\n"));
assert.deepEqual([summary.unreadable.length, summary.conflicts.length], [1, 1]);
await rm(join(folder, "ring/copy.png"));

// 2. Split it, class by class; the list is a dataset too.
const list = join(folder, "split.csv");
const cleaned = await imageFolder(folder);
await writeFile(list, splitFile(cleaned, await summarizeDataset(cleaned), { shares: [80, 20], out: list }));
const { train, validation, classes } = await imageFolder(list);
assert.deepEqual([train.length, validation!.length], [288, 72]);

// 3. Train on what two threads decode and change.
manualSeed(0);
const model = new nn.Sequential(
  new nn.Conv2d(3, 12, 5, { stride: 2 }),
  new nn.ReLU(),
  new nn.Conv2d(12, 24, 3),
  new nn.ReLU(),
  new nn.MaxPool2d(2),
  new nn.Flatten(),
  new nn.Linear(24 * 6 * 6, classes.length),
);
const optimizer = new optim.AdamW(model.parameters(), { lr: 3e-3 });
const step = compile((x: Tensor, y: Tensor) => {
  const loss = crossEntropy(model.forward(x), y);
  optimizer.minimize(loss);
  return loss;
});
const options = { batchSize: 32, mean: 0.3, std: 0.25 };
const transform = [transforms.randomCrop({ size: SIDE, padding: 2 }), transforms.horizontalFlip()];
const loader = new DataLoader(train, { ...options, transform, workers: 2 });
const tensors = ({ x, y, shape }: Batch) => [tensor(x, { shape }), tensor(y)] as const;
for (let epoch = 0; epoch < 8; epoch++) {
  for await (const batch of loader.epoch(epoch)) await step(...tensors(batch)).item();
}

// 4. Measure.
let right = 0;
for await (const batch of new DataLoader(validation!, { ...options, shuffle: false }).epoch(0)) {
  const [x, y] = tensors(batch);
  right += await noGrad(() => model.forward(x))
    .argmax(1)
    .equal(y)
    .sum()
    .item();
}
const accuracy = right / validation!.length;
console.log(`accuracy on ${validation!.length} other pictures: ${(100 * accuracy).toFixed(1)} %`);
assert.ok(accuracy > 0.9);
await rm(folder, { recursive: true });
