// A 3-D network sees which way a shape moves; no single frame tells (course S001, S003: video is a 3-D grid).
import assert from "node:assert/strict";
import { compile, crossEntropy, manualSeed, nn, noGrad, optim, RandomStream, tensor, type Tensor } from "fovea";

const FRAMES = 5;
const SIDE = 10;
const directions = [[0, 1], [0, -1], [1, 0], [-1, 0]] as const; // prettier-ignore
const names = ["right", "left", "down", "up"];

/** Clips [N, 1, FRAMES, SIDE, SIDE]: a square, cross or ring that moves a pixel a frame, from anywhere, over noise. */
function clips(count: number, random: RandomStream): { x: Tensor; y: Tensor } {
  const x = new Float32Array(count * FRAMES * SIDE * SIDE);
  const labels = new Int32Array(count);
  for (let n = 0; n < count; n++) {
    const label = (labels[n] = random.int(4));
    const shape = random.int(3);
    const [row, column] = [random.int(SIDE), random.int(SIDE)];
    for (let f = 0; f < FRAMES; f++) {
      const frame = x.subarray((n * FRAMES + f) * SIDE * SIDE, (n * FRAMES + f + 1) * SIDE * SIDE);
      for (let i = 0; i < frame.length; i++) frame[i] = 0.1 * random.normal();
      for (let i = -1; i <= 1; i++) {
        for (let j = -1; j <= 1; j++) {
          if (shape === 1 && i !== 0 && j !== 0) continue;
          if (shape === 2 && i === 0 && j === 0) continue;
          const r = (row + directions[label]![0] * f + i + 2 * SIDE) % SIDE;
          const c = (column + directions[label]![1] * f + j + 2 * SIDE) % SIDE;
          frame[r * SIDE + c]! += 1;
        }
      }
    }
  }
  return { x: tensor(x, { shape: [count, 1, FRAMES, SIDE, SIDE] }), y: tensor(labels) };
}

/** One clip as text: its frames side by side. */
async function draw(x: Tensor): Promise<string> {
  const values = await x.data();
  return Array.from({ length: SIDE }, (_, r) =>
    Array.from({ length: FRAMES }, (_, f) =>
      Array.from({ length: SIDE }, (_, c) => (values[(f * SIDE + r) * SIDE + c]! > 0.6 ? "█" : "·")).join(""),
    ).join("  "),
  ).join("\n");
}

manualSeed(0);
const model = new nn.Sequential(
  new nn.Conv3d(1, 16, 3, { padding: 1, bias: false }), // three frames: enough to see a pixel's motion
  new nn.BatchNorm3d(16),
  new nn.ReLU(),
  new nn.Conv3d(16, 16, [3, 3, 3], { stride: [1, 2, 2], padding: 1, bias: false }),
  new nn.BatchNorm3d(16),
  new nn.ReLU(),
  new nn.AdaptiveAvgPool3d(1),
  new nn.Flatten(),
  new nn.Linear(16, 4),
);
const STEPS = 150;
const optimizer = new optim.AdamW(model.parameters(), { lr: optim.cosine(1e-2, { steps: STEPS }) });
const step = compile((x: Tensor, y: Tensor) => {
  const loss = crossEntropy(model.forward(x), y);
  optimizer.minimize(loss);
  return loss.detach();
});
const random = new RandomStream(0);
for (let i = 0; i < STEPS; i++) {
  const { x, y } = clips(32, random.fork("train").fork(i));
  step(x, y);
}
const { x, y } = clips(500, random.fork("test"));
model.eval();
const said = noGrad(() => model.forward(x).argmax(1));
const accuracy = (await said.equal(y).sum().item()) / 500;
console.log(
  `moves ${names[(await y.data())[0]!]}, said ${names[(await said.data())[0]!]}:\n${await draw(x.narrow(0, 0, 1))}`,
);

// The same clips with their frames in one place: the direction is gone, and with it the answer.
const still = noGrad(() => model.forward(x.narrow(2, 0, 1).expand(x.shape)).argmax(1));
const guessed = (await still.equal(y).sum().item()) / 500;
console.log(
  `directions seen: ${(100 * accuracy).toFixed(1)} %; from the first frame alone: ${(100 * guessed).toFixed(1)} %`,
);
assert.ok(accuracy >= 0.95 && guessed < 0.5);
