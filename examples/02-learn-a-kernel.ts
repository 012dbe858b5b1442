// Gradient descent finds the kernel that a picture was filtered with (course S000, S001).
import assert from "node:assert/strict";
import { compile, conv2d, nn, optim, tensor, type Tensor, zeros } from "fovea";

/** The kernel [1, 1, 3, 3] that gradient descent finds from zeros, and the sum of squared errors that it leaves. */
async function learn(image: Tensor, target: Tensor): Promise<{ kernel: number[][]; error: number }> {
  const learned = new nn.Parameter(zeros([1, 1, 3, 3]));
  const optimizer = new optim.SGD([learned], { lr: 1e-3, momentum: 0.9 });
  const step = compile((x: Tensor, y: Tensor) => {
    const loss = conv2d(x, learned).sub(y).square().mean();
    optimizer.minimize(loss);
    return loss;
  });
  for (let i = 0; i < 3000; i++) step(image, target);
  const error = conv2d(image, learned).sub(target).square().sum();
  return { kernel: (await learned.reshape([3, 3]).toArray()) as number[][], error: await error.item() };
}

const show = (kernel: number[][]) => kernel.map((row) => row.map((v) => v.toFixed(3).padStart(8)).join("")).join("\n");

// A 6×6 checkerboard of two tens, filtered with the horizontal-edge kernel.
const image = tensor(
  Array.from({ length: 6 }, (_, i) => Array.from({ length: 6 }, (_, j) => (i < 3 === j < 3 ? 10 : 0))),
).reshape([1, 1, 6, 6]);
const horizontal = [
  [1, 1, 1],
  [0, 0, 0],
  [-1, -1, -1],
];
const target = conv2d(image, tensor(horizontal).reshape([1, 1, 3, 3]));
assert.deepEqual(await target.reshape([4, 4]).toArray(), [
  [0, 0, 0, 0],
  [30, 10, -10, -30],
  [30, 10, -10, -30],
  [0, 0, 0, 0],
]);
const { kernel } = await learn(image, target);
console.log(`learned from the checkerboard:\n${show(kernel)}`);
kernel.flat().forEach((v, i) => {
  const wanted = horizontal.flat()[i]!;
  assert.ok(Math.abs(v - wanted) < 1e-3, `weight ${i}: ${v} instead of ${wanted}`);
});

// The course prints this output beside another picture, from which no kernel makes it: its 16 windows are 9 independent
// columns, so the best there is leaves the least-squares residual 1293.918 (NumPy's lstsq).
const printed = tensor([
  [3, 0, 1, 2, 7, 4],
  [1, 5, 8, 9, 3, 1],
  [2, 7, 2, 5, 1, 3],
  [0, 1, 3, 1, 7, 8],
  [4, 2, 1, 6, 2, 8],
  [2, 4, 5, 2, 3, 9],
]).reshape([1, 1, 6, 6]);
const best = await learn(printed, target);
console.log(`the best for the picture printed beside it leaves ${best.error.toFixed(3)}:\n${show(best.kernel)}`);
assert.ok(Math.abs(best.error - 1293.918) < 0.01);
