import { UsageError } from "../base/errors.ts";
import { RandomStream } from "../base/random.ts";
import type { AnySample, Dataset } from "./sample.ts";

export interface SplitOptions {
  /** Default 0. */
  readonly seed?: number | bigint;
  /** Whether each class is split in the same proportion; default: where the dataset tells its labels. */
  readonly stratify?: boolean;
}

/** Some samples of a dataset, in the order of `indices`; none is copied. */
export function subset<S extends AnySample>(
  dataset: Dataset<S>,
  indices: ArrayLike<number>,
  name: string = dataset.name,
): Dataset<S> {
  const chosen = Uint32Array.from(indices);
  const wrong = chosen.findIndex((index) => index >= dataset.length);
  if (wrong >= 0 || chosen.length === 0) {
    throw new UsageError(
      chosen.length === 0
        ? `subset: no samples of ${dataset.name} are left`
        : `subset: ${dataset.name} has no sample ${indices[wrong]}; there are ${dataset.length}`,
    );
  }
  const at = (index: number): number => {
    if (index in chosen) return chosen[index]!;
    throw new UsageError(`${name}: there is no sample ${index}; there are ${chosen.length}`);
  };
  const { classes, labels, shape } = dataset;
  return {
    name,
    length: chosen.length,
    classes,
    sample: (index) => dataset.sample(at(index)),
    nameOf: (index) => dataset.nameOf?.(at(index)) ?? `sample ${at(index)} of ${dataset.name}`,
    ...(shape && { shape }),
    ...(labels && { labels: Int32Array.from(chosen, (index) => labels[index]!) }),
    ...(dataset.entry && { entry: (index: number) => dataset.entry!(at(index)) }),
    ...(dataset.gather && {
      gather: (places, normalizer) => dataset.gather!(places.map(at), normalizer),
    }),
  };
}

/**
 * Cuts a dataset in two without a common sample, by chance: the first part has `fraction` of the samples, of each class
 * where labels are known.
 */
export function split<S extends AnySample>(
  dataset: Dataset<S>,
  fraction: number,
  options: SplitOptions = {},
): [Dataset<S>, Dataset<S>] {
  const [first, second] = splitIndices(dataset, fraction, options);
  return [subset(dataset, first), subset(dataset, second)];
}

/** The places of both parts, each in growing order. A class of two samples or more is in both parts. */
export function splitIndices(
  { name, length, labels }: Pick<Dataset, "name" | "length" | "labels">,
  fraction: number,
  { seed = 0, stratify = labels !== undefined }: SplitOptions = {},
): [Uint32Array, Uint32Array] {
  if (!(fraction > 0 && fraction < 1)) {
    throw new UsageError(`split: the fraction must be between 0 and 1, got ${fraction}`);
  }
  if (stratify && labels === undefined)
    throw new UsageError(`split: ${name} does not tell its labels; leave stratify out`);
  const groups = new Map<number, number[]>();
  for (const index of new RandomStream(seed).fork("split").permutation(length)) {
    const group = stratify ? labels![index]! : 0;
    if (groups.has(group)) groups.get(group)!.push(index);
    else groups.set(group, [index]);
  }
  const parts: [number[], number[]] = [[], []];
  for (const group of groups.values()) {
    const wanted = Math.round(fraction * group.length);
    const cut = group.length < 2 ? 1 : Math.min(group.length - 1, Math.max(1, wanted));
    parts[0].push(...group.slice(0, cut));
    parts[1].push(...group.slice(cut));
  }
  return [Uint32Array.from(parts[0]).toSorted(), Uint32Array.from(parts[1]).toSorted()];
}
