// Ours: the same net, batch and optimizer through the public API, one compiled training step.
import { compile, crossEntropy, nn, optim, setEngine, setThreads, tensor } from "fovea";
import { lenetBatch, lenetWeights, LR, MOMENTUM, serve } from "./protocol.mjs";

const [batch, threads, engine] = [Number(process.argv[2]), Number(process.argv[3]), process.argv[4]];
setEngine(engine);
setThreads(threads);

class LeNet extends nn.Module {
  conv1 = new nn.Conv2d(1, 6, 5, { padding: 2 });
  conv2 = new nn.Conv2d(6, 16, 5);
  fc1 = new nn.Linear(400, 120);
  fc2 = new nn.Linear(120, 84);
  fc3 = new nn.Linear(84, 10);

  forward(x) {
    x = this.conv1.forward(x).relu().maxPool2d(2);
    x = this.conv2.forward(x).relu().maxPool2d(2).flatten(1);
    return this.fc3.forward(this.fc2.forward(this.fc1.forward(x).relu()).relu());
  }
}

const model = new LeNet();
model.loadStateDict(new Map(lenetWeights().map(({ name, shape, values }) => [name, tensor(values, { shape })])));
const optimizer = new optim.SGD(model.parameters(), { lr: LR, momentum: MOMENTUM });
const data = lenetBatch(batch);
const x = tensor(data.x, { shape: [batch, 1, 28, 28] });
const y = tensor(data.y);
const step = compile((images, labels) => {
  const loss = crossEntropy(model.forward(images), labels);
  optimizer.minimize(loss);
  return loss;
});

serve(async (n) => {
  let loss;
  for (let i = 0; i < n; i++) loss = step(x, y);
  return loss.item();
});
