import { UsageError } from "../../base/errors.ts";
import {
  best,
  eachExclusive,
  eachSeparate,
  layoutOf,
  probabilitiesOf,
  sigmoidOf,
  type ClassOptions,
} from "./classes.ts";
import { StreamingMetric, type MetricValues } from "./metric.ts";

export interface CalibrationErrorOptions extends Pick<ClassOptions, "fromLogits" | "ignoreIndex"> {
  /** Bins of equal width over the confidences 0 … 1; default 15. */
  bins?: number;
}

/**
 * Expected calibration error (Guo, Pleiss, Sun, Weinberger, 2017): Σ (n_b / n) |accuracy_b − confidence_b| over bins
 * ((b − 1) / B, b / B] of the winning class's probability. 0 where a network is right as often as it is sure.
 *
 * Predictions [N, C, …] with classes [N, …], or as many targets (0 or 1) as predictions.
 */
export class CalibrationError extends StreamingMetric {
  readonly name = "ece";
  override readonly mode = "min";
  readonly #options: CalibrationErrorOptions;
  readonly #bins: number;

  constructor(options: CalibrationErrorOptions = {}) {
    super();
    this.#options = options;
    this.#bins = options.bins ?? 15;
    if (!Number.isInteger(this.#bins) || this.#bins < 1) {
      throw new UsageError(`CalibrationError: bins must be a whole number ≥ 1, got ${this.#bins}`);
    }
  }

  /** `seen` is, per bin, how many, how many right, and the sum of their confidences. */
  update(predictions: MetricValues, targets: MetricValues): void {
    const layout = layoutOf(this.name, predictions, targets);
    const { ignoreIndex, fromLogits = true } = this.#options;
    const seen = this.seen.length > 0 ? [...this.seen] : Array.from({ length: 3 * this.#bins }, () => 0);
    const add = (confidence: number, isRight: boolean) => {
      const bin = Math.min(this.#bins - 1, Math.max(0, Math.ceil(confidence * this.#bins) - 1)) || 0;
      seen[3 * bin]!++;
      if (isRight) seen[3 * bin + 1]!++;
      seen[3 * bin + 2]! += confidence;
    };
    if (layout.kind === "exclusive") {
      eachExclusive(this.name, layout, targets, ignoreIndex, (target, start, stride) => {
        const winner = best(predictions, start, stride, layout.classes);
        add(probabilitiesOf(predictions, start, stride, layout.classes, fromLogits)[winner]!, winner === target);
      });
    } else {
      eachSeparate(this.name, layout, targets, ignoreIndex, (target, at) => {
        const yes = sigmoidOf(predictions.data[at]!, fromLogits);
        add(Math.max(yes, 1 - yes), yes >= 0.5 === target);
      });
    }
    this.seen = seen;
  }

  compute(): number {
    let [total, error] = [0, 0];
    for (let b = 0; b < this.seen.length; b += 3) {
      total += this.seen[b]!;
      error += Math.abs(this.seen[b + 1]! - this.seen[b + 2]!); // n_b |accuracy − confidence|
    }
    return error / total;
  }
}
