import { UsageError } from "../base/errors.ts";

/**
 * How much of a pretrained network learns: `head`, its classifier on a frozen base; `partial`, also its later stages;
 * `full`, all of it; `svm`, nothing: a support vector machine learns on its features.
 */
export type FineTuneStrategy = "head" | "partial" | "full" | "svm";

export interface StrategyFacts {
  /** Training pictures of the rarest class. */
  readonly imagesPerClass: number;
  /** How much the data are like those that the network knows. */
  readonly similarity: "similar" | "different";
}

export interface StrategyAdvice {
  readonly strategy: FineTuneStrategy;
  /** In a sentence. */
  readonly why: string;
}

/** From so many pictures per class on, a data set is large. */
const LARGE = 1000;
/** Below so many, a classifier with a margin generalises better than one trained by steps. */
const TINY = 10;

/**
 * Which strategy suits, by the matrix of data size and similarity (Yosinski et al., 2014; Marcelino, 2018): large and
 * different trains all, small and similar the head alone, and what lies between the later layers.
 */
export function chooseStrategy({ imagesPerClass, similarity }: StrategyFacts): StrategyAdvice {
  if (!(imagesPerClass >= 1)) {
    throw new UsageError(`chooseStrategy: imagesPerClass must be a number ≥ 1, got ${imagesPerClass}`);
  }
  const large = imagesPerClass >= LARGE;
  const size = `${imagesPerClass} training ${imagesPerClass === 1 ? "picture" : "pictures"} in the smallest class`;
  if (similarity === "similar") {
    if (large) {
      return {
        strategy: "partial",
        why: `${size} are enough to train the later layers; the first ones, which see edges and textures, serve as they are`,
      };
    }
    if (imagesPerClass < TINY) {
      return {
        strategy: "svm",
        why: `with ${size} even a head over-fits: a support vector machine learns on the features`,
      };
    }
    return {
      strategy: "head",
      why: `${size} are few, and the network's features already tell the classes apart: only the classifier learns`,
    };
  }
  if (large) {
    return {
      strategy: "full",
      why: `${size} are enough to train everything, and the features of the pretrained network alone do not tell the classes apart`,
    };
  }
  return {
    strategy: "partial",
    why: `${size} are few, but the features do not tell the classes apart: the later layers learn too, the first ones are general`,
  };
}
