import { expect, it } from "vitest";
import { setThreads, threads } from "../backend/engines.ts";
import { compile } from "../graph/compile.ts";
import { tensor } from "../tensor/create.ts";
import { testNumbers } from "../testing/cases.ts";
import { describeEngines, withExact } from "../testing/engines.ts";
import { cpuEngines } from "../testing/suite.ts";
import { conv2d } from "./conv2d.ts";
import { conv2dInputGrad } from "./conv2dInputGrad.ts";
import { conv2dWeightGrad } from "./conv2dWeightGrad.ts";
import type { Tensor } from "../tensor/tensor.ts";

const attrs = { stride: [1, 1], padding: [[1, 1], [1, 1]], dilation: [1, 1], groups: 1 } as const; // prettier-ignore

function random(shape: readonly number[], seed: number): Tensor {
  const next = testNumbers(seed);
  const size = shape.reduce((a, d) => a * d, 1);
  return tensor(Float32Array.from({ length: size }, next), { shape });
}

const numbers = (t: Tensor): Float32Array => Float32Array.from(t.storage.values());

/** Computes the forward pass and both gradients, "same" padding. */
function passes(
  [n, channels, height, width]: readonly number[],
  out: number,
  kernel: readonly [number, number],
): () => Float32Array[] {
  const x = random([n!, channels!, height!, width!], 1);
  const weight = random([out, channels!, ...kernel], 2);
  const g = random([n!, out, height!, width!], 3);
  const [top, left] = kernel.map((k) => (k - 1) / 2) as [number, number];
  const same = { ...attrs, padding: [[top, top], [left, left]] } as const; // prettier-ignore
  return () => [
    numbers(conv2d(x, weight, null, { padding: [top, left] })),
    numbers(conv2dInputGrad(g, weight, x.shape, same)),
    numbers(conv2dWeightGrad(x, g, weight.shape, same)),
  ];
}

const same = (a: Float32Array, b: Float32Array): boolean => Buffer.from(a.buffer).equals(Buffer.from(b.buffer));

/** The largest difference, relative to the largest number. */
function distance(got: Float32Array, want: Float32Array): number {
  let [difference, largest] = [0, 0];
  want.forEach((w, i) => {
    difference = Math.max(difference, Math.abs(got[i]! - w));
    largest = Math.max(largest, Math.abs(w));
  });
  return difference / largest;
}

/** What takes a way of its own through the kernels: [x, output channels]. Gradients of few tiles are direct. */
const shapes: [what: string, x: number[], out: number, byWinograd: boolean[], kernel?: [number, number]][] = [
  ["4×4 tiles, each thread on its own", [2, 64, 27, 26], 96, [true, true, true]],
  ["4×4 tiles, all threads on a plane, two blocks", [51, 130, 5, 5], 226, [true, true, true]],
  ["4×4 tiles, rows of planes a line apart", [64, 256, 4, 4], 250, [true, true, true]],
  ["2×2 tiles", [1, 33, 7, 8], 65, [true, false, false]],
  ["2×2 tiles, all threads on a plane", [1, 290, 7, 7], 230, [true, false, false]],
  ["5×5 kernels", [2, 48, 17, 18], 67, [true, true, false], [5, 5]],
  ["5×5 kernels, all threads on a plane", [2, 130, 12, 12], 226, [true, true, false], [5, 5]],
  ["1×7 kernels", [2, 67, 17, 17], 50, [true, false, false], [1, 7]],
  ["7×1 kernels", [1, 50, 19, 17], 67, [true, false, false], [7, 1]],
];

describeEngines(
  "Winograd convolution",
  () => {
    for (const [what, x, out, byWinograd, kernel = [3, 3] as const] of shapes) {
      it(`${what}: within 1e-5 of the direct result, the same for any number of threads`, () => {
        const before = threads();
        const all = passes(x, out, kernel);
        const direct = withExact(all);
        const winograd = all();
        winograd.forEach((y, i) => {
          const error = distance(y, direct[i]!);
          expect(error).toBeLessThan(1e-5);
          expect(error > 0, "not the same algorithm").toBe(byWinograd[i]);
        });
        for (const count of [1, 2, 3, 7]) {
          setThreads(count);
          all().forEach((y, i) => expect(same(y, winograd[i]!), `pass ${i}, ${count} threads`).toBe(true));
        }
        setThreads(before);
      });
    }

    it("more threads than tiles, which is what there is scratch memory for: the same bits", () => {
      const before = threads();
      const [x, weight] = [random([1, 32, 16, 16], 1), random([32, 32, 3, 3], 2)]; // 16 tiles of 4×4
      const expected = numbers(conv2d(x, weight, null, { padding: 1 }));
      setThreads(20);
      for (let i = 0; i < 20; i++) expect(same(numbers(conv2d(x, weight, null, { padding: 1 })), expected)).toBe(true);
      setThreads(before);
    });

    it("setExact(true) gives the direct result, also in functions that are compiled already", () => {
      const x = random([2, 32, 16, 16], 1);
      const weight = random([32, 32, 3, 3], 2);
      const convolve = (v: Tensor) => conv2d(v, weight, null, { padding: 1 });
      const compiled = compile(convolve);
      const [fast, direct] = [numbers(convolve(x)), withExact(() => numbers(convolve(x)))];
      expect(same(fast, direct)).toBe(false);
      expect(same(numbers(compiled(x)), fast)).toBe(true);
      expect(
        same(
          withExact(() => numbers(compiled(x))),
          direct,
        ),
      ).toBe(true);
      expect(same(numbers(compiled(x)), fast)).toBe(true);
      expect(compiled.plans.size).toBe(2);
      compiled.dispose();
    });

    it("fewer than 16 channels, strides, groups and other kernels are direct", () => {
      const direct = (run: () => Tensor) =>
        expect(
          same(
            numbers(run()),
            withExact(() => numbers(run())),
          ),
        ).toBe(true);
      const weight = random([16, 16, 3, 3], 2);
      direct(() => conv2d(random([1, 3, 32, 32], 1), random([16, 3, 3, 3], 2), null, { padding: 1 }));
      direct(() => conv2d(random([1, 16, 32, 32], 1), weight, null, { stride: 2 }));
      direct(() => conv2d(random([1, 16, 32, 32], 1), weight, null, { dilation: 2 }));
      direct(() => conv2d(random([1, 32, 32, 32], 1), random([32, 16, 3, 3], 2), null, { groups: 2 }));
      direct(() => conv2d(random([1, 16, 32, 32], 1), random([16, 16, 1, 3], 2), null));
    });
  },
  cpuEngines,
);
