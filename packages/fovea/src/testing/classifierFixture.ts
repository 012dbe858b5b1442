import { readFileSync } from "node:fs";

interface Optimum {
  readonly weights: number[];
  readonly objective: number;
}

/** Made by test/fixtures/classifiers.py with SciPy's minimisers in float64. */
export const classifierFixture = JSON.parse(
  readFileSync(new URL("../../test/fixtures/classifiers.json", import.meta.url), "utf8"),
) as {
  readonly x: number[][];
  readonly y: number[];
  readonly test: number[][];
  readonly hinge: Optimum[];
  readonly squaredHinge: Optimum[];
  readonly rbf: {
    readonly gamma: number;
    readonly C: number;
    readonly objective: number;
    readonly intercept: number;
    readonly scores: number[];
  };
  readonly logistic: {
    readonly C: number;
    readonly objective: number;
    readonly coef: number[][];
    readonly probabilities: number[][];
  };
  readonly pca: {
    readonly components: number[][];
    readonly explainedVariance: number[];
    readonly transformed: number[][];
  };
};
