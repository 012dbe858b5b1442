import { expect, it } from "vitest";
import { countMacs, nn, noGrad, zeros } from "../index.ts";

it("counts what the network would do, computing nothing", () => {
  const conv = new nn.Conv2d(3, 96, 11, { stride: 4 });
  const bn = new nn.BatchNorm2d(96);
  // AlexNet's first layer: 55 · 55 · 96 outputs of 3 · 11 · 11 products
  expect(countMacs((x) => bn.forward(conv.forward(x)), [2, 3, 227, 227])).toBe(2 * 55 * 55 * 96 * 363);
  expect(bn.numBatchesTracked!.storage.values()[0]).toBe(0);
});

it("takes other dtypes by spec", () => {
  expect(
    countMacs((x) => noGrad(() => x.cast("float32").matmul(zeros([4, 5]))), { shape: [3, 4], dtype: "uint8" }),
  ).toBe(60);
});
