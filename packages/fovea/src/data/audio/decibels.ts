import { log } from "../../base/math.ts";
import type { ArraySample } from "../sample.ts";
import { defineTransform } from "../transforms/transform.ts";

export interface AmplitudeToDbOptions {
  /** Whether numbers are energies ("power", default: 10 · log₁₀) or amplitudes ("magnitude": 20 · log₁₀). */
  readonly kind?: "power" | "magnitude";
  /** What is further below the sample's loudest number is raised to this distance, in dB; null for all; default 80. */
  readonly topDb?: number | null;
}

/** Decibels relative to 1, at least those of 10⁻¹⁰, as torchaudio's `AmplitudeToDB` (with a `top_db` of 80 as librosa). */
export const amplitudeToDb = defineTransform<AmplitudeToDbOptions, ArraySample>(
  "amplitudeToDb",
  { kind: "power", topDb: 80 },
  (options, check) => {
    const factor = check.oneOf("kind", options.kind, ["power", "magnitude"]) === "power" ? 10 : 20;
    const range = options.topDb === null ? null : check.number("topDb", options.topDb, 0, 1e4);
    return (sample) => ({ ...sample, x: decibels(sample.x, factor, range) });
  },
);

export function decibels(x: Float32Array, factor: number, range: number | null): Float32Array {
  const out = x.map((v) => (factor / Math.LN10) * log(Math.max(v, 1e-10)));
  if (range !== null) {
    let loudest = -Infinity;
    for (const v of out) if (v > loudest) loudest = v;
    for (let i = 0; i < out.length; i++) out[i] = Math.max(out[i]!, loudest - range);
  }
  return out;
}
