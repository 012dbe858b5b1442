import { UsageError } from "../../base/errors.ts";
import { best, eachExclusive, eachSeparate, layoutOf, scoreThreshold, type ClassOptions } from "./classes.ts";
import { StreamingMetric, type MetricValues } from "./metric.ts";

/**
 * How the classes make one figure: `macro`, their mean; `weighted`, the mean by how many targets each has; `micro`, their
 * hits and misses added up before dividing. Classes that occur neither in targets nor in predictions do not count.
 */
export type Average = "macro" | "micro" | "weighted";

export interface ClassCountOptions extends ClassOptions {
  /** Default macro. */
  average?: Average;
}

/** Hits and misses of one class. */
export interface Hits {
  /** True positives. */
  readonly hits: number;
  /** False positives. */
  readonly wrong: number;
  /** False negatives. */
  readonly missed: number;
}

/** What precision, recall, F1, IoU and dice share: per class, hits, wrong and missed. */
export abstract class ClassCountMetric extends StreamingMetric {
  readonly #options: ClassCountOptions;
  readonly #average: Average;
  #yes: number | null = null;

  constructor(options: ClassCountOptions = {}) {
    super();
    this.#options = options;
    this.#average = options.average ?? "macro";
    if (!["macro", "micro", "weighted"].includes(this.#average)) {
      throw new UsageError(`${this.constructor.name}: average is macro, micro or weighted, got ${this.#average}`);
    }
    if (options.threshold !== undefined) scoreThreshold(this.constructor.name, options);
  }

  /** The figure of one class (or of all together): 0 / 0 is 0. */
  protected abstract figure(counts: Hits): number;

  update(predictions: MetricValues, targets: MetricValues): void {
    const layout = layoutOf(this.name, predictions, targets);
    const { classes } = layout;
    const { ignoreIndex } = this.#options;
    const known = this.seen.length / 3;
    if (known !== 0 && known !== classes) {
      throw new UsageError(`${this.name}: predictions of ${classes} classes after some of ${known}; reset() first`);
    }
    const seen = known === 0 ? Array.from({ length: 3 * classes }, () => 0) : [...this.seen];
    if (layout.kind === "exclusive") {
      eachExclusive(this.name, layout, targets, ignoreIndex, (target, start, stride) => {
        const predicted = best(predictions, start, stride, classes);
        if (predicted === target) seen[3 * target]!++;
        else {
          seen[3 * predicted + 1]!++;
          seen[3 * target + 2]!++;
        }
      });
    } else {
      const yes = (this.#yes ??= scoreThreshold(this.name, this.#options));
      eachSeparate(this.name, layout, targets, ignoreIndex, (target, at, label) => {
        const said = predictions.data[at]! >= yes;
        if (said || target) seen[3 * label + (said && target ? 0 : said ? 1 : 2)]!++;
      });
    }
    this.seen = seen; // all or nothing: a batch with a bad target leaves no trace
  }

  /** The figure of each class. */
  perClass(): number[] {
    return this.#counts().map((counts) => this.figure(counts));
  }

  compute(): number {
    const occurring = this.#counts().filter(({ hits, wrong, missed }) => hits + wrong + missed > 0);
    if (occurring.length === 0) return NaN;
    if (this.#average === "micro") {
      const sum = (part: keyof Hits) => occurring.reduce((total, counts) => total + counts[part], 0);
      return this.figure({ hits: sum("hits"), wrong: sum("wrong"), missed: sum("missed") });
    }
    let [total, weights] = [0, 0];
    for (const counts of occurring) {
      const weight = this.#average === "macro" ? 1 : counts.hits + counts.missed;
      total += weight * this.figure(counts);
      weights += weight;
    }
    return weights === 0 ? 0 : total / weights;
  }

  #counts(): Hits[] {
    const { seen } = this;
    return Array.from({ length: seen.length / 3 }, (_, c) => ({
      hits: seen[3 * c]!,
      wrong: seen[3 * c + 1]!,
      missed: seen[3 * c + 2]!,
    }));
  }
}

/** a / b, 0 where there is nothing to divide by. */
export function ratio(a: number, b: number): number {
  return b === 0 ? 0 : a / b;
}
