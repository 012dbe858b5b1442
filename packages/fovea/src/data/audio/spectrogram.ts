import { cos } from "../../base/math.ts";
import type { ArraySample } from "../sample.ts";
import type { OptionCheck } from "../transforms/options.ts";
import { defineTransform } from "../transforms/transform.ts";
import { insidePlaces } from "../transforms/window.ts";
import { Fft } from "./fft.ts";
import { checkAxes, eachPart } from "./rows.ts";

export interface SpectrogramOptions {
  /** Samples per transform; it has nFft / 2 + 1 bins (rounded down). Default 400. */
  readonly nFft?: number;
  /** Samples that the window covers, at most nFft, in its middle; default null: nFft. */
  readonly winLength?: number | null;
  /** Samples from one frame to the next; default null: half of winLength. */
  readonly hopLength?: number | null;
  /** "hann" (default), "hamming" or "rectangular"; the periodic forms. */
  readonly window?: WindowName;
  /** 2 for energy (default), 1 for magnitude. */
  readonly power?: number;
  /** Whether frame t is centred on sample t · hopLength, with the wave padded by nFft / 2; default true. */
  readonly center?: boolean;
  /** What the padding holds: the wave mirrored, "reflect" (default, as torchaudio), or zeros, "constant" (as librosa). */
  readonly padMode?: "reflect" | "constant";
}

export type WindowName = "hann" | "hamming" | "rectangular";

/** Defaults of all spectrograms: torchaudio's. */
export const spectrogramDefaults = {
  nFft: 400,
  winLength: null,
  hopLength: null,
  window: "hann",
  power: 2,
  center: true,
  padMode: "reflect",
} as const satisfies Required<SpectrogramOptions>;

/**
 * Short-time Fourier transform: waves [..., length] become [..., nFft / 2 + 1, frames], as torchaudio's `Spectrogram`.
 *
 * |Σ window[n] · x[t·hop + n] · e^(−2πi·kn/nFft)|^power in bin k and frame t.
 */
export const spectrogram = defineTransform<SpectrogramOptions, ArraySample>(
  "spectrogram",
  spectrogramDefaults,
  (options, check) => {
    const stft = shortTimeFourier(options, check);
    return (sample) => {
      const [length] = checkAxes("spectrogram", sample, 1);
      const frames = stft.frames(length!);
      return eachPart("spectrogram", sample, 1, [stft.bins, frames], (wave, out) => stft.write(wave, frames, out));
    };
  },
);

export interface ShortTimeFourier {
  readonly bins: number;
  frames(length: number): number;
  /** Fills out, [bins, frames]. */
  write(wave: Float32Array, frames: number, out: Float32Array): void;
}

export function shortTimeFourier(options: Required<SpectrogramOptions>, check: OptionCheck): ShortTimeFourier {
  const size = check.whole("nFft", options.nFft, 1, 2 ** 16);
  const span = check.whole("winLength", options.winLength ?? size, 1, size);
  const hop = check.whole("hopLength", options.hopLength ?? Math.max(1, span >> 1), 1, 2 ** 20);
  const power = check.number("power", options.power, 0.1, 10);
  const reach = check.flag("center", options.center) ? size >> 1 : 0;
  const padMode = check.oneOf("padMode", options.padMode, ["reflect", "constant"]);
  const window = new Float64Array(size);
  window.set(windowOf(check.oneOf("window", options.window, windowNames), span), (size - span) >> 1);
  const fft = new Fft(size);
  const bins = (size >> 1) + 1;
  const [frame, re, im] = [new Float64Array(size), new Float64Array(size), new Float64Array(size)];
  return {
    bins,
    frames: (length) => Math.max(1, 1 + Math.floor((length + 2 * reach - size) / hop)),
    write(wave, frames, out) {
      const total = (frames - 1) * hop + size;
      const places = padMode === "reflect" ? insidePlaces(-reach, total, wave.length, "reflect") : null;
      for (let t = 0; t < frames; t++) {
        for (let n = 0; n < size; n++) {
          const at = places === null ? t * hop + n - reach : places[t * hop + n]!;
          frame[n] = window[n]! * (wave[at] ?? 0);
        }
        fft.transform(frame, re, im);
        for (let k = 0; k < bins; k++) {
          const energy = re[k]! * re[k]! + im[k]! * im[k]!;
          out[k * frames + t] = power === 2 ? energy : power === 1 ? Math.sqrt(energy) : energy ** (power / 2);
        }
      }
    },
  };
}

const windowNames = ["hann", "hamming", "rectangular"] as const;

/** a − (1 − a) · cos(2πn / N). */
function windowOf(name: WindowName, length: number): Float64Array {
  const a = { hann: 0.5, hamming: 0.54, rectangular: 1 }[name];
  return Float64Array.from({ length }, (_, n) => a - (1 - a) * cos((2 * Math.PI * n) / length));
}
