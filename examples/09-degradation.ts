// Deeper is not better by itself: plain networks degrade, residual ones do not (course S001, figures 1 and 6).
//
// As it stands: forty steps on stripes of eight directions. With --full, which `npm run recipe -- degradation` gives it:
// CIFAR-10 (FOVEA_SHARED/data/cifar10), 8 epochs of each network. [--epochs n] [--seed n] [--only plain56]
import assert from "node:assert/strict";
import { compile, crossEntropy, manualSeed, models, optim, RandomStream, tensor, type Tensor } from "fovea";
import { DataLoader, ImageDataset, transforms } from "fovea/data";

const argument = (name: string) =>
  process.argv.includes(name) ? process.argv[process.argv.indexOf(name) + 1] : undefined;
const full = process.argv.includes("--full");
const seed = Number(argument("--seed") ?? 0);
const names = ["plain20", "plain56", "resnet20", "resnet56"] as const;
const chosen = names.filter((name) => name === (argument("--only") ?? name));

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

const data = full ? (await (await import("../recipes/_cifar10.ts")).somePictures()).train : stripes();
// The usual augmentation of CIFAR-10: up to 4 pixels moved, half of them mirrored.
const transform = full ? [transforms.randomCrop({ size: 32, padding: 4 }), transforms.horizontalFlip()] : [];
const loader = new DataLoader(data, { batchSize: full ? 128 : 32, seed, dropLast: true, mean: 0.47, std: 0.25, transform }); // prettier-ignore
const steps = full ? Math.round(Number(argument("--epochs") ?? 8) * loader.length) : 40;
const final: Record<string, number> = {};
console.log(`${data.name}: ${steps} steps, seed ${seed}; training loss, means of ${Math.ceil(steps / 8)} steps`);
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
  const losses: number[] = [];
  const started = performance.now();
  // Every network sees the same batches.
  for (let epoch = 0; losses.length < steps; epoch++) {
    for await (const { x, y, shape } of loader.epoch(epoch)) {
      if (losses.length < steps) losses.push(await step(tensor(x, { shape }), tensor(y)).item());
    }
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
