import { afterAll, beforeAll, expect, it } from "vitest";
import {
  compile,
  cumsum,
  currentEngine,
  init,
  nn,
  noGrad,
  optim,
  randn,
  setThreads,
  tensor,
  threads,
  type Tensor,
} from "../../index.ts";
import type { Compiled } from "../../graph/compile.ts";
import { equalBits, type Fn } from "../../testing/compiled.ts";
import { describeEngines } from "../../testing/engines.ts";
import { cpuEngines } from "../../testing/suite.ts";

/** The chains of several lists of buffers in the plan of the latest call. */
const joinedIn = (f: Compiled<Tensor[], Tensor[]>) =>
  f.explainPlan().rows.flatMap(({ kernels }) => kernels.filter((name) => name.startsWith("chain ×")));

/** Runs one function compiled and its double directly, compares all bits, and returns the joined chains. */
function joinedAsEager(one: Fn, two: Fn, batches: readonly Tensor[]): string[] {
  const f = compile(one);
  for (const x of batches) equalBits(f(x), two(x));
  return joinedIn(f);
}

/** Ten parameters: of several grains, of less than a vector, and of one element. */
const network = () =>
  new nn.Sequential(
    new nn.Conv2d(3, 8, 3, { padding: 1, bias: false }),
    new nn.BatchNorm2d(8),
    new nn.SiLU(),
    new nn.Flatten(),
    new nn.Linear(8 * 36, 40),
    new nn.PReLU(),
    new nn.Linear(40, 2),
    new nn.Linear(2, 1),
  );

interface Training {
  readonly optimizer: (model: nn.Module) => optim.Optimizer;
  readonly skipNonFinite?: boolean;
  readonly batches?: readonly Tensor[];
}

/** The same for a training step; weights must be equal too. */
function train({ optimizer, skipNonFinite = false, batches = threeBatches }: Training): string[] {
  const [one, two] = [network(), network()];
  two.loadStateDict(one.stateDict());
  const stepOf = (model: nn.Sequential): Fn => {
    const rule = optimizer(model);
    return (x) => {
      const loss = model.forward(x).square().mean();
      rule.minimize(loss, { skipNonFinite });
      return [loss];
    };
  };
  const joined = joinedAsEager(stepOf(one), stepOf(two), batches);
  equalBits([...one.stateDict().values()], [...two.stateDict().values()]);
  return joined;
}

const threeBatches = Array.from({ length: 3 }, () => randn([4, 3, 6, 6]));

for (const count of [1, 2, 3]) {
  describeEngines(
    `chains of the same steps, with ${count} threads`,
    () => {
      let before = 0;
      beforeAll(async () => {
        before = threads();
        setThreads(count);
        await init({ engine: currentEngine().name });
      });
      afterAll(() => setThreads(before));

      it.each<[string, Training["optimizer"]]>([
        ["SGD with momentum", (m) => new optim.SGD(m.parameters(), { lr: 0.1, momentum: 0.9 })],
        ["SGD with decay", (m) => new optim.SGD(m.parameters(), { lr: 0.1, momentum: 0.9, weightDecay: 1e-3 })],
        ["Adam", (m) => new optim.Adam(m.parameters(), { lr: 1e-2 })],
        ["AdamW", (m) => new optim.AdamW(m.parameters(), { lr: 1e-2 })],
      ])("are one command: the update of %s", (_, optimizer) => {
        expect(train({ optimizer })).toEqual(["chain ×10"]);
      });

      it("are one command also where a loss that is no number changes nothing", () => {
        const nan = tensor(Array.from({ length: 4 * 3 * 36 }, () => NaN)).reshape([4, 3, 6, 6]);
        const batches = [threeBatches[0]!, nan, threeBatches[1]!];
        const optimizer = (m: nn.Module) => new optim.Adam(m.parameters());
        expect(train({ optimizer, skipNonFinite: true, batches })).toEqual(["chain ×10"]);
      });

      it("are as many commands as groups of parameters have formulas", () => {
        const optimizer = (model: nn.Module) => {
          const all = model.parameters();
          const groups = [{ params: all.slice(0, 4) }, { params: all.slice(4), weightDecay: 0.1 }];
          return new optim.SGD(groups, { lr: 0.1, momentum: 0.9 });
        };
        expect(train({ optimizer })).toEqual(["chain ×4", "chain ×6"]);
      });

      it("stay apart where one reads what another writes", () => {
        const make = () => [randn([50, 40]), randn([2000])] as const;
        const orders: ((a: Tensor, b: Tensor) => void)[] = [
          (a, b) => {
            a.assign(a.mul(2).add(1));
            b.assign(a.reshape([2000]).mul(2).add(1));
          },
          (a, b) => {
            b.assign(a.reshape([2000]).mul(2).add(1));
            a.assign(a.mul(2).add(1));
          },
        ];
        for (const update of orders) {
          const [one, two] = [make(), make()];
          noGrad(() => one.forEach((t, i) => two[i]!.assign(t)));
          const stepOf =
            (tensors: readonly [Tensor, Tensor]): Fn =>
            (x) => {
              noGrad(() => update(...tensors));
              return [x.mul(3)];
            };
          expect(joinedAsEager(stepOf(one), stepOf(two), [randn([7])])).toEqual([]);
          equalBits(one, two);
        }
      });

      it("take nobody's operands for their results", () => {
        const fn: Fn = (x) => {
          const sums = cumsum(x, 0);
          const [a, b] = [sums.mul(2).add(1), sums.reshape([3000]).mul(2).add(1)];
          return [a.sum(0), b.sum(0)];
        };
        expect(joinedAsEager(fn, fn, [randn([60, 50])])).toEqual(["chain ×2"]);
      });
    },
    cpuEngines,
  );
}
