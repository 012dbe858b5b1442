import { FoveaError } from "../base/errors.ts";
import { byteSize } from "../base/dtype.ts";
import type { Optimizer } from "../optim/optimizer.ts";
import { rowsBetween, type HostArray, type TrainBatch } from "./batch.ts";
import { showBytes } from "./format.ts";
import { StepRunner, type StepOptions } from "./step.ts";

/** What a training step needs, as a line over the batch size: the plans of two small batches are recorded, not run. */
export interface MemoryEstimate {
  /** Bytes for a batch of so many examples, with the batch itself. */
  bytes(batchSize: number): number;
  /** The largest power of two whose step fits into so many bytes; 0 when not even one example does. */
  largestBatch(available: number): number;
}

/** Of free memory, what a run may plan to take: files, other programs and rounding want some. */
const SHARE = 0.8;

/** Bytes that this process may still take; Infinity where that cannot be told. */
export function availableBytes(): number {
  return (globalThis as { process?: { availableMemory?: () => number } }).process?.availableMemory?.() ?? Infinity;
}

/** Estimates what steps need from the first rows of a batch. */
export function estimateMemory(options: StepOptions, batch: TrainBatch, optimizer: Optimizer): MemoryEstimate {
  const runner = new StepRunner({ ...options, compiled: true });
  try {
    const [few, more] = [2, 4].map((n) => runner.stepBytes(firstRows(batch, n), optimizer)) as [number, number];
    const own = [...batch.x, ...batch.y.values()].reduce((sum, a) => sum + rowBytes(a), 0);
    const perExample = Math.max(1, (more - few) / 2) + own;
    const fixed = Math.max(0, few - 2 * ((more - few) / 2));
    return {
      bytes: (size) => fixed + size * perExample,
      largestBatch(available) {
        const most = Math.floor((available * SHARE - fixed) / perExample);
        return most < 1 ? 0 : 2 ** Math.floor(Math.log2(most));
      },
    };
  } finally {
    runner.dispose();
  }
}

/** Throws when steps of this size would not fit, and says which would. Recording a plan for it is left to the run. */
export function checkMemory(
  options: StepOptions,
  batch: TrainBatch,
  optimizer: Optimizer,
  available = availableBytes(),
): void {
  // What cannot be large is not worth two recordings: a network's activations and gradients are rarely 300 times its input.
  const input = batch.x.reduce((sum, a) => sum + rowBytes(a), 0) * batch.size;
  if (!options.compiled || available === Infinity || input * 300 < available) return;
  const estimate = estimateMemory(options, batch, optimizer);
  const needed = estimate.bytes(batch.size);
  if (needed <= available * SHARE) return;
  const fits = estimate.largestBatch(available);
  throw new FoveaError(
    `a training step on ${batch.size} examples would take about ${showBytes(needed)}, and ${showBytes(available)} are free; ` +
      (fits > 0
        ? `a batch size of ${fits} would fit`
        : "not even one example fits: take smaller inputs or a smaller network"),
  );
}

function rowBytes({ data, shape, dtype }: HostArray): number {
  return (data.length / Math.max(1, shape[0] ?? 1)) * byteSize[dtype];
}

/** A batch of `count` rows: the first ones, again and again if there are fewer. */
export function firstRows(batch: TrainBatch, count: number): TrainBatch {
  const cut = (a: HostArray): HostArray => {
    if ((a.shape[0] ?? 0) >= count) return rowsBetween(a, 0, count);
    const Kind = a.data.constructor as new (length: number) => typeof a.data;
    return { ...a, data: new Kind((a.data.length / a.shape[0]!) * count), shape: [count, ...a.shape.slice(1)] };
  };
  return {
    x: batch.x.map(cut),
    y: new Map([...batch.y].map(([name, a]) => [name, cut(a)])),
    weight: batch.weight && cut(batch.weight),
    size: count,
    indices: null,
  };
}
