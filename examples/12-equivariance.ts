// A convolution follows its input, pooling nearly ignores a small shift: measured (course S000, S001, S003, S004).
import assert from "node:assert/strict";
import { conv2d, manualSeed, padMode, randn, roll, tensor, type Tensor } from "fovea";
import { strokes } from "fovea/data";

const data = strokes({ count: 64, split: "test" });
const x = tensor(
  Float32Array.from(data.images, (v) => v / 255),
  { shape: [64, 1, 28, 28] },
);
manualSeed(0);
const kernel = randn([8, 1, 3, 3]).mul(0.3);
const largest = (t: Tensor) => t.abs().max().item();
const shifted = (t: Tensor, by: number) => roll(t, by, 3);

// 1. Equivariance, f(shift x) = shift f(x): exact where the edges of the picture meet, else exact but for the border.
const around = [
  [1, 1],
  [1, 1],
] as const; // a row above, one below, a column left, one right
const circular = (t: Tensor) => conv2d(padMode(t, around, "circular"), kernel);
const zeroPadded = (t: Tensor) => conv2d(t, kernel, undefined, { padding: 1 });
console.log("shift by     circular    zeros, border    zeros, inside");
for (const by of [1, 2, 5]) {
  const error = (f: (t: Tensor) => Tensor) => f(shifted(x, by)).sub(shifted(f(x), by));
  const exact = await largest(error(circular));
  const border = await largest(error(zeroPadded));
  const inside = await largest(error(zeroPadded).narrow(3, by + 1, 28 - 2 * (by + 1)));
  console.log(`${String(by).padStart(8)}${[exact, border, inside].map((v) => v.toPrecision(2).padStart(14)).join("")}`);
  assert.equal(exact, 0);
  assert.equal(inside, 0);
}

// 2. Invariance: of the values that are there before or after a shift of one pixel (more than a twentieth of the largest),
// the share that changes by less than a fifth of the largest; and the mean change of all.
const maps = circular(x).relu();
const moved = circular(shifted(x, 1)).relu();
/** Zhang, "Making convolutional networks shift-invariant again" (2019): maximum at stride 1, binomial blur, then stride 2. */
const blur = tensor([1, 2, 1])
  .reshape([3, 1])
  .mul(tensor([1, 2, 1]).reshape([1, 3]))
  .div(16);
const antiAliased = (t: Tensor) => {
  const dense = padMode(
    t,
    [
      [0, 1],
      [0, 1],
    ],
    "circular",
  ).maxPool2d(2, { stride: 1 });
  const weight = blur.reshape([1, 1, 3, 3]).expand([8, 1, 3, 3]);
  return conv2d(padMode(dense, around, "circular"), weight, undefined, { stride: 2, groups: 8 });
};
const pools: Record<string, (t: Tensor) => Tensor> = {
  "no pooling": (t) => t,
  "2 × 2 max": (t) => t.maxPool2d(2),
  "4 × 4 max": (t) => t.maxPool2d(4),
  "2 × 2 mean": (t) => t.avgPool2d(2),
  "2 × 2 max, anti-aliased": antiAliased,
  global: (t) => t.max([2, 3]),
};
const stable: Record<string, number> = {};
const change: Record<string, number> = {};
console.log("\nafter a shift of one pixel    values that stay    mean change");
for (const [name, pool] of Object.entries(pools)) {
  const [before, after] = [pool(maps), pool(moved)];
  const difference = before.sub(after).abs();
  const scale = before.abs().max();
  const there = before.maximum(after).greater(scale.mul(0.05)).cast("float32");
  const stays = difference.lessEqual(scale.mul(0.2)).cast("float32").mul(there);
  stable[name] = (await stays.sum().item()) / (await there.sum().item());
  change[name] = (await difference.mean().item()) / (await before.abs().mean().item());
  console.log(`${name.padEnd(26)}${`${(100 * stable[name]!).toFixed(1)} %`.padStart(16)}${`${(100 * change[name]!).toFixed(1)} %`.padStart(16)}`); // prettier-ignore
}
assert.ok(stable["2 × 2 max"]! >= 0.5, "at least half of the pooled values stay");
assert.ok(change["2 × 2 max"]! < change["no pooling"]!);
assert.ok(stable["2 × 2 max, anti-aliased"]! > stable["2 × 2 max"]!);
assert.ok(change["2 × 2 max, anti-aliased"]! < change["2 × 2 max"]!);
assert.ok(change["global"]! < 1e-6, "what is taken from everywhere does not change");
