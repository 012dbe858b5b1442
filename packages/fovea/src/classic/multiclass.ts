import { bestLabels, encodeLabels, type MarginClassifier } from "./classifier.ts";
import { matrix, takeRows, toMatrix, type Matrix, type Rows } from "./matrix.ts";

/** Several classes from a classifier of two: for each class one that tells it from all others. */
export class OneVsRestClassifier<E extends MarginClassifier> implements MarginClassifier {
  classes: Int32Array = new Int32Array();
  estimators: readonly E[] = [];
  readonly #make: () => E;

  /** @param make A new classifier; it is given labels 0 (the others) and 1. */
  constructor(make: () => E) {
    this.#make = make;
  }

  fit(x: Rows, y: ArrayLike<number>): this {
    const samples = toMatrix(x, "OneVsRestClassifier");
    const { classes, codes } = encodeLabels(y, samples.rows, "OneVsRestClassifier");
    const positives = classes.length === 2 ? [1] : Array.from(classes.keys());
    this.classes = classes;
    this.estimators = positives.map((positive) =>
      this.#make().fit(
        samples,
        codes.map((code) => (code === positive ? 1 : 0)),
      ),
    );
    return this;
  }

  decisionFunction(x: Rows): Matrix {
    const samples = toMatrix(x, "OneVsRestClassifier");
    return sideBySide(this.estimators, samples);
  }

  predict(x: Rows): Int32Array {
    return bestLabels(this.decisionFunction(x), this.classes);
  }
}

/** Several classes from a classifier of two: one for each pair of classes, trained on their samples alone, and a vote. */
export class OneVsOneClassifier<E extends MarginClassifier> implements MarginClassifier {
  classes: Int32Array = new Int32Array();
  /** In the order (0, 1), (0, 2), …, (1, 2), … */
  estimators: readonly E[] = [];
  readonly #make: () => E;

  /** @param make A new classifier; it is given labels 0 and 1, the earlier and the later class of its pair. */
  constructor(make: () => E) {
    this.#make = make;
  }

  fit(x: Rows, y: ArrayLike<number>): this {
    const samples = toMatrix(x, "OneVsOneClassifier");
    const { classes, codes } = encodeLabels(y, samples.rows, "OneVsOneClassifier");
    this.classes = classes;
    this.estimators = pairsOf(classes.length).map(([first, second]) => {
      const chosen = Array.from(codes.keys()).filter((i) => codes[i] === first || codes[i] === second);
      return this.#make().fit(
        takeRows(samples, chosen),
        chosen.map((i) => (codes[i] === second ? 1 : 0)),
      );
    });
    return this;
  }

  /** Votes, and within a third of a vote how sure the pairs are, so that equal votes are decided; two classes: the score. */
  decisionFunction(x: Rows): Matrix {
    const samples = toMatrix(x, "OneVsOneClassifier");
    return voteOfPairs(sideBySide(this.estimators, samples), this.classes.length);
  }

  predict(x: Rows): Int32Array {
    return bestLabels(this.decisionFunction(x), this.classes);
  }
}

/** (0, 1), (0, 2), …, (1, 2), … */
export function pairsOf(count: number): (readonly [number, number])[] {
  const pairs: (readonly [number, number])[] = [];
  for (let a = 0; a < count; a++) for (let b = a + 1; b < count; b++) pairs.push([a, b]);
  return pairs;
}

/** Scores [samples, pairs], positive for the later class, as scores [samples, classes]; of one pair they stay. */
export function voteOfPairs(scores: Matrix, classes: number): Matrix {
  const pairs = pairsOf(classes);
  if (pairs.length === 1) return scores;
  const votes = matrix(scores.rows, classes);
  const sure = matrix(scores.rows, classes);
  pairs.forEach(([first, second], k) => {
    for (let r = 0; r < scores.rows; r++) {
      const score = scores.values[r * scores.columns + k]!;
      votes.values[r * classes + (score > 0 ? second : first)]!++;
      sure.values[r * classes + first]! -= score;
      sure.values[r * classes + second]! += score;
    }
  });
  for (let i = 0; i < votes.values.length; i++) {
    const s = sure.values[i]!;
    votes.values[i]! += s / (3 * (Math.abs(s) + 1));
  }
  return votes;
}

/** The score of each binary classifier, [samples, classifiers]. */
function sideBySide(estimators: readonly MarginClassifier[], samples: Matrix): Matrix {
  const scores = matrix(samples.rows, estimators.length);
  estimators.forEach((estimator, k) => {
    const { values } = estimator.decisionFunction(samples);
    for (let r = 0; r < samples.rows; r++) scores.values[r * scores.columns + k] = values[r]!;
  });
  return scores;
}
