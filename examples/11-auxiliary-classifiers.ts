// Classifiers on the way, as in GoogLeNet: their gradients reach the first layers, too (course S002).
import assert from "node:assert/strict";
import { compile, crossEntropy, manualSeed, nn, noGrad, optim, tensor, type Tensor } from "fovea";
import { strokes } from "fovea/data";

/** Nine sigmoid layers: too deep for the error of the last one to reach the first. A head after every third. */
class Deep extends nn.Module<[x: Tensor], Tensor> {
  readonly layers = Array.from({ length: 9 }, (_, i) => new nn.Linear(i === 0 ? 784 : 40, 40));
  readonly aux1 = new nn.Linear(40, 10);
  readonly aux2 = new nn.Linear(40, 10);
  readonly head = new nn.Linear(40, 10);

  /** Scores of the last classifier, and of those after layers 3 and 6. */
  scores(x: Tensor): readonly [main: Tensor, aux1: Tensor, aux2: Tensor] {
    const outputs: Tensor[] = [];
    for (const layer of this.layers) outputs.push((x = layer.forward(x).sigmoid()));
    return [this.head.forward(x), this.aux1.forward(outputs[2]!), this.aux2.forward(outputs[5]!)];
  }

  override forward(x: Tensor): Tensor {
    return this.scores(x)[0];
  }
}

const data = strokes({ count: 1000 });
const x = tensor(
  Float32Array.from(data.images, (v) => v / 255),
  { shape: [1000, 784] },
);
const y = tensor(Int32Array.from(data.labels));

/** Trains with auxiliary losses of a weight; the gradient of the first layer before, the loss of the last head after. */
async function train(weight: number): Promise<{ first: number; loss: number; right: number }> {
  manualSeed(0);
  const model = new Deep();
  for (const layer of model.layers) nn.init.xavierNormal(layer.weight, { gain: 3 });
  const total = (xs: Tensor, ys: Tensor) => {
    const [main, aux1, aux2] = model.scores(xs).map((scores) => crossEntropy(scores, ys)) as [Tensor, Tensor, Tensor];
    return { total: main.add(aux1.add(aux2).mul(weight)), main, aux: [aux1, aux2] as const };
  };
  // GoogLeNet's loss: L + 0.3 (L₁ + L₂).
  const parts = noGrad(() => total(x, y));
  const sum = (await parts.main.item()) + weight * ((await parts.aux[0].item()) + (await parts.aux[1].item()));
  assert.ok(Math.abs((await parts.total.item()) - sum) < 1e-5);

  total(x, y).total.backward();
  const first = await model.layers[0]!.weight.grad!.square().sum().sqrt().item();

  const optimizer = new optim.Adam(model.parameters(), { lr: 3e-3 });
  const step = compile((xs: Tensor, ys: Tensor) => {
    optimizer.minimize(total(xs, ys).total);
    return xs.sum();
  });
  for (let i = 0; i < 150; i++) step(x.narrow(0, (i % 10) * 100, 100), y.narrow(0, (i % 10) * 100, 100));
  const scores = noGrad(() => model.forward(x));
  const result = {
    first,
    loss: await crossEntropy(scores, y).item(),
    right: (await scores.argmax(1).equal(y).sum().item()) / 1000,
  };
  step.dispose();
  return result;
}

const without = await train(0);
const helped = await train(0.3);
console.log("                         gradient of layer 1   loss after 150 steps   accuracy of the last classifier");
for (const [name, { first, loss, right }] of Object.entries({
  "one classifier": without,
  "two more, weight 0.3": helped,
})) {
  console.log(`${name.padEnd(24)} ${first.toExponential(2).padStart(18)}   ${loss.toFixed(3).padStart(19)}   ${(100 * right).toFixed(1)} %`); // prettier-ignore
}
assert.ok(helped.first > 10 * without.first, "auxiliary classifiers reach the first layer");
assert.ok(helped.loss < without.loss);
