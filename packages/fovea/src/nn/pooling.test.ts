import { describe, expect, it } from "vitest";
import * as fovea from "../index.ts";
import { nn, tensor, type Tensor } from "../index.ts";
import { testNumbers } from "../testing/cases.ts";

const seeded = (shape: readonly number[]) => {
  const size = shape.reduce((n, d) => n * d, 1);
  return tensor(Float32Array.from({ length: size }, testNumbers(3)), { shape });
};
const values = (t: Tensor) => Array.from(t.storage.values());
const same = (got: Tensor, want: Tensor) => {
  expect(got.shape).toEqual(want.shape);
  expect(values(got)).toEqual(values(want));
};

const inputs = [seeded([2, 3, 9]), seeded([2, 3, 7, 9]), seeded([1, 2, 5, 4, 6])] as const;
const maxPools = [nn.MaxPool1d, nn.MaxPool2d, nn.MaxPool3d] as const;
const avgPools = [nn.AvgPool1d, nn.AvgPool2d, nn.AvgPool3d] as const;
const lpPools = [nn.LPPool1d, nn.LPPool2d, nn.LPPool3d] as const;
const unpools = [nn.MaxUnpool1d, nn.MaxUnpool2d, nn.MaxUnpool3d] as const;
const adaptiveAvg = [nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d, nn.AdaptiveAvgPool3d] as const;
const adaptiveMax = [nn.AdaptiveMaxPool1d, nn.AdaptiveMaxPool2d, nn.AdaptiveMaxPool3d] as const;

type Op = (...args: unknown[]) => Tensor;
const op = (name: string): Op => fovea[name as keyof typeof fovea] as Op;

describe("pooling layers", () => {
  for (const n of [1, 2, 3] as const) {
    const x = inputs[n - 1]!;

    it(`MaxPool${n}d, AvgPool${n}d and LPPool${n}d are their ops with their options`, () => {
      const options = { stride: 2, padding: 1, ceilMode: true };
      same(
        new maxPools[n - 1]!(3, { ...options, dilation: 2 }).forward(x),
        op(`maxPool${n}d`)(x, 3, { ...options, dilation: 2 }),
      );
      const average = { ...options, countIncludePad: false };
      same(new avgPools[n - 1]!(3, average).forward(x), op(`avgPool${n}d`)(x, 3, average));
      same(
        new avgPools[n - 1]!(2, { divisorOverride: 3 }).forward(x),
        op(`avgPool${n}d`)(x, 2, { divisorOverride: 3 }),
      );
      same(new lpPools[n - 1]!(3, 2, { stride: 1 }).forward(x), op(`lpPool${n}d`)(x, 3, 2, { stride: 1 }));
    });

    it(`MaxUnpool${n}d undoes what MaxPool${n}d.forwardWithIndices kept`, () => {
      const { values: y, indices } = new maxPools[n - 1]!(2).forwardWithIndices(x);
      const back = new unpools[n - 1]!(2).forward(y, indices, x.shape);
      expect(back.shape).toEqual(x.shape);
      const [before, after] = [values(x), values(back)];
      expect(after.filter((v) => v !== 0).length).toBe(y.size);
      after.forEach((v, i) => expect(v === 0 || v === before[i]).toBe(true));
      same(new maxPools[n - 1]!(2).forward(back), y.maximum(0)); // the zeros win over negative maxima
    });

    it(`AdaptiveAvgPool${n}d and AdaptiveMaxPool${n}d give the size asked for`, () => {
      same(new adaptiveAvg[n - 1]!(3).forward(x), op(`adaptiveAvgPool${n}d`)(x, 3));
      const layer = new adaptiveMax[n - 1]!(3);
      same(layer.forward(x), op(`adaptiveMaxPool${n}d`)(x, 3));
      same(layer.forwardWithIndices(x).values, layer.forward(x));
      expect(layer.forward(x).shape.slice(2)).toEqual(Array.from({ length: n }, () => 3));
    });
  }

  it("Upsample and its two short forms are interpolate", () => {
    const x = inputs[1];
    const options = { size: [5, 12], mode: "bicubic" } as const;
    same(new nn.Upsample(options).forward(x), fovea.interpolate(x, options));
    same(new nn.UpsamplingNearest2d({ scaleFactor: 2 }).forward(x), fovea.interpolate(x, { scaleFactor: 2 }));
    const corners = { size: 9, mode: "bilinear", alignCorners: true } as const;
    same(new nn.UpsamplingBilinear2d({ size: 9 }).forward(x), fovea.interpolate(x, corners));
  });

  it("LocalResponseNorm is localResponseNorm", () => {
    const options = { alpha: 0.1, k: 2, divideBySize: false };
    same(new nn.LocalResponseNorm(5, options).forward(inputs[1]), fovea.localResponseNorm(inputs[1], 5, options));
  });

  it("print their arguments", () => {
    const net = new nn.Sequential(
      new nn.MaxPool3d([1, 2, 2], { stride: 2 }),
      new nn.LPPool2d(2, 3),
      new nn.AdaptiveAvgPool2d([7, null]),
      new nn.Upsample({ scaleFactor: 2, mode: "bilinear" }),
      new nn.LocalResponseNorm(5, { k: 2 }),
    );
    const text = String(net);
    for (const part of [
      "kernelSize=[1, 2, 2], stride=2",
      "2, kernelSize=3",
      "[7, null]",
      "scaleFactor=2, mode=bilinear",
      "5, k=2",
    ]) {
      expect(text).toContain(part);
    }
  });
});
