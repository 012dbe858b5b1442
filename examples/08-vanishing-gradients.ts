// Why deep sigmoid networks hardly learn, and what helps (course S001, S002 "vanishing & exploding gradients").
import assert from "node:assert/strict";
import { crossEntropy, manualSeed, nn, optim, scope, tensor, type Tensor, zeros } from "fovea";
import { strokes } from "fovea/data";

// 1. Four neurons in a row, every z = 0 and w = 1: ∂C/∂b₁ = σ'(z₁) w₂ σ'(z₂) w₃ σ'(z₃) w₄ σ'(z₄) ∂C/∂a₄ = 0.25⁴.
const biases = [0, -0.5, -0.5, -0.5].map((b) => tensor(b).requireGrad()); // z = 1 · σ(0) − ½ = 0
let a = zeros([]);
for (const b of biases) a = a.add(b).sigmoid();
a.backward();
const chain = await Promise.all(biases.map((b) => b.grad!.item()));
console.log(`σ'(0)⁴ … σ'(0)¹: ${chain.join(", ")}`);
assert.deepEqual(chain, [0.00390625, 0.015625, 0.0625, 0.25]);

// 2. Four hidden layers of 30 on handwriting: the length of the error at each layer's input to its activation.
const data = strokes({ count: 200 });
const x = tensor(
  Float32Array.from(data.images, (v) => v / 255),
  { shape: [200, 784] },
);
const y = tensor(Int32Array.from(data.labels));
const DEPTH = 4;

interface Recipe {
  readonly activation: (z: Tensor) => Tensor;
  readonly init: (w: Tensor) => Tensor;
  readonly batchNorm?: boolean;
  readonly skips?: boolean;
}

/** ‖∂C/∂z‖ of each hidden layer, first to last. */
async function errors({ activation, init, batchNorm = false, skips = false }: Recipe, seed: number): Promise<number[]> {
  manualSeed(seed);
  const layers = [784, 30, 30, 30].map((inputs) => new nn.Linear(inputs, 30));
  const norms = layers.map(() => new nn.BatchNorm1d(30));
  const last = new nn.Linear(30, 10);
  for (const layer of [...layers, last]) init(layer.weight);
  // A layer's bias is added to z, so ∂C/∂z of each example is the gradient of zeros that are added to z as well.
  const probes = layers.map(() => zeros([200, 30]).requireGrad());
  scope(() => {
    let h = x;
    layers.forEach((layer, i) => {
      let z = layer.forward(h).add(probes[i]!);
      if (batchNorm) z = norms[i]!.forward(z);
      const out = activation(z);
      h = skips && i > 0 ? out.add(h) : out;
    });
    crossEntropy(last.forward(h), y).backward();
  });
  return Promise.all(probes.map((p) => p.grad!.square().sum().sqrt().item()));
}

const sigmoid = (z: Tensor) => z.sigmoid();
const relu = (z: Tensor) => z.relu();
const { init } = nn;
/** Nielsen's: a layer's sum has variance about 1. */
const byFanIn = (w: Tensor) => init.lecunNormal(w);
const recipes: Record<string, Recipe> = {
  sigmoid: { activation: sigmoid, init: byFanIn },
  "sigmoid, Glorot": { activation: sigmoid, init: (w) => init.glorotUniform(w) },
  "sigmoid, batch norm": { activation: sigmoid, init: byFanIn, batchNorm: true },
  "sigmoid, skips": { activation: sigmoid, init: byFanIn, skips: true },
  "ReLU, small weights": { activation: relu, init: (w) => init.normal(w, 0, 0.05) },
  "ReLU, He": { activation: relu, init: (w) => init.heNormal(w) },
  "ReLU, He, batch norm": { activation: relu, init: (w) => init.heNormal(w), batchNorm: true },
  "ReLU, He, skips": { activation: relu, init: (w) => init.heNormal(w), skips: true },
};

console.log("\n‖∂C/∂z‖ by hidden layer, mean of 5 seeds (first layer … last)".padEnd(64) + "last : first");
const ratios: Record<string, number> = {};
for (const [name, recipe] of Object.entries(recipes)) {
  const runs = await Promise.all([1, 2, 3, 4, 5].map((seed) => errors(recipe, seed)));
  if (name === "sigmoid") {
    for (const run of runs) for (let i = 1; i < DEPTH; i++) assert.ok(run[i]! > run[i - 1]!, `${run} is not monotone`);
  }
  const mean = runs[0]!.map((_, i) => runs.reduce((sum, run) => sum + run[i]!, 0) / runs.length);
  ratios[name] = mean.at(-1)! / mean[0]!;
  const shown = mean.map((v) => v.toExponential(1)).join("  ");
  console.log(`${name.padEnd(23)}${shown.padEnd(40)}${ratios[name]!.toFixed(1).padStart(10)}`);
}
assert.ok(ratios["sigmoid"]! > 10); // each layer loses a factor of two at least
assert.ok(ratios["ReLU, He, skips"]! < 10 && ratios["ReLU, He, skips"]! > 0.1);
assert.ok(ratios["sigmoid, batch norm"]! < ratios["sigmoid"]!);
assert.ok(ratios["sigmoid, skips"]! < ratios["sigmoid"]!);

// 3. Exploding gradients: clipping by the norm of all gradients together keeps their direction.
const w = tensor([0, 0]).requireGrad();
w.mul(tensor([3, 4]))
  .sum()
  .backward(); // a gradient of length 5
optim.clipGradNorm([w], 1);
const clipped = (await w.grad!.toArray()) as number[];
console.log(`\n[3, 4] clipped to length 1: [${clipped.map((v) => v.toFixed(4)).join(", ")}]`);
clipped.forEach((v, i) => assert.ok(Math.abs(v - [0.6, 0.8][i]!) < 1e-6));
