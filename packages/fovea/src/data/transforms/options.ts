import { UsageError } from "../../base/errors.ts";
import type { Interpolation } from "../image.ts";

/** Height and width in pixels; one number for a square. */
export type Size = number | readonly [height: number, width: number];

/** A value 0 … 255 for all channels, or one for each. */
export type Fill = number | readonly number[];

/** Checks options of one transform; errors name the transform, the option, what was wanted and what came. */
export class OptionCheck {
  readonly #transform: string;

  constructor(transform: string) {
    this.#transform = transform;
  }

  /** Throws a UsageError. */
  fail(option: string, wanted: string, got: unknown): never {
    const shown = typeof got === "number" ? String(got) : JSON.stringify(got);
    throw new UsageError(`${this.#transform}: ${option} must be ${wanted}, got ${shown}`);
  }

  number(option: string, value: unknown, low = -Infinity, high = Infinity): number {
    if (typeof value === "number" && value >= low && value <= high && Number.isFinite(value)) return value;
    return this.fail(option, `a number${showRange(low, high)}`, value);
  }

  whole(option: string, value: unknown, low: number, high = Infinity): number {
    if (Number.isInteger(value) && (value as number) >= low && (value as number) <= high) return value as number;
    return this.fail(option, `a whole number${showRange(low, high)}`, value);
  }

  probability(option: string, value: unknown): number {
    return this.number(option, value, 0, 1);
  }

  /** Two numbers, [x, y]. */
  pair(option: string, value: unknown, low = -Infinity, high = Infinity): readonly [number, number] {
    const sound =
      Array.isArray(value) && value.length === 2 && value.every((v) => Number.isFinite(v) && v >= low && v <= high);
    return sound
      ? (value as unknown as [number, number])
      : this.fail(option, `two numbers${showRange(low, high)}`, value);
  }

  /** Low and high, in this order. */
  range(option: string, value: unknown, low = -Infinity, high = Infinity): readonly [number, number] {
    const [a, b] = this.pair(option, value, low, high);
    return a <= b ? [a, b] : this.fail(option, "[low, high], low ≤ high", value);
  }

  /** [height, width]. */
  size(option: string, value: unknown): readonly [height: number, width: number] {
    const pair = Array.isArray(value) ? value : [value, value];
    if (pair.length === 2 && pair.every((v) => Number.isInteger(v) && v >= 1 && v <= 65535)) {
      return [pair[0], pair[1]];
    }
    return this.fail(option, "pixels in 1 … 65535, one number or [height, width]", value);
  }

  oneOf<T extends string>(option: string, value: unknown, names: readonly T[]): T {
    return names.includes(value as T) ? (value as T) : this.fail(option, oneOfWords(names), value);
  }

  flag(option: string, value: unknown): boolean {
    return typeof value === "boolean" ? value : this.fail(option, "true or false", value);
  }

  interpolation(value: unknown): Interpolation {
    return this.oneOf("interpolation", value, ["nearest", "bilinear", "bicubic"]);
  }

  /** The value of each channel, for any number of them; a list must have as many as the picture. */
  fill(value: unknown): (channels: number) => Uint8Array {
    const values: readonly unknown[] = Array.isArray(value) ? value : [value];
    if (values.length === 0 || !values.every((v) => typeof v === "number" && v >= 0 && v <= 255)) {
      this.fail("fill", "0 … 255, one number or one per channel", value);
    }
    const bytes = Uint8Array.from(values as number[], Math.round);
    let kept = bytes;
    return (channels) => {
      if (kept.length === channels) return kept;
      if (bytes.length === 1) return (kept = new Uint8Array(channels).fill(bytes[0]!));
      return this.fail("fill", `one number or ${channels}, as the picture has ${channels} channels`, value);
    };
  }
}

function showRange(low: number, high: number): string {
  if (low === -Infinity) return high === Infinity ? "" : ` ≤ ${high}`;
  return high === Infinity ? ` ≥ ${low}` : ` in ${low} … ${high}`;
}

function oneOfWords(names: readonly string[]): string {
  return names.length === 1 ? `"${names[0]}"` : `${names.slice(0, -1).join(", ")} or ${names.at(-1)}`;
}
