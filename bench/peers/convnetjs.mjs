// ConvNetJS training LeNet-5: one image at a time, its own random initialisation (losses cannot be compared).
import { createRequire } from "node:module";
import { SGD } from "../sgd.mjs";
import { job, labels, readInput } from "./files.mjs";
import { serve } from "./protocol.mjs";

const require = createRequire(import.meta.url);
const convnet = require("convnetjs");
const net = new convnet.Net();
net.makeLayers([
  { type: "input", out_sx: 28, out_sy: 28, out_depth: 1 },
  { type: "conv", sx: 5, filters: 6, stride: 1, pad: 2, activation: "relu" },
  { type: "pool", sx: 2, stride: 2 },
  { type: "conv", sx: 5, filters: 16, stride: 1, pad: 0, activation: "relu" },
  { type: "pool", sx: 2, stride: 2 },
  { type: "fc", num_neurons: 120, activation: "relu" },
  { type: "fc", num_neurons: 84, activation: "relu" },
  { type: "softmax", num_classes: 10 },
]);
const trainer = new convnet.Trainer(net, {
  method: "sgd",
  learning_rate: SGD.lr,
  momentum: SGD.momentum,
  batch_size: job.batch,
});
const pixels = readInput();
const images = Array.from({ length: job.batch }, (_, i) => {
  const vol = new convnet.Vol(28, 28, 1, 0);
  vol.w.set(pixels.subarray(i * 784, (i + 1) * 784));
  return vol;
});
const y = labels(job.batch, 10);

await serve(require("convnetjs/package.json").version, () => {
  let sum = 0;
  for (let i = 0; i < job.batch; i++) sum += trainer.train(images[i], y[i]).loss;
  return sum / job.batch;
});
