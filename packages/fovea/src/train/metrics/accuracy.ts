import { UsageError } from "../../base/errors.ts";
import { best, eachExclusive, eachSeparate, layoutOf, scoreThreshold, type ClassOptions } from "./classes.ts";
import { StreamingMetric, type MetricValues } from "./metric.ts";

/**
 * Share of right answers.
 *
 * Predictions [N, C, …] with classes [N, …]: the largest score decides. As many targets (0 or 1) as predictions: each
 * counts for itself, yes from `threshold` on.
 */
export class Accuracy extends StreamingMetric {
  readonly name: string = "accuracy";
  readonly #options: ClassOptions;
  readonly #yes: number;

  constructor(options: ClassOptions = {}) {
    super();
    this.#options = options;
    this.#yes = scoreThreshold(this.name, options);
  }

  update(predictions: MetricValues, targets: MetricValues): void {
    const layout = layoutOf(this.name, predictions, targets);
    const { ignoreIndex } = this.#options;
    let [right = 0, total = 0] = this.seen;
    const count = (isRight: boolean) => {
      total++;
      if (isRight) right++;
    };
    if (layout.kind === "exclusive") {
      eachExclusive(this.name, layout, targets, ignoreIndex, (target, start, stride) =>
        count(best(predictions, start, stride, layout.classes) === target),
      );
    } else {
      eachSeparate(this.name, layout, targets, ignoreIndex, (target, at) =>
        count(predictions.data[at]! >= this.#yes === target),
      );
    }
    this.seen = [right, total];
  }

  compute(): number {
    const [right = 0, total = 0] = this.seen;
    return right / total;
  }
}

/** Share of targets among the k largest scores. Predictions [N, C, …], classes [N, …]; equal scores: the lower class first. */
export class TopK extends StreamingMetric {
  readonly name: string;
  readonly #k: number;
  readonly #ignoreIndex: number | undefined;

  constructor(k = 5, { ignoreIndex }: Pick<ClassOptions, "ignoreIndex"> = {}) {
    super();
    if (!Number.isInteger(k) || k < 1) throw new UsageError(`TopK: k must be a whole number ≥ 1, got ${k}`);
    this.name = `top${k}`;
    this.#k = k;
    this.#ignoreIndex = ignoreIndex;
  }

  update(predictions: MetricValues, targets: MetricValues): void {
    const layout = layoutOf(this.name, predictions, targets);
    if (layout.kind !== "exclusive") throw new UsageError(`${this.name}: the targets must be classes, one per row`);
    let [right = 0, total = 0] = this.seen;
    const { data } = predictions;
    eachExclusive(this.name, layout, targets, this.#ignoreIndex, (target, start, stride) => {
      const score = data[start + target * stride]!;
      let before = 0;
      for (let c = 0; c < layout.classes; c++) {
        const other = data[start + c * stride]!;
        if (!(other < score) && !(other === score && c >= target)) before++; // a NaN is before: never a right answer
      }
      total++;
      if (before < this.#k) right++;
    });
    this.seen = [right, total];
  }

  compute(): number {
    const [right = 0, total = 0] = this.seen;
    return right / total;
  }
}
