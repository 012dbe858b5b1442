import type { Batch } from "../data/loader.ts";
import { compile } from "../graph/compile.ts";
import { penalized } from "../nn/regularizers.ts";
import { crossEntropy } from "../ops/losses.ts";
import type { Optimizer } from "../optim/optimizer.ts";
import { fromHost } from "../tensor/create.ts";
import { scope } from "../tensor/scope.ts";
import type { Tensor } from "../tensor.ts";
import type { ClassifierModel } from "./classifier.ts";

/** Trains on a batch; returns its mean loss, and how many of its images were right. */
export interface TrainStep {
  (batch: Batch): Promise<{ loss: number; correct: number }>;
  dispose(): void;
}

/** A training step: forward, backward and update. A loss that is not finite changes nothing. */
export function makeTrainStep(model: ClassifierModel, optimizer: Optimizer, compiled: boolean): TrainStep {
  const run = (x: Tensor, y: Tensor): { loss: Tensor; correct: Tensor } => {
    const scores = model.forward(x);
    const loss = penalized(crossEntropy(scores, y), model);
    optimizer.minimize(loss, { skipNonFinite: true });
    return { loss: loss.detach(), correct: scores.detach().argmax(1).equal(y).sum() };
  };
  const fast = compiled ? compile(run) : null;
  const step = async (batch: Batch): Promise<{ loss: number; correct: number }> => {
    const x = fromHost(batch.x, batch.shape, "float32");
    const y = fromHost(batch.y, [batch.size], "int32");
    const result = scope(() => (fast ?? run)(x, y));
    const loss = await result.loss.item();
    const correct = await result.correct.item();
    for (const t of [x, y, result.loss, result.correct]) t[Symbol.dispose]();
    return { loss, correct };
  };
  return Object.assign(step, { dispose: () => fast?.dispose() });
}
