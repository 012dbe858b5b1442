import { describe, expect, it } from "vitest";
import {
  compile,
  concat,
  conv1d,
  conv2d,
  conv3d,
  convTranspose2d,
  convTranspose3d,
  grad,
  locallyConnected2d,
  tensor,
  type Tensor,
} from "../index.ts";
import { convSettings, transposeSettings } from "../testing/convSettings.ts";
import { testNumbers } from "../testing/cases.ts";
import { describeEngines } from "../testing/engines.ts";
import { sizeOf, type Shape } from "../base/shape.ts";
import type { ConvOptions } from "./convShape.ts";

const values = (x: Tensor): number[] => Array.from(x.storage.values());
const random = (shape: Shape, seed: number): Tensor =>
  tensor(Float32Array.from({ length: sizeOf(shape) }, testNumbers(seed)), { shape });

/** x moved by `by` along an axis; what falls out comes in on the other side. */
function roll(x: Tensor, by: number, axis: number): Tensor {
  const size = x.shape[axis]!;
  const cut = (((size - by) % size) + size) % size;
  return concat([x.narrow(axis, cut, size - cut), x.narrow(axis, 0, cut)], axis);
}

type AnyConv = (x: Tensor, weight: Tensor, bias: Tensor | null, options: ConvOptions) => Tensor;
const convs = { 1: conv1d, 2: conv2d, 3: conv3d } as Record<1 | 2 | 3, AnyConv>;

describeEngines("invariances of convolution", () => {
  it("circular convolution commutes with shifts, bit for bit, in 1-D, 2-D and 3-D", () => {
    for (const [shape, kernel, dilation] of [
      [[2, 3, 17], [5, 3, 3], 1],
      [[1, 8, 23], [16, 8, 4], 2],
      [[2, 3, 9, 11], [4, 3, 3, 3], 1],
      [[1, 16, 13, 10], [32, 16, 3, 2], 2],
      [[1, 2, 5, 6, 7], [3, 2, 2, 3, 3], 1],
    ] as const) {
      const axes = (shape.length - 2) as 1 | 2 | 3;
      const [x, w, b] = [random(shape, 1), random(kernel, 2), random([kernel[0]], 3)];
      const conv = (t: Tensor) => convs[axes](t, w, b, { padding: "same", paddingMode: "circular", dilation });
      for (let axis = 2; axis < x.rank; axis++) {
        for (const by of [1, -2, 4]) expect(values(conv(roll(x, by, axis)))).toEqual(values(roll(conv(x), by, axis)));
      }
    }
  });

  it("with a stride, it commutes with shifts by whole strides", () => {
    const [x, w] = [random([1, 4, 12, 12], 4), random([8, 4, 3, 3], 5)];
    const conv = (t: Tensor) => conv2d(t, w, null, { stride: 3, padding: 1, paddingMode: "circular" });
    expect(values(conv(roll(x, 6, 3)))).toEqual(values(roll(conv(x), 2, 3)));
  });

  it("NHWC data give the same bits as NCHW data, results and gradients", () => {
    for (const { name, axes, x: shape, weight, options } of convSettings(30, 31)) {
      const spatial = shape.slice(2).map((_, k) => k + 2);
      const [x, w] = [random(shape, 6), random(weight, 7).requireGrad()];
      // The same pictures with channels last, as they come from an image file; turned back, not copied.
      const last = tensor(values(x.permute([0, ...spatial, 1])), {
        shape: [shape[0]!, ...shape.slice(2), shape[1]!],
      });
      const back = [0, shape.length - 1, ...spatial.map((k) => k - 1)];
      const both = [x.requireGrad(), last.requireGrad()].map((input, i) => {
        const y = convs[axes](i === 0 ? input : input.permute(back), w, null, options);
        const result = values(y);
        const [dx, dw] = grad(y, [input, w], { gradient: random(y.shape, 8) }) as [Tensor, Tensor];
        return [result, values(i === 0 ? dx : dx.permute(back)), values(dw)];
      });
      expect(both[1], name).toEqual(both[0]);
    }
  });

  it("compiled equals eager, bit for bit, gradients included", () => {
    const cases: [string, (x: Tensor, w: Tensor) => Tensor, Shape, Shape][] = [
      ...convSettings(15, 32).map((s): [string, (x: Tensor, w: Tensor) => Tensor, Shape, Shape] => [
        s.name,
        (x, w) => convs[s.axes](x, w, null, s.options),
        s.x,
        s.weight,
      ]),
      [
        "transposed 2-D",
        (x, w) => convTranspose2d(x, w, null, { stride: 2, outputPadding: 1 }),
        [2, 3, 4, 5],
        [3, 4, 3, 3],
      ],
      [
        "transposed 3-D",
        (x, w) => convTranspose3d(x, w, null, { stride: 2, padding: 1 }),
        [1, 3, 3, 4, 3],
        [3, 2, 3, 3, 3],
      ],
      ["unshared", (x, w) => locallyConnected2d(x, w), [2, 3, 4, 4], [3, 2, 4, 3, 2, 3]],
    ];
    for (const [name, fn, shape, kernel] of cases) {
      const both = (x: Tensor, w: Tensor): Tensor[] => {
        const y = fn(x.requireGrad(), w.requireGrad());
        return [y, ...grad(y.square().sum(), [x, w], { retainGraph: true }).map((g) => g!)];
      };
      const [x, w] = [random(shape, 9), random(kernel, 10)];
      const eager = both(x, w).map(values);
      const step = compile(both);
      for (let i = 0; i < 2; i++) expect(step(x, w).map(values), name).toEqual(eager);
      step.dispose();
    }
  });
});

describe("transposed settings", () => {
  it("give the size of the law, or the one that was asked for", () => {
    for (const { axes, x, weight, options } of transposeSettings(60, 33)) {
      if (axes !== 2 || options.padding === "same" || options.padding === "valid") continue;
      const y = convTranspose2d(random(x, 1), random(weight, 2), null, options as { stride: [number, number] });
      const { stride, padding, dilation, outputPadding } = options as Record<string, readonly never[]>;
      const want = [0, 1].map((k) => {
        const [before, after] = padding![k] as unknown as [number, number];
        return (
          (x[k + 2]! - 1) * stride![k]! - before - after + dilation![k]! * (weight[k + 2]! - 1) + outputPadding![k]! + 1
        );
      });
      expect(y.shape.slice(2)).toEqual(want);
    }
  });
});
