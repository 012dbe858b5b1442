import type { RandomStream } from "../../base/random.ts";
import { exp } from "../../base/math.ts";
import type { ArraySample } from "../sample.ts";
import { between } from "../transforms/affine.ts";
import type { OptionCheck } from "../transforms/options.ts";
import { defineTransform, type Transform } from "../transforms/transform.ts";
import { checkAxes, eachPart } from "./rows.ts";

export interface TimeShiftOptions {
  /** Furthest shift to either side, as a share of the length, 0 … 1; default 0.1. */
  readonly maxShift?: number;
  /** Whether what leaves at one end comes in at the other, else silence does; default false. */
  readonly wrap?: boolean;
}

/** Moves waves [..., length] in time, all channels alike. */
export const timeShift = defineTransform<TimeShiftOptions, ArraySample>(
  "timeShift",
  { maxShift: 0.1, wrap: false },
  (options, check) => {
    const share = check.number("maxShift", options.maxShift, 0, 1);
    const wrap = check.flag("wrap", options.wrap);
    return (sample, random) => {
      const [length] = checkAxes("timeShift", sample, 1) as readonly [number];
      const furthest = Math.floor(share * length);
      const shift = random.int(2 * furthest + 1) - furthest;
      return eachPart("timeShift", sample, 1, [length], (wave, out) => {
        for (let i = 0; i < length; i++) {
          const from = i - shift;
          out[i] = wrap ? wave[(from + length) % length]! : (wave[from] ?? 0);
        }
      });
    };
  },
);

export interface AddNoiseOptions {
  /** Energy of the sound over that of the noise, in dB: a number, or [low, high] to draw from. */
  readonly snr: number | readonly [low: number, high: number];
}

/** Adds white noise. Silence stays silent. */
export const addNoise = defineTransform<AddNoiseOptions, ArraySample>(
  "addNoise",
  { snr: undefined },
  (options, check) => {
    const { snr } = options;
    const [low, high] =
      typeof snr === "number" ? [check.number("snr", snr, -200, 200), snr] : check.range("snr", snr, -200, 200);
    return (sample, random) => {
      const ratio = between(low, high, random);
      let energy = 0;
      for (const v of sample.x) energy += v * v;
      const level = Math.sqrt(energy / Math.max(1, sample.x.length)) * exp((-ratio * Math.LN10) / 20);
      const x = random.fillNormal(new Float32Array(sample.x.length));
      for (let i = 0; i < x.length; i++) x[i] = sample.x[i]! + level * x[i]!;
      return { ...sample, x };
    };
  },
);

export interface MaskingOptions {
  /** A mask covers 0 … this many frames or bins, each equally likely. */
  readonly maxLength: number;
  /** How many masks; default 1. */
  readonly masks?: number;
  /** What is put there; default 0. */
  readonly fill?: number;
}

/** Covers spans of time of spectrograms [..., bins, frames] (Park et al., 2019, "SpecAugment"). */
export const timeMask = defineTransform<MaskingOptions, ArraySample>(
  "timeMask",
  { maxLength: undefined, masks: 1, fill: 0 },
  (options, check) => masking("timeMask", options, check, 1),
);

/** Covers bands of frequencies of spectrograms [..., bins, frames] (Park et al., 2019, "SpecAugment"). */
export const frequencyMask = defineTransform<MaskingOptions, ArraySample>(
  "frequencyMask",
  { maxLength: undefined, masks: 1, fill: 0 },
  (options, check) => masking("frequencyMask", options, check, 0),
);

function masking(
  name: string,
  options: Required<MaskingOptions>,
  check: OptionCheck,
  axis: 0 | 1,
): Transform<ArraySample>["apply"] {
  const longest = check.whole("maxLength", options.maxLength, 0, 1e6);
  const count = check.whole("masks", options.masks, 0, 1000);
  const fill = check.number("fill", options.fill);
  return (sample, random) => {
    const [bins, frames] = checkAxes(name, sample, 2) as readonly [number, number];
    const spans = Array.from({ length: count }, () => randomSpan(axis === 0 ? bins : frames, longest, random));
    return eachPart(name, sample, 2, [bins, frames], (page, out) => {
      out.set(page);
      for (const [start, end] of spans) {
        if (axis === 0) out.fill(fill, start * frames, end * frames);
        else for (let bin = 0; bin < bins; bin++) out.fill(fill, bin * frames + start, bin * frames + end);
      }
    });
  };
}

function randomSpan(length: number, longest: number, random: RandomStream): readonly [start: number, end: number] {
  const span = random.int(Math.min(longest, length) + 1);
  const start = random.int(length - span + 1);
  return [start, start + span];
}
