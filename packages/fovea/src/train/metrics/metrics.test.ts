import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import {
  Accuracy,
  CalibrationError,
  Dice,
  F1,
  MeanAveragePrecision,
  MeanIoU,
  metricNames,
  Pck,
  Precision,
  Recall,
  RocAuc,
  TopK,
  toMetric,
  type Average,
  type Metric,
  type MetricValues,
} from "./index.ts";

/** Written by test/fixtures/metrics.py from scikit-learn and pycocotools. */
const fixture = JSON.parse(
  readFileSync(new URL("../../../test/fixtures/metrics.json", import.meta.url), "utf8"),
) as Fixture;

interface Given {
  readonly predictions: number[];
  readonly targets: number[];
  readonly shape: number[];
  readonly [figure: string]: unknown;
}

interface Fixture {
  readonly exclusive: Given;
  readonly binary: Given;
  readonly separate: Given;
  readonly masks: Given & { readonly iou: number[] };
  readonly pck: Given;
  readonly boxes: {
    readonly pictures: readonly { predictions: number[]; targets: number[] }[];
    readonly scores: Record<string, number>;
    readonly perClass: number[];
  };
}

const values = (data: readonly number[], shape: readonly number[]): MetricValues => ({
  data: Float32Array.from(data),
  shape,
});

/** Feeds the rows in two batches; what the metric says of all. */
function measure(metric: Metric, predictions: MetricValues, targets: MetricValues, cut = 1): number {
  const part = ({ data, shape }: MetricValues, from: number, to: number): MetricValues => {
    const row = data.length / shape[0]!;
    return { data: Array.from(data).slice(from * row, to * row), shape: [to - from, ...shape.slice(1)] };
  };
  const rows = predictions.shape[0]!;
  for (const [from, to] of [
    [0, cut],
    [cut, rows],
  ] as const) {
    metric.update(part(predictions, from, to), part(targets, from, to));
    metric.state = JSON.parse(JSON.stringify(metric.state)) as number[]; // as a resumed run does
  }
  return metric.compute();
}

describe("metrics of exclusive classes are scikit-learn's", () => {
  const { exclusive } = fixture;
  const predictions = values(exclusive.predictions, exclusive.shape);
  const targets = values(exclusive.targets, [60]);

  it("accuracy and top-k", () => {
    expect(measure(new Accuracy(), predictions, targets)).toBe(exclusive["accuracy"]);
    expect(measure(new TopK(3), predictions, targets)).toBe(exclusive["top3"]);
    expect(measure(new TopK(6), predictions, targets)).toBe(1);
  });

  it.each<Average>(["macro", "micro", "weighted"])("precision, recall and F1, %s", (average) => {
    const wanted = exclusive[average] as Record<string, number>;
    expect(measure(new Precision({ average }), predictions, targets)).toBeCloseTo(wanted["precision"]!, 12);
    expect(measure(new Recall({ average }), predictions, targets)).toBeCloseTo(wanted["recall"]!, 12);
    expect(measure(new F1({ average }), predictions, targets)).toBeCloseTo(wanted["f1"]!, 12);
    expect(measure(new MeanIoU({ average }), predictions, targets)).toBeCloseTo(wanted["iou"]!, 12);
  });

  it("ROC-AUC, each against the rest", () => {
    const first4 = values(
      exclusive.predictions.filter((_, i) => i % 6 < 4),
      [60, 4],
    );
    const wanted = exclusive["aucOfFirst4"] as Record<string, number>;
    for (const average of ["macro", "weighted"] as const) {
      expect(measure(new RocAuc({ average }), first4, targets)).toBeCloseTo(wanted[average]!, 12);
    }
  });

  it("calibration error (Guo et al. 2017)", () => {
    expect(measure(new CalibrationError(), predictions, targets)).toBeCloseTo(exclusive["ece"] as number, 12);
    expect(measure(new CalibrationError({ bins: 10 }), predictions, targets)).toBeCloseTo(
      exclusive["ece10"] as number,
      12,
    );
  });
});

it("metrics of one question are scikit-learn's, equal scores included", () => {
  const { binary } = fixture;
  const targets = values(binary.targets, [50]);
  for (const shape of [[50], [50, 1]]) {
    const predictions = values(binary.predictions, shape);
    const is = (metric: Metric, wanted: string) =>
      expect(measure(metric, predictions, targets), wanted).toBeCloseTo(binary[wanted] as number, 12);
    is(new Accuracy(), "accuracy");
    is(new Precision(), "precision");
    is(new Precision({ threshold: 0.7 }), "precisionFrom0.7");
    is(new Recall(), "recall");
    is(new F1(), "f1");
    is(new RocAuc(), "auc");
    is(new CalibrationError(), "ece");
  }
});

it("metrics of several questions per row are scikit-learn's", () => {
  const { separate } = fixture;
  const [predictions, targets] = [values(separate.predictions, [30, 3]), values(separate.targets, [30, 3])];
  for (const average of ["macro", "micro", "weighted"] as const) {
    const wanted = separate[average] as Record<string, number>;
    expect(measure(new Precision({ average }), predictions, targets)).toBeCloseTo(wanted["precision"]!, 12);
    expect(measure(new Recall({ average }), predictions, targets)).toBeCloseTo(wanted["recall"]!, 12);
    expect(measure(new F1({ average }), predictions, targets)).toBeCloseTo(wanted["f1"]!, 12);
  }
  expect(measure(new RocAuc(), predictions, targets)).toBeCloseTo(separate["auc"] as number, 12);
});

it("pixels: accuracy, mean IoU and dice leave out 255", () => {
  const { masks } = fixture;
  const [predictions, targets] = [values(masks.predictions, masks.shape), values(masks.targets, [2, 4, 5])];
  expect(measure(new Accuracy({ ignoreIndex: 255 }), predictions, targets)).toBe(masks["accuracy"]);
  const iou = new MeanIoU();
  expect(measure(iou, predictions, targets)).toBeCloseTo(masks["meanIoU"] as number, 12);
  iou.perClass().forEach((one, c) => expect(one).toBeCloseTo(masks.iou[c]!, 12));
  expect(measure(new Dice(), predictions, targets)).toBeCloseTo(masks["dice"] as number, 12);
});

it("PCK counts visible points within a share of the reference length", () => {
  const { pck } = fixture;
  const [predictions, targets] = [values(pck.predictions, [4, 3, 2]), values(pck.targets, [4, 3, 3])];
  expect(measure(new Pck(), predictions, targets)).toBe(pck["extent0.2"]);
  expect(measure(new Pck({ threshold: 0.1 }), predictions, targets)).toBe(pck["extent0.1"]);
  expect(measure(new Pck({ threshold: 0.5, reference: [0, 1] }), predictions, targets)).toBe(pck["pair0.5"]);
});

describe("mAP", () => {
  const { boxes } = fixture;
  const metric = new MeanAveragePrecision();
  for (const { predictions, targets } of boxes.pictures) {
    metric.update(values(predictions, [predictions.length / 6, 6]), values(targets, [targets.length / 7, 7]));
  }

  it("has the twelve figures of pycocotools on six pictures with crowds and all sizes", () => {
    for (const [name, score] of Object.entries(metric.scores())) {
      expect(score, name).toBeCloseTo(boxes.scores[name]!, 12);
    }
    expect(metric.compute()).toBeCloseTo(boxes.scores["ap"]!, 12);
    expect([...metric.perClass().keys()]).toEqual([1, 2, 3]);
    [...metric.perClass().values()].forEach((ap, k) => expect(ap).toBeCloseTo(boxes.perClass[k]!, 12));
  });

  it("by hand: a hit at 0.9, a mistake at 0.8, a hit at 0.7 for two things", () => {
    // Precision 1 up to recall 0.5 (51 of the 101 recalls), 2/3 above: (51 + 50 · 2/3) / 101, the same at every overlap.
    const one = new MeanAveragePrecision();
    const things = [
      [0, 0, 50, 50, 0],
      [100, 100, 150, 150, 0],
    ];
    const found = [
      [0, 0, 50, 50, 0.9, 0],
      [200, 0, 250, 50, 0.8, 0],
      [100, 100, 150, 150, 0.7, 0],
    ];
    one.update(values(found.flat(), [3, 6]), values(things.flat(), [2, 5]));
    expect(one.compute()).toBeCloseTo((51 + 50 * (2 / 3)) / 101, 12);
    expect(one.scores().ar1).toBe(0.5);
    expect(one.scores().apSmall).toBe(-1);
  });

  it("without things there is no figure, with things and no detections it is 0", () => {
    const one = new MeanAveragePrecision();
    one.update(values([], [0, 6]), values([], [0, 5]));
    expect(one.compute()).toBeNaN();
    one.update(values([], [0, 6]), values([0, 0, 9, 9, 2], [1, 5]));
    expect(one.compute()).toBe(0);
  });
});

describe("a metric", () => {
  it("goes by its name, and an unknown name is corrected", () => {
    for (const name of metricNames) expect(toMetric(name).name).toBe(name);
    const own = new Accuracy();
    expect(toMetric(own)).toBe(own);
    expect(() => toMetric("acuracy" as "accuracy")).toThrow('did you mean "accuracy"?');
  });

  it("starts afresh after reset, and says NaN of nothing", () => {
    for (const name of metricNames) {
      const metric = toMetric(name);
      expect(metric.compute(), name).toBeNaN();
      metric.state = [0, 0, 0];
      metric.reset();
      expect(metric.compute(), name).toBeNaN();
    }
  });

  it("refuses shapes and targets that do not belong together, and keeps what it had", () => {
    const metric = new F1();
    metric.update(values([1, 0, 0, 1], [2, 2]), values([0, 1], [2]));
    expect(() => metric.update(values([1, 0, 0, 1], [2, 2]), values([0, 2], [2]))).toThrow(
      "f1: a target is 2, the predictions know classes 0 … 1; for targets that do not count, say { ignoreIndex: 2 }",
    );
    expect(() => metric.update(values([1, 0, 0, 1], [2, 2]), values([0], [1]))).toThrow(
      "f1: predictions [2, 2] need classes [2], or as many 0s and 1s; got [1]",
    );
    expect(() => metric.update(values([1, 0, 2], [1, 3]), values([0], [1]))).toThrow(/3 classes after some of 2/);
    expect(() => new Accuracy().update(values([1, 0], [2]), values([0, 3], [2]))).toThrow(/each is 0 or 1/);
    expect(metric.compute()).toBe(1);
    expect(() => new Pck().update(values([1, 2], [1, 2]), values([1, 2], [1, 2]))).toThrow(/\[N, K, 2\]/);
    expect(() => new MeanAveragePrecision().update(values([1], [1]), values([1], [1]))).toThrow(/\[D, 6\]/);
    expect(() => new TopK(0)).toThrow(/got 0/);
    expect(() => new F1({ average: "mean" as "macro" })).toThrow(/macro, micro or weighted/);
  });

  it("takes probabilities where it is told so", () => {
    const metric = new RocAuc({ fromLogits: false });
    metric.update(values([0.9, 0.1, 0.2, 0.8], [2, 2]), values([0, 1], [2]));
    expect(metric.compute()).toBe(1);
    const accuracy = new Accuracy({ fromLogits: false });
    accuracy.update(values([0.4, 0.6], [2]), values([0, 1], [2]));
    expect(accuracy.compute()).toBe(1);
  });
});
