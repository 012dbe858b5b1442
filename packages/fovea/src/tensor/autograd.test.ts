import { describe, expect, it } from "vitest";
import { grad, noGrad, scope, tensor, withEngine } from "../index.ts";

describe("backward", () => {
  it("sums the gradients of a shared weight: −6 and −10 make −16 (course S001, inventory section 4)", async () => {
    const w = tensor(1).requireGrad();
    const loss = w.mul(3).add(w.mul(5)).sub(10).square().mul(0.5);
    loss.backward();
    expect(await w.grad!.item()).toBe(-16);
  });

  it("accumulates over calls until the gradient is forgotten", async () => {
    const w = tensor([1, 2]).requireGrad();
    w.mul(3).sum().backward();
    w.mul(4).sum().backward();
    expect(await w.grad!.toArray()).toEqual([7, 7]);
  });

  it("gives gradients of gradients: d²(x³)/dx² = 6x", async () => {
    const x = tensor([1, 2, -3]).requireGrad();
    const [first] = grad(x.mul(x).mul(x).sum(), [x], { createGraph: true });
    const [second] = grad(first!.sum(), [x]);
    expect(await first!.toArray()).toEqual([3, 12, 27]);
    expect(await second!.toArray()).toEqual([6, 12, -18]);
  });

  it("multiplies four sigmoid slopes at zero to 0.25^4 = 0.00390625 (course S002)", async () => {
    const x = tensor(0).requireGrad();
    const level = (v: typeof x) => v.sub(v.detach()).sigmoid(); // each layer sees z = 0, w = 1
    level(level(level(level(x)))).backward();
    expect(await x.grad!.item()).toBe(0.00390625);
  });

  it("is refused where there is no graph, and on a consumed one", () => {
    const w = tensor([1]).requireGrad();
    expect(() => tensor([1]).sum().backward()).toThrow(/no tensor that led to this one requires a gradient/);
    expect(() => noGrad(() => w.sum()).backward()).toThrow(/requires a gradient/);
    const loss = w.square().sum();
    loss.backward();
    expect(() => loss.backward()).toThrow(/already consumed.*retainGraph/s);
    expect(() => w.mul(tensor([1, 2])).backward()).toThrow(/reduce it to one element/);
  });

  it("runs twice over a retained graph", async () => {
    const w = tensor([2]).requireGrad();
    const loss = w.square().sum();
    loss.backward({ retainGraph: true });
    loss.backward();
    expect(await w.grad!.toArray()).toEqual([8]);
  });

  it("leaves tensors without requiresGrad alone", () => {
    const w = tensor([2]).requireGrad();
    const c = tensor([5]);
    w.mul(c).sum().backward();
    expect(c.grad).toBeNull();
  });
});

it("noGrad, withEngine and scope refuse async functions, which would run on outside of them", () => {
  const work = async () => {
    await Promise.resolve();
  };
  const message = (who: string) => `${who}: got an async function, but ${who} ends at its first await`;
  expect(() => noGrad(work)).toThrow(message("noGrad"));
  expect(() => withEngine("reference", work)).toThrow(message("withEngine"));
  expect(() => scope(work)).toThrow(message("scope"));
});
