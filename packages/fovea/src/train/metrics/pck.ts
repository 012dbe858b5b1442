import { ShapeError, UsageError } from "../../base/errors.ts";
import { showShape, sizeOf } from "../../base/shape.ts";
import { StreamingMetric, type MetricValues } from "./metric.ts";

export interface PckOptions {
  /** Share of the reference length that a point may be off; default 0.2. */
  threshold?: number;
  /**
   * The reference length of a picture: `extent` (default), the longer side of the box around its visible target points
   * (Yang and Ramanan, 2013); a pair of point numbers, the distance between them (the torso, or the head for PCKh); or a
   * number, in the unit of the points.
   */
  reference?: "extent" | readonly [number, number] | number;
}

/**
 * Percentage of correct key points, as a share 0 … 1.
 *
 * Predictions [N, K, 2], targets [N, K, 2] or [N, K, 3] (x, y, visible: 0 does not count). Pictures whose reference length
 * is 0 or cannot be seen do not count.
 */
export class Pck extends StreamingMetric {
  readonly name = "pck";
  readonly #threshold: number;
  readonly #reference: NonNullable<PckOptions["reference"]>;

  constructor({ threshold = 0.2, reference = "extent" }: PckOptions = {}) {
    super();
    if (!(threshold > 0)) throw new UsageError(`Pck: threshold must be above 0, got ${threshold}`);
    this.#threshold = threshold;
    this.#reference = reference;
  }

  update(predictions: MetricValues, targets: MetricValues): void {
    const [rows = 0, points = 0, two] = predictions.shape;
    const width = targets.shape[2] ?? 0;
    const fits =
      predictions.shape.length === 3 &&
      two === 2 &&
      targets.shape.length === 3 &&
      targets.shape[0] === rows &&
      targets.shape[1] === points &&
      (width === 2 || width === 3) &&
      predictions.data.length === sizeOf(predictions.shape) &&
      targets.data.length === sizeOf(targets.shape);
    if (!fits) {
      throw new ShapeError(
        `pck: predictions are [N, K, 2] and targets [N, K, 2] or [N, K, 3]; got ${showShape(predictions.shape)} and ${showShape(targets.shape)}`,
      );
    }
    let [right = 0, total = 0] = this.seen;
    for (let n = 0; n < rows; n++) {
      const target = (k: number) => {
        const at = (n * points + k) * width;
        const [x, y] = [targets.data[at]!, targets.data[at + 1]!];
        return { x, y, visible: width === 2 || targets.data[at + 2]! > 0 };
      };
      const all = Array.from({ length: points }, (_, k) => target(k));
      const length = this.#lengthOf(all);
      if (!(length > 0)) continue;
      all.forEach(({ x, y, visible }, k) => {
        if (!visible) return;
        const at = (n * points + k) * 2;
        total++;
        if (Math.hypot(predictions.data[at]! - x, predictions.data[at + 1]! - y) <= this.#threshold * length) right++;
      });
    }
    this.seen = [right, total];
  }

  compute(): number {
    const [right = 0, total = 0] = this.seen;
    return right / total;
  }

  #lengthOf(points: readonly { x: number; y: number; visible: boolean }[]): number {
    const reference = this.#reference;
    if (typeof reference === "number") return reference;
    if (reference === "extent") {
      const seen = points.filter(({ visible }) => visible);
      const extent = (values: readonly number[]) => Math.max(...values) - Math.min(...values);
      return Math.max(extent(seen.map(({ x }) => x)), extent(seen.map(({ y }) => y)));
    }
    const [a, b] = reference.map((k) => points[k]);
    if (a === undefined || b === undefined) {
      throw new UsageError(`pck: reference names points ${reference.join(" and ")}, there are ${points.length}`);
    }
    return a.visible && b.visible ? Math.hypot(a.x - b.x, a.y - b.y) : 0;
  }
}
