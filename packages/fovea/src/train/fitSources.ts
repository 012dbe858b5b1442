import { UsageError } from "../base/errors.ts";
import { subset } from "../data/subset.ts";
import type { Named, Values } from "./batch.ts";
import {
  arraySource,
  isArrays,
  isDataset,
  openSource,
  readArrays,
  splitArrays,
  splitAt,
  withClassWeights,
  type BatchSource,
  type SourceOptions,
  type TrainData,
} from "./source.ts";
import { limited, repeated } from "./stream.ts";
import type { FitOptions, Trainer } from "./trainer.ts";

/** Sources of what was given, and what it is validated on. */
export async function openSources(
  trainer: Trainer,
  x: Named<Values> | TrainData,
  y: Named<Values> | undefined,
  options: FitOptions,
): Promise<{ train: BatchSource; validation: BatchSource | null }> {
  const { shuffle = true, seed = 0, classWeight, overfitBatches, validationData, validationSplit } = options;
  if (validationData !== undefined && validationSplit !== undefined) {
    throw new UsageError("fit: give validationData or validationSplit, not both");
  }
  const batchSize = options.batchSize === "auto" ? await trainer.fittingBatchSize(x, y) : (options.batchSize ?? 32);
  checkCount("batchSize", batchSize, 1);
  const how: SourceOptions = {
    batchSize,
    seed,
    shuffle: shuffle && overfitBatches === undefined,
    classWeight,
    sampleWeight: options.sampleWeight,
  };
  const still: SourceOptions = { batchSize: options.validationBatchSize ?? batchSize, seed, shuffle: false };
  let train: BatchSource;
  let validation: BatchSource | null = null;
  if (validationSplit === undefined) {
    train = await openSource(x, y, how);
    if (Array.isArray(validationData) && !isRawBatches(validationData)) {
      const [vx, vy, sampleWeight] = validationData as unknown as readonly [Named<Values>, Named<Values>, Values?];
      validation = await openSource(vx, vy, { ...still, sampleWeight });
    } else if (validationData !== undefined)
      validation = await openSource(validationData as TrainData, undefined, still);
  } else if (isArrays(x)) {
    const [first, last] = splitArrays(await readArrays(x, y, options.sampleWeight), validationSplit);
    train = withClassWeights(arraySource(first, how), how);
    validation = arraySource(last, still);
  } else if (isDataset(x)) {
    const cut = splitAt(x.length, validationSplit);
    const rows = (from: number, to: number) => Uint32Array.from({ length: to - from }, (_, i) => from + i);
    train = await openSource(subset(x, rows(0, cut)), undefined, how);
    validation = await openSource(subset(x, rows(cut, x.length)), undefined, still);
  } else throw new UsageError("fit: validationSplit divides arrays and datasets; give validationData with other data");
  if (overfitBatches !== undefined) {
    train = repeated(train, overfitBatches);
    return { train, validation: train };
  }
  return {
    train: limited(train, options.limitTrainBatches, "limitTrainBatches"),
    validation: validation && limited(validation, options.limitValidationBatches, "limitValidationBatches"),
  };
}

/** A list of batches, rather than the arrays x and y. */
function isRawBatches(list: readonly unknown[]): boolean {
  const first = list[0] as { x?: unknown } | readonly unknown[] | undefined;
  return Array.isArray(first)
    ? !isArrays(first) || list.length > 3
    : typeof first === "object" && "x" in (first as object);
}

/** Throws for a number that does not count anything. */
export function checkCount(what: string, n: number, min: number): void {
  if (!Number.isInteger(n) || n < min) throw new UsageError(`${what} must be a whole number ≥ ${min}, got ${n}`);
}
