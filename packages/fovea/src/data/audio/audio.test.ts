import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { RandomStream } from "../../base/random.ts";
import type { ArraySample } from "../sample.ts";
import { transformFrom } from "../transforms/registry.ts";
import { compose } from "../transforms/compose.ts";
import { Fft } from "./fft.ts";
import * as audio from "./index.ts";

/** Made by audio.py beside it, with numpy from the definitions. */
const cases = JSON.parse(readFileSync(new URL("../../../test/fixtures/audio.json", import.meta.url), "utf8")) as {
  readonly name: string;
  readonly options: object;
  readonly length: number;
  readonly shape: readonly number[];
  readonly largest: number;
  readonly sum: number;
  readonly at: readonly number[];
  readonly values: readonly number[];
}[];

/** The same as `wave` of audio.py. */
function wave(length: number): ArraySample {
  const x = Float32Array.from({ length }, (_, i) => {
    const t = i / 8000;
    const sweep = Math.sin(2 * Math.PI * (900 * t + 1500 * t * t));
    return 0.5 * Math.sin(2 * Math.PI * 440 * t) + 0.3 * sweep + 0.1 * Math.cos(7000 * t);
  });
  return { x, shape: [length], label: 4 };
}

describe("numbers are those of the definitions", () => {
  for (const { name, options, length, shape, largest, sum, at, values } of cases) {
    it(`${name} ${JSON.stringify(options)}`, () => {
      const transform = transformFrom<ArraySample>({ name, options });
      const sample = wave(length);
      const got = transform.apply(
        name === "amplitudeToDb" ? { ...sample, shape: [1, length] } : sample,
        new RandomStream(0),
      );
      expect(got.shape).toEqual(shape);
      expect(got.label).toBe(4);
      // float32 results of float64 sums.
      for (const [i, place] of at.entries()) {
        expect(Math.abs(got.x[place]! - values[i]!)).toBeLessThanOrEqual(2e-6 * largest);
      }
      let total = 0;
      for (const v of got.x) total += v;
      expect(Math.abs(total - sum)).toBeLessThanOrEqual(1e-6 * largest * got.x.length);
      expect(sample.x).toEqual(wave(length).x);
    });
  }
});

it.each([1, 2, 3, 7, 12, 30, 64, 97, 128, 250])("an FFT of size %d is the sum that defines it", (n) => {
  const random = new RandomStream(n);
  const x = Float64Array.from({ length: n }, () => random.uniform() - 0.5);
  const [re, im] = [new Float64Array(n), new Float64Array(n)];
  new Fft(n).transform(x, re, im);
  for (let k = 0; k < n; k++) {
    let [sumRe, sumIm] = [0, 0];
    for (let i = 0; i < n; i++) {
      sumRe += x[i]! * Math.cos((2 * Math.PI * ((k * i) % n)) / n);
      sumIm -= x[i]! * Math.sin((2 * Math.PI * ((k * i) % n)) / n);
    }
    expect(Math.hypot(re[k]! - sumRe, im[k]! - sumIm)).toBeLessThan(1e-13 * n);
  }
});

it("timeShift moves both channels alike, in silence or around", () => {
  const sample = { x: Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9, 10), shape: [2, 5] };
  const seen = new Set<number>();
  for (let seed = 0; seed < 40; seed++) {
    const { x } = audio.timeShift({ maxShift: 0.4 }).apply(sample, new RandomStream(seed));
    const shift = x.indexOf(x.find((v) => v > 0)!) - (x.find((v) => v > 0)! - 1);
    seen.add(shift);
    const moved = (first: number) =>
      [0, 1, 2, 3, 4].map((i) => (i - shift >= 0 && i - shift < 5 ? first + i - shift : 0));
    expect([...x]).toEqual([...moved(1), ...moved(6)]);
    const around = audio.timeShift({ maxShift: 0.4, wrap: true }).apply(sample, new RandomStream(seed));
    expect([...around.x].toSorted((a, b) => a - b)).toEqual([...sample.x]);
  }
  expect([...seen].toSorted((a, b) => a - b)).toEqual([-2, -1, 0, 1, 2]);
});

it("addNoise has the energy that its ratio says", () => {
  const sample = wave(8000);
  const { x } = audio.addNoise({ snr: 20 }).apply(sample, new RandomStream(1));
  let [signal, noise] = [0, 0];
  for (const [i, v] of sample.x.entries()) {
    signal += v * v;
    noise += (x[i]! - v) ** 2;
  }
  // The noise's energy has a standard deviation of √(2 / 8000) of itself: 0.07 dB.
  expect(Math.abs(10 * Math.log10(signal / noise) - 20)).toBeLessThan(0.3);
  const silence = { x: new Float32Array(9), shape: [9] };
  expect(audio.addNoise({ snr: [0, 10] }).apply(silence, new RandomStream(0)).x).toEqual(silence.x);
});

it("timeMask and frequencyMask cover spans of every length up to the longest", () => {
  const page = { x: new Float32Array(6 * 8).fill(1), shape: [1, 6, 8] };
  const [times, bands] = [new Set<number>(), new Set<number>()];
  for (let seed = 0; seed < 60; seed++) {
    const time = audio.timeMask({ maxLength: 3, fill: 7 }).apply(page, new RandomStream(seed)).x;
    const band = audio.frequencyMask({ maxLength: 2 }).apply(page, new RandomStream(seed)).x;
    times.add([...time].filter((v) => v === 7).length);
    bands.add([...band].filter((v) => v === 0).length);
    for (let i = 8; i < 48; i++) expect(time[i]).toBe(time[i % 8]);
    for (let i = 0; i < 48; i++) expect(band[i]).toBe(band[i - (i % 8)]);
  }
  expect([...times].toSorted((a, b) => a - b)).toEqual([0, 6, 12, 18]);
  expect([...bands].toSorted((a, b) => a - b)).toEqual([0, 8, 16]);
});

it("chains are one transform, the same in a worker and for the same seed, and take very short waves", () => {
  const chain = compose<ArraySample>([
    audio.timeShift(),
    audio.addNoise({ snr: [10, 30] }),
    audio.melSpectrogram({ sampleRate: 8000, nFft: 64, nMels: 8 }),
    audio.amplitudeToDb(),
    audio.timeMask({ maxLength: 9, masks: 2 }),
    audio.frequencyMask({ maxLength: 3 }),
  ]);
  const copy = transformFrom<ArraySample>(structuredClone({ name: chain.name, options: chain.options }));
  for (const length of [1, 2, 63, 500]) {
    const stereo = { x: new Float32Array(2 * length).fill(0.5), shape: [2, length] };
    const got = chain.apply(stereo, new RandomStream(length));
    expect(got.shape).toEqual([2, 8, 1 + Math.floor(length / 32)]);
    expect(copy.apply(stereo, new RandomStream(length))).toEqual(got);
  }
});

it.each<[name: string, option: string, options: object]>([
  ["spectrogram", "nFft", { nFft: 0 }],
  ["spectrogram", "winLength", { nFft: 10, winLength: 11 }],
  ["spectrogram", "hopLength", { hopLength: 0 }],
  ["spectrogram", "window", { window: "kaiser" }],
  ["spectrogram", "power", { power: -1 }],
  ["spectrogram", "center", { center: 1 }],
  ["spectrogram", "padMode", { padMode: "wrap" }],
  ["melSpectrogram", "sampleRate", {}],
  ["melSpectrogram", "nMels", { sampleRate: 8000, nMels: 0 }],
  ["melSpectrogram", "fMin", { sampleRate: 8000, fMin: 5000 }],
  ["melSpectrogram", "fMax", { sampleRate: 8000, fMax: 0 }],
  ["melSpectrogram", "melScale", { sampleRate: 8000, melScale: "bark" }],
  ["melSpectrogram", "norm", { sampleRate: 8000, norm: "area" }],
  ["mfcc", "nMfcc", { sampleRate: 8000, nMels: 10, nMfcc: 11 }],
  ["mfcc", "logMels", { sampleRate: 8000, logMels: "yes" }],
  ["amplitudeToDb", "kind", { kind: "energy" }],
  ["amplitudeToDb", "topDb", { topDb: -1 }],
  ["resampleAudio", "from", { from: 0.5, to: 2 }],
  ["resampleAudio", "to", { from: 9999991, to: 9999973 }],
  ["resampleAudio", "lowpassFilterWidth", { from: 1, to: 2, lowpassFilterWidth: 0 }],
  ["resampleAudio", "rolloff", { from: 1, to: 2, rolloff: 2 }],
  ["timeShift", "maxShift", { maxShift: 2 }],
  ["timeShift", "wrap", { wrap: 0 }],
  ["addNoise", "snr", { snr: [3, 1] }],
  ["timeMask", "maxLength", { maxLength: -1 }],
  ["frequencyMask", "masks", { maxLength: 1, masks: 0.5 }],
  ["frequencyMask", "fill", { maxLength: 1, fill: NaN }],
])("%s names the option that is out of range: %s", (name, option, options) => {
  expect(() => transformFrom({ name, options })).toThrow(`${name}: ${option} must be`);
});

it("a shape that does not fit is refused", () => {
  const scalar = { x: new Float32Array(0), shape: [0] };
  expect(() => audio.spectrogram().apply(scalar, new RandomStream(0))).toThrow(
    "spectrogram: wanted waves, [..., length]",
  );
  expect(() => audio.timeMask({ maxLength: 1 }).apply(wave(4), new RandomStream(0))).toThrow("[..., bins, frames]");
});
