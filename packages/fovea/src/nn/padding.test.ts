import { expect, it } from "vitest";
import { arange, gradCheck, nn, ones, randn, type Tensor } from "../index.ts";
import { describeEngines } from "../testing/engines.ts";

const values = (x: Tensor): number[] => Array.from(x.storage.values());

describeEngines("padding layers", () => {
  it("count sides from the last axis, as PyTorch does (examples of torch.nn's documentation)", () => {
    const x = arange(9).reshape([1, 1, 3, 3]);
    // nn.ReflectionPad2d((1, 1, 2, 0)), nn.ReplicationPad2d((1, 1, 2, 0)), nn.CircularPad2d((1, 1, 2, 0))
    expect(values(new nn.ReflectionPad2d([1, 1, 2, 0]).forward(x))).toEqual([
      7, 6, 7, 8, 7, 4, 3, 4, 5, 4, 1, 0, 1, 2, 1, 4, 3, 4, 5, 4, 7, 6, 7, 8, 7,
    ]);
    expect(values(new nn.ReplicationPad2d([1, 1, 2, 0]).forward(x))).toEqual([
      0, 0, 1, 2, 2, 0, 0, 1, 2, 2, 0, 0, 1, 2, 2, 3, 3, 4, 5, 5, 6, 6, 7, 8, 8,
    ]);
    expect(values(new nn.CircularPad2d([1, 1, 2, 0]).forward(x))).toEqual([
      5, 3, 4, 5, 3, 8, 6, 7, 8, 6, 2, 0, 1, 2, 0, 5, 3, 4, 5, 3, 8, 6, 7, 8, 6,
    ]);
    const line = arange(8).reshape([1, 2, 4]);
    expect(values(new nn.ReflectionPad1d(2).forward(line))).toEqual([2, 1, 0, 1, 2, 3, 2, 1, 6, 5, 4, 5, 6, 7, 6, 5]);
    expect(values(new nn.ConstantPad1d([3, 1], 3.5).forward(line.narrow(1, 0, 1)))).toEqual([
      3.5, 3.5, 3.5, 0, 1, 2, 3, 3.5,
    ]);
    expect(new nn.ZeroPad3d([3, 3, 6, 6, 0, 1]).forward(ones([1, 3, 10, 20, 30])).shape).toEqual([1, 3, 11, 32, 36]);
    expect(values(new nn.ConstantPad2d([-1, 1, 0, -2], 9).forward(x))).toEqual([1, 2, 9]);
  });

  it("unfold and fold are layers too", () => {
    const columns = new nn.Unfold([2, 3], { stride: [1, 2] }).forward(ones([2, 5, 3, 5]));
    expect(columns.shape).toEqual([2, 30, 4]);
    expect(new nn.Fold([3, 5], [2, 3], { stride: [1, 2] }).forward(columns).shape).toEqual([2, 5, 3, 5]);
  });
});

it("padding layers have gradients, names and errors", () => {
  for (const make of [nn.ReflectionPad3d, nn.ReplicationPad3d, nn.CircularPad3d, nn.ZeroPad3d]) {
    expect(gradCheck(new make([1, 0, 1, 2, 0, 1]), [randn([1, 2, 2, 3, 2])]).passed).toBe(true);
  }
  expect(new nn.ReflectionPad2d([1, 1, 2, 0]).describe()).toBe("ReflectionPad2d(padding=[1, 1, 2, 0])");
  expect(() => new nn.ZeroPad2d([1, 2])).toThrow(
    "ZeroPad2d: padding must be a whole number or [left, right, top, bottom], got [1,2]",
  );
  expect(() => new nn.ReplicationPad1d(1).forward(ones([1, 2, 3, 4]))).toThrow(
    "ReplicationPad1d(padding=1): ReplicationPad1d: needs [N, C, L], got [1, 2, 3, 4]",
  );
});
