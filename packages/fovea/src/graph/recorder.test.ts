import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, it } from "vitest";
import { compile, currentEngine, scope, tensor, type Tensor } from "../index.ts";
import { describeEngines } from "../testing/engines.ts";

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

const live = () => currentEngine().memory().liveBytes;

const once = (n: number) => {
  const f = compile((x: Tensor) => x.mul(3).add(tensor(new Float32Array(n))));
  f(tensor(new Float32Array(n)));
  f.dispose();
};

describeEngines("constants of a recorded function", () => {
  it("live as long as the function, also when nobody else holds them", async () => {
    const f = compile((x: Tensor) => x.mul(3).add(tensor([1, 2])));
    f(tensor([0, 0]));
    for (let i = 0; i < 3; i++) {
      collectGarbage();
      await new Promise((resolve) => setTimeout(resolve, 5)); // finalizers run between tasks
    }
    expect(await f(tensor([1, 1])).toArray()).toEqual([4, 5]);
    expect(f.plans.size).toBe(1);
  });

  it("survive a scope around the first call", async () => {
    const f = compile((x: Tensor) => x.mul(3));
    const first = scope(() => f(tensor([1])));
    expect(await first.toArray()).toEqual([3]);
    expect(await scope(() => f(tensor([2]))).toArray()).toEqual([6]);
  });

  it("end with it", () => {
    const w = tensor([1]).requireGrad();
    const endSteps = () => {
      for (let i = 0; i < 3; i++) w.mul(1).sum().backward();
    };
    once(50); // the arena of compiled programs stays, at the size of the largest
    endSteps();
    const before = live();
    for (let n = 1; n < 50; n++) once(n);
    endSteps();
    expect(live()).toBe(before);
  });

  it("may be returned as they are", async () => {
    const c = tensor([7]);
    const f = compile((x: Tensor) => ({ x: x.neg(), c }));
    expect(await f(tensor([1])).c.toArray()).toEqual([7]);
  });
});
