import { UsageError } from "../../base/errors.ts";
import { eachExclusive, eachSeparate, layoutOf, probabilitiesOf, sigmoidOf, type ClassOptions } from "./classes.ts";
import { StreamingMetric, type MetricValues } from "./metric.ts";

export interface RocAucOptions extends Pick<ClassOptions, "fromLogits" | "ignoreIndex"> {
  /** Mean over the classes, plain (default) or by how many targets each has. */
  average?: "macro" | "weighted";
}

/**
 * Area under the ROC curve: how probable it is that a positive scores above a negative (a tie is half).
 *
 * Predictions [N] with targets 0 and 1; [N, C] with as many, each class for itself; or [N, C] with classes [N], each class
 * against the rest by its probability (Provost and Domingos, 2000). It remembers every score: memory grows with the data.
 */
export class RocAuc extends StreamingMetric {
  readonly name = "rocAuc";
  readonly #options: RocAucOptions;

  constructor(options: RocAucOptions = {}) {
    super();
    this.#options = options;
    const { average = "macro" } = options;
    if (average !== "macro" && average !== "weighted") {
      throw new UsageError(`RocAuc: average is macro or weighted, got ${String(average)}`);
    }
  }

  /** `seen` is the number of classes, then class, target and score of each. */
  update(predictions: MetricValues, targets: MetricValues): void {
    const layout = layoutOf(this.name, predictions, targets);
    const { ignoreIndex, fromLogits = true } = this.#options;
    if (this.seen.length > 0 && this.seen[0] !== layout.classes) {
      throw new UsageError(
        `${this.name}: predictions of ${layout.classes} classes after some of ${this.seen[0]}; reset() first`,
      );
    }
    const fresh: number[] = [];
    if (layout.kind === "exclusive") {
      eachExclusive(this.name, layout, targets, ignoreIndex, (target, start, stride) => {
        probabilitiesOf(predictions, start, stride, layout.classes, fromLogits).forEach((p, c) =>
          fresh.push(c, Number(c === target), p),
        );
      });
    } else {
      eachSeparate(this.name, layout, targets, ignoreIndex, (target, at, label) =>
        fresh.push(label, Number(target), sigmoidOf(predictions.data[at]!, fromLogits)),
      );
    }
    if (this.seen.length === 0) this.seen = [layout.classes];
    for (const value of fresh) this.seen.push(value); // push(...fresh) would overflow the stack
  }

  /** The area of each class; NaN where there are only positives or only negatives. */
  perClass(): number[] {
    const perClass = Array.from({ length: this.seen[0] ?? 0 }, (): [scores: number[], targets: number[]] => [[], []]);
    for (let i = 1; i < this.seen.length; i += 3) {
      const [scores, targets] = perClass[this.seen[i]!]!;
      targets.push(this.seen[i + 1]!);
      scores.push(this.seen[i + 2]!);
    }
    return perClass.map(([scores, targets]) => areaUnderRoc(scores, targets));
  }

  compute(): number {
    const positives = Array.from({ length: this.seen[0] ?? 0 }, () => 0);
    for (let i = 1; i < this.seen.length; i += 3) positives[this.seen[i]!]! += this.seen[i + 1]!;
    let [total, weights] = [0, 0];
    this.perClass().forEach((area, c) => {
      if (Number.isNaN(area)) return;
      const weight = this.#options.average === "weighted" ? positives[c]! : 1;
      total += weight * area;
      weights += weight;
    });
    return total / weights;
  }
}

/** Mann and Whitney's U by ranks, equal scores at their mean rank: U / (positives · negatives). */
export function areaUnderRoc(scores: readonly number[], targets: readonly number[]): number {
  const order = scores.map((_, i) => i).toSorted((a, b) => scores[a]! - scores[b]!);
  let [ranks, positives] = [0, 0];
  for (let first = 0; first < order.length;) {
    let end = first + 1;
    while (end < order.length && scores[order[end]!] === scores[order[first]!]) end++;
    const rank = (first + 1 + end) / 2;
    for (; first < end; first++) {
      if (targets[order[first]!] !== 1) continue;
      ranks += rank;
      positives++;
    }
  }
  const negatives = order.length - positives;
  return (ranks - (positives * (positives + 1)) / 2) / (positives * negatives);
}
