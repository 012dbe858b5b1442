import { UsageError } from "../base/errors.ts";

export type PerChannel = number | readonly number[];

/** (value − mean) / std for each channel; bytes are scaled to 0 … 1 before. */
export class Normalizer {
  readonly mean: PerChannel;
  readonly std: PerChannel;
  #channels = -1;
  #means: readonly number[] = [];
  #stds: readonly number[] = [];
  #bytes: Float32Array | null = null;

  constructor(mean: PerChannel = 0, std: PerChannel = 1) {
    this.mean = mean;
    this.std = std;
    const given = [mean, std].find((value) => typeof value !== "number");
    this.setChannels(given === undefined ? 1 : (given as readonly number[]).length);
  }

  /** The result of each byte, 256 per channel. */
  bytes(channels: number): Float32Array {
    this.setChannels(channels);
    if (this.#bytes !== null) return this.#bytes;
    const values = new Float32Array(channels * 256);
    for (let c = 0; c < channels; c++) {
      for (let byte = 0; byte < 256; byte++) {
        values[c * 256 + byte] = (byte / 255 - this.#means[c]!) / this.#stds[c]!;
      }
    }
    return (this.#bytes = values);
  }

  /** Normalises numbers whose first axis is the channels, from one array into another. */
  numbers(
    from: ArrayLike<number>,
    fromAt: number,
    to: Float32Array,
    toAt: number,
    size: number,
    channels: number,
  ): void {
    this.setChannels(channels);
    const plane = size / channels;
    for (let c = 0; c < channels; c++) {
      const [mean, std] = [this.#means[c]!, this.#stds[c]!];
      for (let i = c * plane; i < (c + 1) * plane; i++) to[toAt + i] = (from[fromAt + i]! - mean) / std;
    }
  }

  /** Throws where mean and std are not for so many channels. */
  setChannels(channels: number): void {
    if (channels === this.#channels) return;
    const means = perChannel(this.mean, "mean", channels);
    const stds = perChannel(this.std, "std", channels);
    if (stds.includes(0)) throw new UsageError("DataLoader: std must not be 0");
    [this.#channels, this.#means, this.#stds, this.#bytes] = [channels, means, stds, null];
  }
}

function perChannel(value: PerChannel, what: string, channels: number): readonly number[] {
  const list = typeof value === "number" ? Array.from({ length: channels }, () => value) : value;
  if (list.length !== channels || !list.every(Number.isFinite)) {
    throw new UsageError(`DataLoader: ${what} must be a number or ${channels} of them, got ${JSON.stringify(value)}`);
  }
  return list;
}
