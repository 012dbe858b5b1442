import type { OptionCheck } from "./options.ts";
import { defineTransform, type Transform } from "./transform.ts";

export interface RandomApplyOptions {
  readonly transforms: readonly Transform[];
  /** Chance that all of them are applied, else none is; default 0.5. */
  readonly p?: number;
}

export interface RandomChoiceOptions {
  readonly transforms: readonly Transform[];
  /** How likely each is, relative to the others; default: all alike. */
  readonly weights?: readonly number[] | null;
}

/** The transforms of a list one after the other. */
export function compose(transforms: readonly Transform[]): Transform {
  return composition({ transforms });
}

/** `compose` with its list as an option, as it stands in a spec. */
export const composition = defineTransform<{ readonly transforms: readonly Transform[] }>(
  "compose",
  { transforms: undefined },
  (options, check) => inOrder(checkTransforms(options, check)),
);

/** Applies all of `transforms`, or by chance none. */
export const randomApply = defineTransform<RandomApplyOptions>(
  "randomApply",
  { transforms: undefined, p: 0.5 },
  (options, check) => {
    const p = check.probability("p", options.p);
    const apply = inOrder(checkTransforms(options, check));
    return (sample, random) => (random.uniform() < p ? apply(sample, random) : sample);
  },
);

/** Applies one of `transforms`, chosen by chance. */
export const randomChoice = defineTransform<RandomChoiceOptions>(
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
);

function inOrder(transforms: readonly Transform[]): Transform["apply"] {
  return (sample, random) => {
    for (const transform of transforms) sample = transform.apply(sample, random);
    return sample;
  };
}

function checkTransforms({ transforms }: { readonly transforms: unknown }, check: OptionCheck): readonly Transform[] {
  const sound =
    Array.isArray(transforms) && transforms.every((t: Partial<Transform>) => typeof t?.apply === "function");
  return sound ? (transforms as Transform[]) : check.fail("transforms", "a list of transforms", transforms);
}
