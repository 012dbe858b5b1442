import type { Batch } from "../data/loader.ts";
import { compile } from "../graph/compile.ts";
import type { Module } from "../nn/module.ts";
import { noGrad } from "../tensor/apply.ts";
import { fromHost } from "../tensor/create.ts";
import { scope } from "../tensor/scope.ts";
import type { Tensor } from "../tensor.ts";

/** A network that gives scores [N, classes] to images [N, C, H, W]. */
export type ClassifierModel = Module<[x: Tensor], Tensor>;

/** Runs a network for its answers: no gradients, inference behaviour. */
export interface Classifier {
  /** Logarithms of the class probabilities, [N, classes] row after row. */
  logProbabilities(batch: Pick<Batch, "x" | "shape">): Promise<Float32Array>;
  dispose(): void;
}

/** @param compiled Whether the network is recorded once and replayed, or run op by op; the numbers are the same. */
export function makeClassifier(model: ClassifierModel, compiled = true): Classifier {
  const run = (x: Tensor) => noGrad(() => model.forward(x).logSoftmax(1));
  const fast = compiled ? compile(run) : null;
  return {
    async logProbabilities({ x, shape }) {
      model.eval();
      const scores = scope(() => (fast ?? run)(fromHost(x, shape, "float32")));
      const values = await scores.data();
      scores[Symbol.dispose]();
      return values as Float32Array;
    },
    dispose: () => fast?.dispose(),
  };
}

/** Position of the largest of `count` values; the first where several are equal. */
export function argmaxOf(values: ArrayLike<number>, from = 0, count = values.length): number {
  let best = 0;
  for (let i = 1; i < count; i++) if (values[from + i]! > values[from + best]!) best = i;
  return best;
}
