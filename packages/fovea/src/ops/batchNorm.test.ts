import { describe, expect, it } from "vitest";
import { CpuBackend } from "../backend/cpu/backend.ts";
import { currentEngine, withEngine } from "../backend/engines.ts";
import { grad, tensor, type Tensor } from "../index.ts";
import { apply, withGrad } from "../tensor/apply.ts";
import { testNumbers } from "../testing/cases.ts";
import { checkComposite, expectValues } from "../testing/composite.ts";
import { describeEngines } from "../testing/engines.ts";
import { batchNormOfBatch, batchNormOps, momentsOf } from "./batchNorm.ts";
import type { Epilogue } from "./epilogue.ts";

function random(shape: readonly number[], seed: number): Tensor {
  const next = testNumbers(seed);
  return tensor(Float32Array.from({ length: shape.reduce((a, d) => a * d, 1) }, next), { shape });
}

const ofBatch = (x: Tensor, weight: Tensor, bias: Tensor): Tensor => batchNormOfBatch(x, momentsOf(x), weight, bias);

describe("batch norm of a batch", () => {
  checkComposite(
    "the gradient is that of the whole formula",
    (x, w, b) => ofBatch(x!, w!, b!),
    [[4, 3, 5, 2], [3], [3]],
    {
      tolerance: 2e-5,
    },
  );
  checkComposite(
    "with ReLU and a residual in the same pass",
    (x, w, b, r) => {
      const attrs = { activation: "relu", min: 0, max: 0, eps: 1e-5 } as const;
      return apply(
        batchNormOps.batchNormOfBatch,
        { x: x!, moments: momentsOf(x!), weight: w!, bias: b!, residual: r! },
        attrs,
      );
    },
    [[4, 3, 5, 2], [3], [3], [4, 3, 5, 2]],
    { tolerance: 2e-5, gradientTolerance: 1e-5 },
  );
  checkComposite(
    "the second derivative goes through statistics, sums and moments",
    (x, w, b, v) =>
      withGrad(true, () => {
        const inside = x!.requiresGrad ? x! : x!.requireGrad();
        const y = ofBatch(inside, w!, b!).square();
        return grad(y, [inside], { gradient: v!, createGraph: true })[0]!;
      }),
    [[4, 3, 3, 2], [3], [3], [4, 3, 3, 2]],
    { tolerance: 1e-4, gradientTolerance: 1e-5 },
  );
});

describeEngines("batch norm's passes", () => {
  const epilogues: readonly Epilogue[] = [
    { activation: "clip", min: -0.5, max: 1 },
    { activation: "silu", min: 0, max: 0 },
  ];
  for (const epilogue of epilogues) {
    it(`${epilogue.activation} behind residual and shift`, () => {
      const run = () => {
        const x = random([3, 20, 5, 4], 1);
        const inputs = {
          x,
          moments: momentsOf(x),
          weight: random([20], 2),
          bias: random([20], 3),
          residual: random(x.shape, 4),
        };
        return apply(batchNormOps.batchNormOfBatch, inputs, { ...epilogue, eps: 1e-5 });
      };
      const want = withEngine("reference", () => [...run().storage.values()]);
      expectValues(run(), want, 5);
    });
  }

  it("results do not depend on the number of threads", () => {
    const engine = currentEngine();
    if (!(engine instanceof CpuBackend)) return;
    const { runtime } = engine;
    const before = runtime.threads;
    const run = () => {
      const x = random([5, 24, 17, 13], 1).requireGrad();
      const w = random([24], 2).requireGrad();
      const y = ofBatch(x, w, random([24], 3));
      const [dx, dw] = grad(y, [x, w], { gradient: random(y.shape, 4), retainGraph: true });
      return [y, dx!, dw!].map((t) => t.storage.values().slice());
    };
    try {
      const results = [1, 2, 3, 5].map((threads) => {
        runtime.setThreads(threads);
        return run();
      });
      for (const result of results) expect(result).toEqual(results[0]);
    } finally {
      runtime.setThreads(before);
    }
  });
});
