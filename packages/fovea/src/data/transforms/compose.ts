import type { OptionCheck } from "./options.ts";
import type { AnySample, Sample } from "../sample.ts";
import { defineTransform, type Transform } from "./transform.ts";

export interface RandomApplyOptions<S extends AnySample = Sample> {
  readonly transforms: readonly Transform<S>[];
  /** Chance that all of them are applied, else none is; default 0.5. */
  readonly p?: number;
}

export interface RandomChoiceOptions<S extends AnySample = Sample> {
  readonly transforms: readonly Transform<S>[];
  /** How likely each is, relative to the others; default: all alike. */
  readonly weights?: readonly number[] | null;
}

/** The transforms of a list one after the other. */
export function compose<S extends AnySample = Sample>(transforms: readonly Transform<S>[]): Transform<S> {
  return composition({ transforms }) as Transform<AnySample> as Transform<S>;
}

/** `compose` with its list as an option, as it stands in a spec. */
export const composition = defineTransform<{ readonly transforms: readonly Transform<AnySample>[] }, AnySample>(
  "compose",
  { transforms: undefined },
  (options, check) => inOrder(checkTransforms(options, check)),
);

/** Applies all of `transforms`, or by chance none. */
export const randomApply = defineTransform<RandomApplyOptions<AnySample>, AnySample>(
  "randomApply",
  { transforms: undefined, p: 0.5 },
  (options, check) => {
    const p = check.probability("p", options.p);
    const apply = inOrder(checkTransforms(options, check));
    return (sample, random) => (random.uniform() < p ? apply(sample, random) : sample);
  },
) as <S extends AnySample = Sample>(options: RandomApplyOptions<S>) => Transform<S>;

/** Applies one of `transforms`, chosen by chance. */
export const randomChoice = defineTransform<RandomChoiceOptions<AnySample>, AnySample>(
  "randomChoice",
  { transforms: undefined, weights: null },
  (options, check) => {
    const { weights } = options;
    const transforms = checkTransforms(options, check);
    const sound = weights === null || (weights.length === transforms.length && weights.every((w) => w >= 0));
    let total = 0;
    const ends = transforms.map((_, i) => (total += sound ? (weights?.[i] ?? 1) : 0));
    if (!(total > 0 && total < Infinity)) {
      check.fail("weights", `${transforms.length} numbers ≥ 0, one per transform, not all 0`, weights);
    }
    return (sample, random) => {
      const at = random.uniform() * total;
      return transforms[ends.findIndex((end) => at < end)]!.apply(sample, random);
    };
  },
) as <S extends AnySample = Sample>(options: RandomChoiceOptions<S>) => Transform<S>;

function inOrder(transforms: readonly Transform<AnySample>[]): Transform<AnySample>["apply"] {
  return (sample, random) => {
    for (const transform of transforms) sample = transform.apply(sample, random);
    return sample;
  };
}

function checkTransforms(
  { transforms }: { readonly transforms: unknown },
  check: OptionCheck,
): readonly Transform<AnySample>[] {
  const sound =
    Array.isArray(transforms) && transforms.every((t: Partial<Transform>) => typeof t?.apply === "function");
  return sound ? (transforms as Transform<AnySample>[]) : check.fail("transforms", "a list of transforms", transforms);
}
