// A network that knows its few examples by heart, and what keeps it from doing so (course S000, S002 "overfitting").
import assert from "node:assert/strict";
import { compile, crossEntropy, manualSeed, nn, noGrad, optim, tensor, type Tensor } from "fovea";
import { strokes } from "fovea/data";

const count = 100;
const batch = (data: ReturnType<typeof strokes>) => ({
  x: tensor(
    Float32Array.from(data.images, (v) => v / 255),
    { shape: [data.length, 784] },
  ),
  y: tensor(Int32Array.from(data.labels)),
});
const few = batch(strokes({ count }));
const many = batch(strokes({ count: 20 * count }));
const test = batch(strokes({ count: 1000, split: "test" }));

interface Cure {
  readonly dropout?: number;
  readonly weightDecay?: number;
  readonly width?: number;
  readonly more?: boolean;
}

const cures: Record<string, Cure> = {
  "nothing done": {},
  "dropout 0.5": { dropout: 0.5 },
  "weight decay 0.3": { weightDecay: 0.3 },
  both: { dropout: 0.5, weightDecay: 0.3 },
  "fewer weights": { width: 16 },
  "20 × the examples": { more: true },
};

async function measure({ x, y }: typeof few, model: nn.Sequential): Promise<{ loss: number; right: number }> {
  model.eval();
  const scores = noGrad(() => model.forward(x));
  const result = {
    loss: await crossEntropy(scores, y).item(),
    right: (await scores.argmax(1).equal(y).sum().item()) / y.shape[0]!,
  };
  model.train();
  return result;
}

console.log(`${"".padEnd(20)}training loss  test loss  gap     test accuracy`);
const gaps: Record<string, number> = {};
const tests: Record<string, { loss: number; right: number }> = {};
for (const [name, { dropout = 0, weightDecay = 0, width = 256, more = false }] of Object.entries(cures)) {
  manualSeed(1);
  const model = new nn.Sequential(
    new nn.Linear(784, width),
    new nn.ReLU(),
    new nn.Dropout(dropout),
    new nn.Linear(width, width),
    new nn.ReLU(),
    new nn.Dropout(dropout),
    new nn.Linear(width, 10),
  );
  const optimizer = new optim.AdamW(model.parameters(), { lr: 1e-3, weightDecay });
  const step = compile((x: Tensor, y: Tensor) => {
    const loss = crossEntropy(model.forward(x), y);
    optimizer.minimize(loss);
    return loss.detach();
  });
  const data = more ? many : few;
  for (let i = 0; i < 300; i++) {
    const from = (i * count) % data.y.shape[0]!;
    step(data.x.narrow(0, from, count), data.y.narrow(0, from, count));
  }
  const trained = await measure(data, model);
  const tested = await measure(test, model);
  step.dispose();
  gaps[name] = tested.loss - trained.loss;
  tests[name] = tested;
  const cells = [trained.loss, tested.loss, gaps[name]!].map((v) => v.toFixed(3).padStart(8));
  console.log(`${name.padEnd(20)}${cells.join("   ")}   ${(100 * tested.right).toFixed(1)} %`);
}
for (const name of ["dropout 0.5", "both", "20 × the examples"]) {
  assert.ok(tests[name]!.loss < tests["nothing done"]!.loss, `${name} lowers the test loss`);
  assert.ok(gaps[name]! < gaps["nothing done"]!, `${name} narrows the gap`);
}
assert.ok(gaps["weight decay 0.3"]! < gaps["nothing done"]!);
assert.ok(tests["20 × the examples"]!.right > tests["nothing done"]!.right + 0.1);
