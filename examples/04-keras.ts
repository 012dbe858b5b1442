// The same LeNet in the manner of Keras: its layers, its argument names, [N, H, W, C] images, L2 in the loss.
import assert from "node:assert/strict";
import { compile, crossEntropy, manualSeed, nn, noGrad, optim, tensor, type Tensor } from "fovea";
import { type Batch, DataLoader, strokes } from "fovea/data";
import { Conv2D, Dense, Dropout, Flatten, Input, MaxPooling2D, regularizers, Sequential } from "fovea/keras";

manualSeed(0);
const model = new Sequential([
  Input({ shape: [28, 28, 1] }),
  new Conv2D({ filters: 6, kernelSize: 5, padding: "same", activation: "relu", kernelInitializer: "he_normal" }),
  new MaxPooling2D(),
  new Conv2D({ filters: 16, kernelSize: 5, activation: "relu", kernelRegularizer: regularizers.l2({ l2: 1e-4 }) }),
  new MaxPooling2D(),
  new Flatten(),
  new Dense({ units: 120, activation: "relu" }),
  new Dropout({ rate: 0.2 }),
  new Dense({ units: 84, activation: "relu" }),
  new Dense({ units: 10 }), // logits
]);
assert.deepEqual(model.outputShape, [null, 10]);
assert.equal(
  model.parameters().reduce((n, p) => n + p.size, 0),
  61_706, // as LeNet-5's
);

const optimizer = new optim.AdamW(model.parameters(), { lr: 2e-3 });
const step = compile((x: Tensor, y: Tensor) => {
  const loss = nn.penalized(crossEntropy(model.forward(x), y), model); // adds what regularisers ask for
  optimizer.minimize(loss);
  return loss;
});

const toTensors = (batch: Batch) => ({
  x: tensor(batch.x, { shape: [batch.size, 28, 28, 1] }),
  y: tensor(batch.y),
});
for await (const batch of new DataLoader(strokes({ count: 12_000 }), { batchSize: 64, shuffle: true, seed: 0 }).epoch(
  0,
)) {
  const { x, y } = toTensors(batch);
  step(x, y);
}

model.eval();
const test = strokes({ count: 500, split: "test" });
let correct = 0;
for await (const batch of new DataLoader(test, { batchSize: 250 }).epoch(0)) {
  const { x, y } = toTensors(batch);
  correct += await noGrad(() => model.forward(x))
    .argmax(1)
    .equal(y)
    .sum()
    .item();
}
const accuracy = correct / test.length;
console.log(`accuracy on unseen strokes: ${(100 * accuracy).toFixed(1)} %`);
assert.ok(accuracy > 0.8);
