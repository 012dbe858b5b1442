// Every contestant is a process that answers lines on stdin, so that they can be run in turn: A B A B.
//   "steps N" -> {"seconds": wall time of N training steps, "loss": loss of the last one}
// All start from the same weights and the same batch, given by a formula, so that losses can be compared first.
import { createInterface } from "node:readline";

/** Element i of formula tensor number `which`: pseudo-random in [-1, 1), the same in every language. */
export function formula(which, size) {
  return Float32Array.from({ length: size }, (_, i) => {
    const v = Math.sin((i + 1) * 12.9898 + which * 78.233) * 43758.5453;
    return (v - Math.floor(v)) * 2 - 1;
  });
}

/** LeNet-5 (D2L layout, ReLU, max pooling): [name, shape, fan-in] in PyTorch order. */
export const lenetParameters = [
  ["conv1.weight", [6, 1, 5, 5], 25],
  ["conv1.bias", [6], 25],
  ["conv2.weight", [16, 6, 5, 5], 150],
  ["conv2.bias", [16], 150],
  ["fc1.weight", [120, 400], 400],
  ["fc1.bias", [120], 400],
  ["fc2.weight", [84, 120], 120],
  ["fc2.bias", [84], 120],
  ["fc3.weight", [10, 84], 84],
  ["fc3.bias", [10], 84],
];

/** Initial values: U(±1/√fan-in), by formula. */
export function lenetWeights() {
  return lenetParameters.map(([name, shape, fanIn], k) => {
    const values = formula(
      k + 1,
      shape.reduce((a, d) => a * d, 1),
    ).map((v) => v / Math.sqrt(fanIn));
    return { name, shape, values };
  });
}

/** A batch: images [N, 1, 28, 28] and labels i mod 10. */
export function lenetBatch(size) {
  return { x: formula(100, size * 784), y: Int32Array.from({ length: size }, (_, i) => i % 10) };
}

export const LR = 0.01;
export const MOMENTUM = 0.9;

/** Serves `steps(n)`, which runs n training steps and returns the last loss. */
export function serve(steps) {
  const lines = createInterface({ input: process.stdin });
  let queue = Promise.resolve();
  lines.on("line", (line) => {
    const n = Number(line.split(" ")[1]);
    queue = queue.then(async () => {
      const start = performance.now();
      const loss = await steps(n);
      process.stdout.write(`${JSON.stringify({ seconds: (performance.now() - start) / 1000, loss })}\n`);
    });
  });
  lines.on("close", () => queue.then(() => process.exit(0)));
}
