// Gradient descent finds the kernel that a picture was filtered with (course S000, S001).
import assert from "node:assert/strict";
import { compile, conv2d, nn, optim, tensor, type Tensor, zeros } from "fovea";

// A 6×6 checkerboard of two tens, filtered with the horizontal-edge kernel.
const image = tensor(
  Array.from({ length: 6 }, (_, i) => Array.from({ length: 6 }, (_, j) => (i < 3 === j < 3 ? 10 : 0))),
).reshape([1, 1, 6, 6]);
const kernel = tensor([
  [1, 1, 1],
  [0, 0, 0],
  [-1, -1, -1],
]).reshape([1, 1, 3, 3]);
const target = conv2d(image, kernel);
assert.deepEqual(await target.reshape([4, 4]).toArray(), [
  [0, 0, 0, 0],
  [30, 10, -10, -30],
  [30, 10, -10, -30],
  [0, 0, 0, 0],
]);

const learned = new nn.Parameter(zeros([1, 1, 3, 3]));
const optimizer = new optim.SGD([learned], { lr: 1e-3, momentum: 0.9 });
const step = compile((x: Tensor, y: Tensor) => {
  const loss = conv2d(x, learned).sub(y).square().mean();
  optimizer.minimize(loss);
  return loss;
});
for (let i = 0; i < 3000; i++) step(image, target);

const found = await learned.data();
const wanted = await kernel.data();
found.forEach((v, i) => assert.ok(Math.abs(v - wanted[i]!) < 1e-3, `weight ${i}: ${v} instead of ${wanted[i]}`));
