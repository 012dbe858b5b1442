import { cos, sin } from "../../base/math.ts";
import type { ArraySample } from "../sample.ts";
import { defineTransform } from "../transforms/transform.ts";
import { checkAxes, eachPart } from "./rows.ts";

export interface ResampleAudioOptions {
  /** Samples per second of what comes in, a whole number. */
  readonly from: number;
  /** Samples per second of what comes out, a whole number. */
  readonly to: number;
  /** Zero crossings of the filter on each side: more is sharper and slower; default 6. */
  readonly lowpassFilterWidth?: number;
  /** Share of the highest frequency that passes; default 0.99. */
  readonly rolloff?: number;
}

/**
 * Another sample rate, by a sinc filter under a Hann window (Smith, "Digital audio resampling"), as torchaudio's
 * `resample`. Waves [..., length] become [..., ⌈length · to / from⌉].
 */
export const resampleAudio = defineTransform<ResampleAudioOptions, ArraySample>(
  "resampleAudio",
  { from: undefined, to: undefined, lowpassFilterWidth: 6, rolloff: 0.99 },
  (options, check) => {
    const divisor = commonDivisor(check.whole("from", options.from, 1, 1e7), check.whole("to", options.to, 1, 1e7));
    const [from, to] = [options.from / divisor, options.to / divisor];
    const crossings = check.whole("lowpassFilterWidth", options.lowpassFilterWidth, 1, 1000);
    const rolloff = check.number("rolloff", options.rolloff, 0.01, 1);
    if (from === to) return (sample) => sample;
    const cutoff = Math.min(from, to) * rolloff;
    const reach = Math.ceil((crossings * from) / cutoff);
    const taps = 2 * reach + from;
    if (to * taps > 2 ** 24) {
      check.fail(
        "to",
        `a rate with a larger common divisor with ${options.from} (the filter has ${to * taps} taps)`,
        options.to,
      );
    }
    const filters = sincFilters(from, to, crossings, cutoff, reach);
    return (sample) => {
      const [length] = checkAxes("resampleAudio", sample, 1);
      const outLength = Math.ceil((length! * to) / from);
      return eachPart("resampleAudio", sample, 1, [outLength], (wave, out) => {
        for (let i = 0; i < outLength; i++) {
          const [block, phase] = [Math.floor(i / to), i % to];
          const start = block * from - reach;
          const [first, end] = [Math.max(0, -start), Math.min(taps, wave.length - start)];
          let sum = 0;
          for (let k = first; k < end; k++) sum += filters[phase * taps + k]! * wave[start + k]!;
          out[i] = sum;
        }
      });
    };
  },
);

/** For each of the `to` places between `from` samples, the weights of the samples around it. */
function sincFilters(from: number, to: number, crossings: number, cutoff: number, reach: number): Float64Array {
  const taps = 2 * reach + from;
  return Float64Array.from({ length: to * taps }, (_, i) => {
    const [phase, k] = [Math.floor(i / taps), i % taps];
    const t = Math.min(Math.max(((k - reach) / from - phase / to) * cutoff, -crossings), crossings);
    const window = cos((t * Math.PI) / crossings / 2) ** 2;
    const angle = t * Math.PI;
    return (angle === 0 ? 1 : sin(angle) / angle) * window * (cutoff / from);
  });
}

function commonDivisor(a: number, b: number): number {
  return b === 0 ? a : commonDivisor(b, a % b);
}
