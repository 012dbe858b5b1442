import { RandomStream } from "../../base/random.ts";
import * as init from "../init.ts";
import { checkArguments, choice, named } from "./arguments.ts";

export type Initializer = init.Initializer;

interface Seeded {
  /** Makes the numbers the same every time; default the global stream, which `manualSeed` restarts. */
  seed?: number | null;
}

/** A stream for one weight, begun anew for each: two weights with the same seed and shape are equal, as in Keras. */
const streamOf = ({ seed }: Seeded): init.InitOptions =>
  seed === undefined || seed === null ? {} : { stream: new RandomStream(seed) };

type Scaled = "glorotNormal" | "glorotUniform" | "heNormal" | "heUniform" | "lecunNormal" | "lecunUniform";

const scaled =
  (name: Scaled) =>
  (options: Seeded = {}): Initializer => {
    checkArguments(`initializers.${name}`, options, ["seed"]);
    return (x) => init[name](x, streamOf(options));
  };

const modes = { fanIn: "fanIn", fanOut: "fanOut", fanAvg: "fanAvg" } as const;

/**
 * Initialisers with Keras' arguments. Functions of your own, which fill a tensor in place (`(w) => nn.init.normal(w)`), do
 * as well: a kernel comes to them as [out, in, ...kernel].
 */
export const initializers = {
  zeros: (): Initializer => (x) => init.zeros(x),
  ones: (): Initializer => (x) => init.ones(x),
  constant: (options: { value?: number } = {}): Initializer => {
    checkArguments("initializers.constant", options, ["value"]);
    return (x) => init.constant(x, options.value ?? 0);
  },
  randomNormal: (options: { mean?: number; stddev?: number } & Seeded = {}): Initializer => {
    checkArguments("initializers.randomNormal", options, ["mean", "stddev", "seed"]);
    return (x) => init.normal(x, options.mean ?? 0, options.stddev ?? 0.05, streamOf(options));
  },
  randomUniform: (options: { minval?: number; maxval?: number } & Seeded = {}): Initializer => {
    checkArguments("initializers.randomUniform", options, ["minval", "maxval", "seed"]);
    return (x) => init.uniform(x, options.minval ?? -0.05, options.maxval ?? 0.05, streamOf(options));
  },
  /** Normal numbers within two standard deviations. */
  truncatedNormal: (options: { mean?: number; stddev?: number } & Seeded = {}): Initializer => {
    checkArguments("initializers.truncatedNormal", options, ["mean", "stddev", "seed"]);
    return (x) => init.truncatedNormal(x, options.mean ?? 0, options.stddev ?? 0.05, streamOf(options));
  },
  varianceScaling: (
    options: {
      scale?: number;
      mode?: "fan_in" | "fan_out" | "fan_avg";
      distribution?: "truncated_normal" | "untruncated_normal" | "uniform";
    } & Seeded = {},
  ): Initializer => {
    const who = "initializers.varianceScaling";
    checkArguments(who, options, ["scale", "mode", "distribution", "seed"]);
    const { scale = 1, mode = "fan_in", distribution = "truncated_normal" } = options;
    choice(who, "distribution", distribution, ["truncated_normal", "untruncated_normal", "uniform"]);
    const distributions = {
      truncated_normal: "truncatedNormal",
      untruncated_normal: "untruncatedNormal",
      uniform: "uniform",
    } as const;
    const fan = named(who, "mode", mode, modes);
    return (x) =>
      init.varianceScaling(x, { scale, mode: fan, distribution: distributions[distribution], ...streamOf(options) });
  },
  glorotNormal: scaled("glorotNormal"),
  glorotUniform: scaled("glorotUniform"),
  heNormal: scaled("heNormal"),
  heUniform: scaled("heUniform"),
  lecunNormal: scaled("lecunNormal"),
  lecunUniform: scaled("lecunUniform"),
  orthogonal: (options: { gain?: number } & Seeded = {}): Initializer => {
    checkArguments("initializers.orthogonal", options, ["gain", "seed"]);
    const { gain = 1 } = options;
    return (x) => init.orthogonal(x, { gain, ...streamOf(options) });
  },
  identity: (options: { gain?: number } = {}): Initializer => {
    checkArguments("initializers.identity", options, ["gain"]);
    return (x) => init.identity(x, options.gain ?? 1);
  },
} as const;

/** A name in Keras' spelling (`he_normal`) or ours (`heNormal`), or a function. */
export type InitializerArgument = Initializer | string | null;

const byName: Readonly<Record<string, () => Initializer>> = initializers;

export function initializerOf(who: string, name: string, value: InitializerArgument | undefined): Initializer {
  if (value === undefined || value === null) return initializers.zeros();
  return typeof value === "function" ? value : named(who, name, value, byName)();
}
