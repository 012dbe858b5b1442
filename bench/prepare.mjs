// Writes what all contestants read: weights, inputs, labels, and the network as ONNX. A process of its own (node
// prepare.mjs '<job>'), so that its memory goes again: { network, folder, batch, input, onnx }.
import { existsSync, writeFileSync } from "node:fs";
import path from "node:path";
import { io, manualSeed, nn, setEngine, tensor } from "./fovea.mjs";
import { createNetwork } from "./networks.mjs";
import { noise } from "./peers/noise.mjs";

const { network, folder, batch, input, onnx } = JSON.parse(process.argv[2]);
const file = (name) => path.join(folder, name);
setEngine("native");
manualSeed(1);
const model = createNetwork(network);
const images = noise(1, batch * input.reduce((a, d) => a * d, 1));
writeFileSync(file("input.f32"), images);

if (existsSync(file("weights.safetensors"))) {
  const { tensors } = io.parseSafetensors(await io.readFile(file("weights.safetensors")), "weights");
  model.loadStateDict(new Map([...tensors].map(([k, t]) => [k, tensor(t.data, { shape: t.shape })])), {});
} else {
  // Running statistics as training would leave them: activations stay of order 1 through any depth.
  const few = tensor(noise(2, 2 * input.reduce((a, d) => a * d, 1)), { shape: [2, ...input] });
  await nn.recomputeBatchNorm(model, [few], { exact: false });
  const stored = [...model.stateDict()].map(([name, t]) => [
    name,
    io.toStoredTensor({ dtype: t.dtype, shape: t.shape, data: t.storage.values() }),
  ]);
  writeFileSync(file("weights.safetensors"), io.encodeSafetensors(new Map(stored)));
}
if (onnx) {
  model.eval();
  writeFileSync(file("model.onnx"), io.exportOnnx(model, [[batch, ...input]]));
}
