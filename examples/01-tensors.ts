// Tensors, broadcasting and gradients.
import assert from "node:assert/strict";
import { grad, noGrad, tensor } from "fovea";

const x = tensor([
  [1, 2, 3],
  [4, 5, 6],
]);
const column = tensor([[10], [20]]);
assert.deepEqual(await x.add(column).toArray(), [
  [11, 12, 13],
  [24, 25, 26],
]);
assert.deepEqual(await x.sum([0]).toArray(), [5, 7, 9]);

// A leaf that wants a gradient; backward() leaves it in `grad`.
const w = tensor([0.5, -1, 2]).requireGrad();
const loss = x.mul(w).sum().square();
loss.backward();
// d(s²)/dw = 2s · Σ rows, with s = 0.5·5 − 7 + 2·9 = 13.5
assert.deepEqual(await w.grad!.toArray(), [135, 189, 243]);

// Gradients of gradients: d²(x³)/dx² = 6x.
const t = tensor(2).requireGrad();
const [first] = grad(t.mul(t).mul(t), [t], { createGraph: true });
const [second] = grad(first!, [t]);
assert.equal(await second!.item(), 12);

// Nothing is noted inside noGrad.
assert.equal(noGrad(() => w.sum()).requiresGrad, false);
