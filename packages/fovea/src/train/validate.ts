import type { AnyModule } from "../nn/module.ts";
import type { TrainBatch } from "./batch.ts";
import { addBatch, emptyTally, meansOf } from "./fitState.ts";
import type { BatchSource } from "./source.ts";
import type { StepRunner } from "./step.ts";

export interface ValidateOptions {
  /** Batches to look at; default all. */
  readonly limit?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Sees the first batch before it is run. */
  readonly onFirst?: (batch: TrainBatch) => void;
  readonly onBatch?: () => Promise<void>;
}

/** Means over data of the loss and the metrics, as the model is in inference. */
export async function validate(
  model: AnyModule,
  runner: StepRunner,
  source: BatchSource,
  { limit = Infinity, signal, onFirst, onBatch }: ValidateOptions = {},
): Promise<Record<string, number>> {
  model.eval();
  let tally = emptyTally;
  let index = 0;
  if (limit > 0) {
    for await (const batch of source.pass(0, 0)) {
      signal?.throwIfAborted();
      if (index === 0) onFirst?.(batch);
      tally = addBatch(tally, batch.size, await runner.test(batch));
      await onBatch?.();
      if (++index >= limit) break;
    }
  }
  return meansOf(tally);
}
