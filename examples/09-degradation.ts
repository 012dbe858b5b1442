// Deeper is not better by itself: plain networks degrade, residual ones do not (course S001, figures 1 and 6).
//
// As it stands: forty steps on stripes of eight directions. With --full, which `npm run recipe -- degradation` gives it:
// CIFAR-10 (FOVEA_SHARED/data/cifar10), 8 epochs of each network. [--epochs n] [--seed n] [--only plain56]
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { compile, crossEntropy, manualSeed, models, optim, RandomStream, tensor, type Tensor } from "fovea";
import { ImageDataset, readImage } from "fovea/data";

const argument = (name: string) =>
  process.argv.includes(name) ? process.argv[process.argv.indexOf(name) + 1] : undefined;
const full = process.argv.includes("--full");
const seed = Number(argument("--seed") ?? 0);
const names = ["plain20", "plain56", "resnet20", "resnet56"] as const;
const chosen = names.filter((name) => name === (argument("--only") ?? name));
const BATCH = full ? 128 : 32;

/** The 10,000 lossless training pictures: row i of a file of 1,000 rows is a picture, its 1,024 pixels in rows of 32. */
async function cifar(folder: string): Promise<ImageDataset> {
  const images = new Uint8Array(10_000 * 3072);
  for (let file = 0; file < 10; file++) {
    const { pixels } = await readImage(join(folder, `cifar10_batch_${file}.png`));
    for (let i = 0; i < 1000 * 1024; i++) {
      const at = (file * 1000 + Math.floor(i / 1024)) * 3072 + (i % 1024);
      for (let c = 0; c < 3; c++) images[at + 1024 * c] = pixels[3 * i + c]!;
    }
  }
  const labels = new Uint8Array(readFileSync(join(folder, "labels_0-9999.bin")));
  return new ImageDataset({ name: "cifar10", images, labels, shape: [3, 32, 32], classes: "airplane automobile bird cat deer dog frog horse ship truck".split(" ") }); // prettier-ignore
}

/** Stripes of eight directions, 12 × 12, in any colour and place, under noise. */
function stripes(): ImageDataset {
  const random = new RandomStream(3);
  const count = 1600;
  const images = new Uint8Array(count * 432);
  for (let n = 0; n < count; n++) {
    const angle = ((n % 8) * Math.PI) / 8;
    const start = 2 * Math.PI * random.uniform();
    for (let c = 0; c < 3; c++) {
      const strength = 30 + 90 * random.uniform();
      for (let i = 0; i < 144; i++) {
        const along = Math.cos(angle) * (i % 12) + Math.sin(angle) * Math.floor(i / 12);
        const value = 128 + strength * Math.sin(1.3 * along + start) + 20 * random.normal();
        images[n * 432 + 144 * c + i] = Math.max(0, Math.min(255, value));
      }
    }
  }
  const labels = Uint8Array.from({ length: count }, (_, n) => n % 8);
  return new ImageDataset({ name: "stripes", images, labels, shape: [3, 12, 12], classes: [..."01234567"] });
}

/** Batches with the usual augmentation: up to 4 pixels moved, half of them mirrored. */
function batchOf(data: ImageDataset, indices: Uint32Array, random: RandomStream): { x: Tensor; y: Tensor } {
  const [channels, height, width] = data.shape;
  const x = new Float32Array(indices.length * channels * height * width);
  let to = 0;
  for (const index of indices) {
    const image = data.image(index);
    const [dy, dx] = full ? [random.int(9) - 4, random.int(9) - 4] : [0, 0];
    const mirrored = full && random.int(2) === 1;
    for (let c = 0; c < channels; c++) {
      for (let i = 0; i < height; i++) {
        for (let j = 0; j < width; j++, to++) {
          const [r, s] = [i + dy, (mirrored ? width - 1 - j : j) + dx];
          if (r >= 0 && r < height && s >= 0 && s < width)
            x[to] = (image[(c * height + r) * width + s]! / 255 - 0.47) / 0.25;
        }
      }
    }
  }
  const y = tensor(Int32Array.from(indices, (i) => data.labels[i]!));
  return { x: tensor(x, { shape: [indices.length, channels, height, width] }), y };
}

const folder = join(process.env["FOVEA_SHARED"] ?? "../shared", "data/cifar10");
const data = full ? await cifar(folder) : stripes();
const steps = full ? Math.round(Number(argument("--epochs") ?? 8) * Math.floor(data.length / BATCH)) : 40;
const final: Record<string, number> = {};
console.log(
  `${data.name}: ${steps} steps of ${BATCH}, seed ${seed}; training loss, means of ${Math.ceil(steps / 8)} steps`,
);
for (const name of chosen) {
  manualSeed(seed);
  const model = models.create(`${name}.cifar`, { numClasses: data.classes.length });
  const lr = optim.warmup(full ? 100 : 10, optim.cosine(full ? 0.1 : 0.03, { steps }));
  const optimizer = new optim.SGD(model.parameters(), { lr, momentum: 0.9, weightDecay: 1e-4 });
  const step = compile((x: Tensor, y: Tensor) => {
    const loss = crossEntropy(model.forward(x), y);
    optimizer.minimize(loss);
    return loss.detach();
  });
  const random = new RandomStream(seed); // every network sees the same batches
  const perEpoch = Math.floor(data.length / BATCH);
  const losses: number[] = [];
  const started = performance.now();
  let order: Uint32Array = new Uint32Array();
  for (let i = 0; i < steps; i++) {
    if (i % perEpoch === 0)
      order = random
        .fork("order")
        .fork(i / perEpoch)
        .permutation(data.length);
    const at = (i % perEpoch) * BATCH;
    const { x, y } = batchOf(data, order.subarray(at, at + BATCH), random.fork("augment").fork(i));
    losses.push(await step(x, y).item());
  }
  step.dispose();
  const part = Math.ceil(steps / 8);
  const curve = Array.from({ length: Math.ceil(steps / part) }, (_, k) => {
    const values = losses.slice(k * part, (k + 1) * part);
    return values.reduce((a, b) => a + b) / values.length;
  });
  final[name] = curve.at(-1)!;
  const milliseconds = (performance.now() - started) / steps;
  console.log(`${name.padEnd(9)}${curve.map((v) => v.toFixed(3)).join("  ")}   ${milliseconds.toFixed(0)} ms a step`);
}
if (chosen.length === names.length) {
  const { plain20, plain56, resnet20, resnet56 } = final as Record<(typeof names)[number], number>;
  const gaps = `${(plain56 - plain20).toFixed(3)} plain, ${(resnet56 - resnet20).toFixed(3)} residual`;
  console.log(`36 more layers change the training loss by ${gaps}`);
  assert.ok(plain56 > plain20, "the deeper plain network has the higher training loss");
  assert.ok(resnet56 < plain56, "shortcuts let the same layers learn");
  assert.ok(resnet56 - resnet20 < plain56 - plain20, "residual networks do not degrade so");
}
