// How long training waits for a folder of JPEGs: node bench/loading.mjs <folder> [workers, default 0,1,2] [seconds, default 10]
// SqueezeNet 1.1 at 224 × 224, batches of 16, one compute thread; random crops, flips, normalised. Says the share of the time
// in which the training loop waited for a batch, after the first one (worker threads start with it).
import { crossEntropy, compile, models, optim, setThreads, tensor } from "./fovea.mjs";
import { DataLoader, imageFolder, transforms } from "../packages/fovea/dist/node/data.js";

const [folder, workers = "0,1,2", seconds = "10"] = process.argv.slice(2);
if (folder === undefined) throw new Error("usage: node bench/loading.mjs <folder> [workers] [seconds]");
setThreads(1);
const { train, classes } = await imageFolder(folder);
console.log(`${train.length} pictures, ${classes.length} classes`);
const { mean, std } = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };

for (const count of workers.split(",").map(Number)) {
  const model = models.create("squeezenet1.1.torchvision", { numClasses: classes.length });
  const optimizer = new optim.SGD(model.parameters(), { lr: 1e-3, momentum: 0.9 });
  const step = compile((x, y) => {
    const loss = crossEntropy(model.forward(x), y);
    optimizer.minimize(loss);
    return loss;
  });
  const transform = [transforms.randomResizedCrop({ size: 224 }), transforms.horizontalFlip()];
  const loader = new DataLoader(train, { batchSize: 16, dropLast: true, transform, mean, std, workers: count });
  let [waited, total, images] = [0, 0, 0];
  for (let epoch = 0; total < Number(seconds) * 1000; epoch++) {
    let asked = performance.now();
    for await (const { x, y, shape, size, index } of loader.epoch(epoch)) {
      const given = performance.now();
      await step(tensor(x, { shape }), tensor(y)).item();
      const done = performance.now();
      if (epoch > 0 || index > 0) {
        [waited, total, images] = [waited + given - asked, total + done - asked, images + size];
      }
      asked = done;
    }
  }
  const line = [`${count} workers:`, `${((1000 * images) / total).toFixed(1)} images/s,`];
  console.log(
    ...line,
    `waited ${((100 * waited) / total).toFixed(1)} % (with the start: ${(100 * loader.waited.share).toFixed(1)} %)`,
  );
  step.dispose?.();
}
