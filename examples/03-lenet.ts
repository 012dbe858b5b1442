// A LeNet of one's own, a compiled training step, and the built-in handwriting.
import assert from "node:assert/strict";
import { compile, crossEntropy, manualSeed, nn, noGrad, optim, tensor, type Tensor } from "fovea";
import { DataLoader, strokes, type Batch } from "fovea/data";

class LeNet extends nn.Module {
  conv1 = new nn.Conv2d(1, 6, 5, { padding: 2 });
  conv2 = new nn.Conv2d(6, 16, 5);
  fc1 = new nn.Linear(400, 120);
  fc2 = new nn.Linear(120, 84);
  fc3 = new nn.Linear(84, 10);

  override forward(x: Tensor): Tensor {
    // [N, 1, 28, 28]
    x = this.conv1.forward(x).relu().maxPool2d(2); // [N, 6, 14, 14]
    x = this.conv2.forward(x).relu().maxPool2d(2).flatten(1); // [N, 400]
    x = this.fc1.forward(x).relu();
    x = this.fc2.forward(x).relu();
    return this.fc3.forward(x); // [N, 10] logits
  }
}

manualSeed(0);
const model = new LeNet();
const optimizer = new optim.AdamW(model.parameters(), { lr: 2e-3 });

const step = compile((x: Tensor, y: Tensor) => {
  const loss = crossEntropy(model.forward(x), y); // remove compile() and it runs eagerly
  optimizer.minimize(loss);
  return loss;
});

const trainLoader = new DataLoader(strokes({ count: 12_000 }), { batchSize: 64, shuffle: true, seed: 0 });
const test = strokes({ count: 500, split: "test" });
const toTensors = (batch: Batch) => ({
  x: tensor(batch.x, { shape: batch.shape }),
  y: tensor(batch.y),
});

for (let epoch = 0; epoch < 4; epoch++) {
  for await (const batch of trainLoader.epoch(epoch)) {
    const { x, y } = toTensors(batch);
    step(x, y);
  }
}

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
assert.ok(accuracy > 0.9);
