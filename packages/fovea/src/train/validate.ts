import { UsageError } from "../base/errors.ts";
import type { AnyModule } from "../nn/module.ts";
import type { HostArray, TrainBatch } from "./batch.ts";
import { addBatch, emptyTally, meansOf } from "./fitState.ts";
import type { Metric } from "./metrics/metric.ts";
import type { BatchSource } from "./source.ts";
import type { StepRunner } from "./step.ts";

export interface ValidateOptions {
  /** Batches to look at; default all. */
  readonly limit?: number | undefined;
  /** Computed on the host. */
  readonly metrics?: readonly Metric[];
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
  { limit = Infinity, metrics = [], signal, onFirst, onBatch }: ValidateOptions = {},
): Promise<Record<string, number>> {
  model.eval();
  for (const metric of metrics) metric.reset();
  let tally = emptyTally;
  let index = 0;
  if (limit > 0) {
    for await (const batch of source.pass(0, 0)) {
      signal?.throwIfAborted();
      if (index === 0) onFirst?.(batch);
      const { scores, output } = await runner.test(batch);
      tally = addBatch(tally, batch.size, scores);
      if (output !== null) for (const metric of metrics) metric.update(output, targetOf(batch));
      await onBatch?.();
      if (++index >= limit) break;
    }
  }
  return { ...meansOf(tally), ...computed(metrics) };
}

/** What metrics on the host came to; they begin anew. */
export function computed(metrics: readonly Metric[]): Record<string, number> {
  const found = Object.fromEntries(metrics.map((metric) => [metric.name, metric.compute()]));
  for (const metric of metrics) metric.reset();
  return found;
}

/** The target of the first output. */
export function targetOf({ y }: TrainBatch): HostArray {
  const target = y.get("") ?? [...y.values()][0];
  if (target === undefined) throw new UsageError("metrics need targets (y)");
  return target;
}
