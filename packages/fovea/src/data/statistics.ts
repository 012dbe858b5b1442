import { FoveaError, UsageError } from "../base/errors.ts";
import type { Dataset } from "./sample.ts";

/** Mean and standard deviation of each channel, of values scaled to 0 … 1: as `DataLoader` takes them. */
export interface ChannelStatistics {
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

export interface ChannelStatisticsOptions {
  /** How many pictures to look at, evenly spread over the dataset; default 512. */
  readonly samples?: number;
}

/**
 * Measures what pictures are to be normalised by. Each picture counts the same, whatever its size; those that cannot be read
 * are passed over. A channel that never changes gets a standard deviation of 1. Rounded to four decimals.
 *
 * @example
 * new DataLoader(train, { ...(await channelStatistics(train)), batchSize: 64 });
 */
export async function channelStatistics(
  data: Dataset,
  { samples = 512 }: ChannelStatisticsOptions = {},
): Promise<ChannelStatistics> {
  if (!(samples >= 1)) throw new UsageError(`channelStatistics: samples must be ≥ 1, got ${samples}`);
  const step = Math.max(1, data.length / samples);
  const [sums, squares]: number[][] = [[], []];
  let count = 0;
  for (let at = 0; at < data.length; at += step) {
    const found = await pictureSums(data, Math.floor(at));
    if (found === null) continue;
    count++;
    for (const [c, [mean, square]] of found.entries()) {
      sums![c] = (sums![c] ?? 0) + mean;
      squares![c] = (squares![c] ?? 0) + square;
    }
  }
  if (count === 0) throw new FoveaError(`${data.name}: not one picture can be read`);
  const mean = sums!.map((sum) => sum / count);
  const std = squares!.map((square, c) => Math.sqrt(Math.max(0, square / count - mean[c]! ** 2)));
  const rounded = (value: number) => Math.round(value * 1e4) / 1e4;
  return { mean: mean.map(rounded), std: std.map((value) => rounded(value) || 1) };
}

/** Means of values and of their squares, per channel; null where the picture cannot be read. */
async function pictureSums(data: Dataset, index: number): Promise<[mean: number, square: number][] | null> {
  try {
    const { channels, pixels } = (await data.sample(index)).image;
    return Array.from({ length: channels }, (_, c) => {
      let [sum, square] = [0, 0];
      for (let i = c; i < pixels.length; i += channels) {
        sum += pixels[i]!;
        square += pixels[i]! ** 2;
      }
      const count = (pixels.length / channels) * 255;
      return [sum / count, square / (count * 255)];
    });
  } catch (error) {
    if (error instanceof FoveaError) return null;
    throw error;
  }
}
