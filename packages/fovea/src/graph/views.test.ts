import { expect, it } from "vitest";
import { compile, concat, currentEngine, noGrad, rand, type Tensor } from "../index.ts";
import { describeEngines } from "../testing/engines.ts";

const values = (t: Tensor) => Array.from(t.storage.values());
const weight = rand([4, 4, 3, 3]);
const conv = (x: Tensor) => x.conv2d(weight, undefined, { padding: 1 });

/** What compiled functions may keep as parts of one another must not change a number. */
const cases: Record<string, (x: Tensor) => Tensor | Tensor[]> = {
  "rows of an argument": (x) => x.slice([1, 0, 0, 0], [3, 4, 6, 6]).exp(),
  "rows of a value in channels-last": (x) => conv(conv(x).slice([2, 0, 0, 0], [5, 4, 6, 6])),
  "a part of a part": (x) => x.exp().slice([1], [4]).slice([1], [2]).neg(),
  "rows as results": (x) => {
    const y = conv(x);
    return [y.slice([0], [1]), y.slice([1], [2]), y];
  },
  "values joined where they are computed": (x) =>
    conv(concat([conv(x.slice([0], [2])), conv(x.slice([2], [3])).relu(), x.slice([3], [5])], 0)),
  "values joined twice, and read apart": (x) => {
    const [a, b] = [x.exp(), x.neg()];
    return [concat([a, b]), concat([b, a, a]), b.mul(2)];
  },
  "joins in joins": (x) => concat([concat([x.exp(), conv(x)]), concat([conv(x), x.neg()])]).mul(2),
  "a join that is a result": (x) => concat([x.exp(), conv(x)]),
  "another layout in a join": (x) => concat([x.exp(), conv(x), x.neg()]),
  "one channel of one image": (x) => x.exp().slice([1, 2, 0, 0], [2, 3, 6, 6]).neg(),
};

describeEngines("parts of values", () => {
  for (const [title, f] of Object.entries(cases)) {
    it(`${title}: compiled equals eager`, () => {
      const x = rand([5, 4, 6, 6]);
      const compiled = compile((t: Tensor) => [f(t)].flat());
      for (let replay = 0; replay < 2; replay++) expect(compiled(x).map(values)).toEqual([f(x)].flat().map(values));
    });
  }

  it("keep their values when the whole is changed in place", () => {
    const state = rand([4, 3]);
    const f = compile((x: Tensor) => {
      const before = state.slice([1], [3]);
      noGrad(() => state.assign(x));
      return [before.mul(1), state.slice([1], [3]).mul(1)];
    });
    const old = values(state).slice(3, 9);
    const x = rand([4, 3]);
    expect(f(x).map(values)).toEqual([old, values(x).slice(3, 9)]);
  });
});

describeEngines(
  "parts",
  () => {
    it("take no memory and no copy", () => {
      const size = 4 * 4 * 64 * 64;
      const x = rand([4, 4, 64, 64]);
      const f = compile((t: Tensor) => {
        const y = t.exp();
        const halves = [0, 2].map((from) => y.slice([from], [from + 2]).neg());
        return concat(halves).exp();
      });
      f(x);
      const { arenaBytes } = f.plans.values().next().value!;
      expect(arenaBytes).toBe(2 * 4 * size); // y, and the join
      expect(currentEngine().memory().liveBytes).toBeGreaterThan(arenaBytes);
    });
  },
  ["native", "wasm"],
);
