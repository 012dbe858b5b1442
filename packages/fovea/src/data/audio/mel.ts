import { cos, exp, log } from "../../base/math.ts";
import type { ArraySample } from "../sample.ts";
import type { OptionCheck } from "../transforms/options.ts";
import { defineTransform } from "../transforms/transform.ts";
import { decibels } from "./decibels.ts";
import { checkAxes, eachPart } from "./rows.ts";
import { shortTimeFourier, spectrogramDefaults, type SpectrogramOptions } from "./spectrogram.ts";

export type MelScale = "htk" | "slaney";

export interface MelSpectrogramOptions extends SpectrogramOptions {
  /** Of the wave, in Hz. */
  readonly sampleRate: number;
  /** Bands; default 128. */
  readonly nMels?: number;
  /** Lowest frequency in Hz; default 0. */
  readonly fMin?: number;
  /** Highest frequency in Hz; default null: half the sample rate. */
  readonly fMax?: number | null;
  /** "htk" (default, as torchaudio): 2595 · log₁₀(1 + f / 700); "slaney" (as librosa): linear up to 1 kHz. */
  readonly melScale?: MelScale;
  /** "slaney" divides each band by its width in Hz (as librosa); default null. */
  readonly norm?: "slaney" | null;
}

export interface MfccOptions extends MelSpectrogramOptions {
  /** Coefficients, at most nMels; default 40. */
  readonly nMfcc?: number;
  /** Takes log(mel + 1e-6) in place of decibels, cut off 80 dB below the loudest; default false. */
  readonly logMels?: boolean;
}

const melDefaults = {
  ...spectrogramDefaults,
  sampleRate: undefined,
  nMels: 128,
  fMin: 0,
  fMax: null,
  melScale: "htk",
  norm: null,
} as const;

/** Energy in bands that are equally wide to the ear: waves [..., length] become [..., nMels, frames], as torchaudio's. */
export const melSpectrogram = defineTransform<MelSpectrogramOptions, ArraySample>(
  "melSpectrogram",
  melDefaults,
  (options, check) => {
    const mel = melBands(options, check);
    return (sample) => mel.apply("melSpectrogram", sample);
  },
);

/**
 * Mel-frequency cepstral coefficients: the discrete cosine transform (type 2, orthonormal) of mel bands in decibels.
 * Waves [..., length] become [..., nMfcc, frames], as torchaudio's `MFCC`.
 */
export const mfcc = defineTransform<MfccOptions, ArraySample>(
  "mfcc",
  { ...melDefaults, nMfcc: 40, logMels: false },
  (options, check) => {
    const { nMels } = options;
    const mel = melBands(options, check);
    const count = check.whole("nMfcc", options.nMfcc, 1, nMels);
    const logMels = check.flag("logMels", options.logMels);
    const basis = cosines(count, nMels);
    return (sample) => {
      const bands = mel.apply("mfcc", sample);
      if (logMels) for (let i = 0; i < bands.x.length; i++) bands.x[i] = log(bands.x[i]! + 1e-6);
      const loud = logMels ? bands : { ...bands, x: decibels(bands.x, 10, 80) };
      const frames = loud.shape.at(-1)!;
      return eachPart("mfcc", loud, 2, [count, frames], (page, out) => multiply(basis, nMels, page, frames, out));
    };
  },
);

function melBands(options: Required<MelSpectrogramOptions>, check: OptionCheck) {
  const stft = shortTimeFourier(options, check);
  const rate = check.number("sampleRate", options.sampleRate, 1, 1e9);
  const count = check.whole("nMels", options.nMels, 1, 4096);
  const high = check.number("fMax", options.fMax ?? rate / 2, 1e-3, 1e9);
  const low = check.number("fMin", options.fMin, 0, high * 0.999);
  const scale = check.oneOf("melScale", options.melScale, ["htk", "slaney"]);
  const norm = options.norm === null ? null : check.oneOf("norm", options.norm, ["slaney"]);
  const weights = melWeights(stft.bins, rate, count, low, high, scale, norm);
  return {
    apply(name: string, sample: ArraySample): ArraySample {
      const frames = stft.frames(checkAxes(name, sample, 1)[0]!);
      const energy = new Float32Array(stft.bins * frames);
      return eachPart(name, sample, 1, [count, frames], (wave, out) => {
        stft.write(wave, frames, energy);
        multiply(weights, stft.bins, energy, frames, out);
      });
    },
  };
}

/** Triangles over the bins, [bands, bins]: each rises from its left neighbour's middle to its own, and falls to the right one's. */
function melWeights(
  bins: number,
  rate: number,
  bands: number,
  low: number,
  high: number,
  scale: MelScale,
  norm: "slaney" | null,
): Float64Array {
  const { toMel, toHertz } = scales[scale];
  const [first, last] = [toMel(low), toMel(high)];
  const edges = Float64Array.from({ length: bands + 2 }, (_, i) => toHertz(first + ((last - first) * i) / (bands + 1)));
  const weights = new Float64Array(bands * bins);
  for (let band = 0; band < bands; band++) {
    const [left, middle, right] = [edges[band]!, edges[band + 1]!, edges[band + 2]!];
    const factor = norm === "slaney" ? 2 / (right - left) : 1;
    for (let bin = 0; bin < bins; bin++) {
      const hertz = bins === 1 ? 0 : ((rate / 2) * bin) / (bins - 1);
      const height = Math.min((hertz - left) / (middle - left), (right - hertz) / (right - middle));
      weights[band * bins + bin] = factor * Math.max(0, height);
    }
  }
  return weights;
}

/** Slaney's Auditory Toolbox: 15 mels per kHz up to 1 kHz, from there on 27 per factor of 6.4. */
const LINEAR_END = 1000;
const HERTZ_PER_MEL = 200 / 3;
const LOG_STEP = log(6.4) / 27;

const scales: Record<MelScale, { toMel(hertz: number): number; toHertz(mel: number): number }> = {
  htk: {
    toMel: (hertz) => (2595 / Math.LN10) * log(1 + hertz / 700),
    toHertz: (mel) => 700 * (exp((mel * Math.LN10) / 2595) - 1),
  },
  slaney: {
    toMel: (hertz) =>
      hertz < LINEAR_END ? hertz / HERTZ_PER_MEL : LINEAR_END / HERTZ_PER_MEL + log(hertz / LINEAR_END) / LOG_STEP,
    toHertz: (mel) => {
      const over = mel - LINEAR_END / HERTZ_PER_MEL;
      return over < 0 ? mel * HERTZ_PER_MEL : LINEAR_END * exp(over * LOG_STEP);
    },
  },
};

/** Row k is the orthonormal cosine of frequency k: √(2/N) · cos(π/N · (n + ½) · k), the first by √½. */
function cosines(count: number, n: number): Float64Array {
  return Float64Array.from({ length: count * n }, (_, i) => {
    const [k, at] = [Math.floor(i / n), i % n];
    return Math.sqrt((k === 0 ? 1 : 2) / n) * cos((Math.PI / n) * (at + 0.5) * k);
  });
}

/** out [rows, columns] = matrix [rows, inner] · page [inner, columns]. */
function multiply(matrix: Float64Array, inner: number, page: Float32Array, columns: number, out: Float32Array): void {
  const sums = new Float64Array(columns);
  for (let row = 0; row * inner < matrix.length; row++) {
    sums.fill(0);
    for (let k = 0; k < inner; k++) {
      const w = matrix[row * inner + k]!;
      if (w === 0) continue;
      for (let t = 0; t < columns; t++) sums[t] = sums[t]! + w * page[k * columns + t]!;
    }
    out.set(sums, row * columns);
  }
}
