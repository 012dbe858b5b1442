import { UsageError } from "../../base/errors.ts";
import { nearest } from "../../base/nearest.ts";
import { Accuracy, TopK } from "./accuracy.ts";
import { CalibrationError } from "./calibration.ts";
import { MeanAveragePrecision } from "./meanAveragePrecision.ts";
import type { Metric } from "./metric.ts";
import { Pck } from "./pck.ts";
import { F1, Precision, Recall } from "./precisionRecall.ts";
import { RocAuc } from "./rocAuc.ts";
import { Dice, MeanIoU } from "./segmentation.ts";

export { Accuracy, TopK } from "./accuracy.ts";
export { CalibrationError, type CalibrationErrorOptions } from "./calibration.ts";
export type { Average, ClassCountOptions } from "./classCounts.ts";
export type { ClassOptions } from "./classes.ts";
export { ConfusionMatrix, type ClassScore } from "./confusionMatrix.ts";
export { MeanAveragePrecision, type CocoScores } from "./meanAveragePrecision.ts";
export { StreamingMetric, type Metric, type MetricValues } from "./metric.ts";
export { Pck, type PckOptions } from "./pck.ts";
export { F1, Precision, Recall } from "./precisionRecall.ts";
export { RocAuc, type RocAucOptions } from "./rocAuc.ts";
export { Dice, MeanIoU } from "./segmentation.ts";

/** Every metric by the name that `fit` and `--metrics` take, with its defaults. */
const byName = {
  accuracy: () => new Accuracy(),
  top3: () => new TopK(3),
  top5: () => new TopK(5),
  precision: () => new Precision(),
  recall: () => new Recall(),
  f1: () => new F1(),
  rocAuc: () => new RocAuc(),
  meanIoU: () => new MeanIoU(),
  dice: () => new Dice(),
  mAP: () => new MeanAveragePrecision(),
  pck: () => new Pck(),
  ece: () => new CalibrationError(),
} as const satisfies Readonly<Record<string, () => Metric>>;

export type MetricName = keyof typeof byName;

export const metricNames = Object.keys(byName) as readonly MetricName[];

/** A metric by its name; one that is a metric already stays itself. */
export function toMetric(metric: MetricName | Metric): Metric {
  if (typeof metric !== "string") return metric;
  if (Object.hasOwn(byName, metric)) return byName[metric]();
  const near = nearest(metric, metricNames);
  throw new UsageError(
    `there is no metric "${String(metric)}"${near === null ? "" : `; did you mean "${near}"?`} Metrics are ${metricNames.join(", ")}`,
  );
}
