// ConvNetJS: one image at a time, its own random initialisation (losses cannot be compared).
import { createRequire } from "node:module";
import { lenetBatch, LR, MOMENTUM, serve } from "./protocol.mjs";

const convnet = createRequire(import.meta.url)("convnetjs");
const batch = Number(process.argv[2]);
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
const trainer = new convnet.Trainer(net, { method: "sgd", learning_rate: LR, momentum: MOMENTUM, batch_size: batch });
const data = lenetBatch(batch);
const images = Array.from({ length: batch }, (_, i) => {
  const vol = new convnet.Vol(28, 28, 1, 0);
  for (let k = 0; k < 784; k++) vol.w[k] = data.x[i * 784 + k];
  return vol;
});

serve((n) => {
  let sum = 0;
  for (let s = 0; s < n; s++) {
    sum = 0;
    for (let i = 0; i < batch; i++) sum += trainer.train(images[i], data.y[i]).loss;
  }
  return sum / batch;
});
