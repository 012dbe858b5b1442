import { expect, it } from "vitest";
import { assign, compile, noGrad, ones, tensor, zeros, type Tensor } from "../index.ts";
import { describeEngines } from "../testing/engines.ts";
import { overwrite } from "./assign.ts";

describeEngines("assign", () => {
  it("changes the tensor in place, for later readers and for compiled functions", async () => {
    const w = tensor([1, 2]);
    const double = compile((x: Tensor) => x.mul(w).mul(2));
    expect(await double(ones([2])).toArray()).toEqual([2, 4]);
    noGrad(() => assign(w, tensor([5, 6])));
    expect(await w.toArray()).toEqual([5, 6]);
    expect(await double(ones([2])).toArray()).toEqual([10, 12]);
    expect(double.plans.size).toBe(1);
  });

  it("inside compile, is seen by what comes after it and kept for the next call", async () => {
    const count = zeros([1]);
    const next = compile((step: Tensor) => {
      const before = count.mul(1);
      noGrad(() => assign(count, count.add(step)));
      return { before, after: count.mul(10) };
    });
    const step = ones([1]);
    const first = next(step);
    const second = next(step);
    const values = await Promise.all([first.before, first.after, second.before, second.after].map((t) => t.item()));
    expect(values).toEqual([0, 10, 1, 20]);
    expect(await count.item()).toBe(2);
  });

  it("overwrite writes values of the host before and after an engine holds the tensor", async () => {
    const w = tensor([1, 2]);
    overwrite(w, Float32Array.of(3, 4));
    expect(await w.add(1).toArray()).toEqual([4, 5]);
    overwrite(w, Float32Array.of(7, 8));
    expect(await w.toArray()).toEqual([7, 8]);
    expect(await w.add(1).toArray()).toEqual([8, 9]);
  });
});

it("an update outside noGrad is an error", () => {
  expect(() => assign(tensor([1]), tensor([2]))).toThrow(/gradients are on.*noGrad/);
});

it("a result of an op is not a target", () => {
  const y = tensor([1]).requireGrad().mul(2);
  expect(() => noGrad(() => assign(y, tensor([2])))).toThrow(/a result of mul; only leaves/);
});

it("a tensor that lives only inside a recording is not a target", () => {
  const f = compile((x: Tensor) => noGrad(() => assign(x, tensor([2]))));
  expect(() => f(tensor([1]))).toThrow(/exists only inside the compiled function/);
});

it("shapes and dtypes must be the same", () => {
  expect(() => noGrad(() => assign(zeros([2, 3]), zeros([3])))).toThrow(
    "assign: the value is [3] float32 and the target [2, 3] float32; both must be the same",
  );
  expect(() => noGrad(() => assign(zeros([3], "int32"), zeros([3])))).toThrow(/float32 and the target \[3\] int32/);
});
