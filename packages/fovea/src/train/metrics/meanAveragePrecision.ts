import { ShapeError, UsageError } from "../../base/errors.ts";
import { showShape } from "../../base/shape.ts";
import { averagePrecision, matchPicture, type Detection, type Match, type Truth } from "./coco.ts";
import { StreamingMetric, type MetricValues } from "./metric.ts";

/** Sides below 32 are small, from 96 on large; areas in pixels². */
const areas = {
  all: [0, 1e10],
  small: [0, 32 ** 2],
  medium: [32 ** 2, 96 ** 2],
  large: [96 ** 2, 1e10],
} as const satisfies Record<string, readonly [number, number]>;

type Area = keyof typeof areas;

/** .50, .55, … .95 */
const thresholds = Array.from({ length: 10 }, (_, i) => (50 + 5 * i) / 100);

/** COCO's twelve figures; −1 where there is nothing to find. */
export interface CocoScores {
  /** Mean over classes and the overlaps .50:.95. */
  readonly ap: number;
  readonly ap50: number;
  readonly ap75: number;
  readonly apSmall: number;
  readonly apMedium: number;
  readonly apLarge: number;
  /** Mean recall with at most so many detections per picture. */
  readonly ar1: number;
  readonly ar10: number;
  readonly ar100: number;
  readonly arSmall: number;
  readonly arMedium: number;
  readonly arLarge: number;
}

/**
 * Mean average precision of boxes as COCO defines it (Lin et al., 2014; cocoapi's COCOeval): precision at 101 recalls, mean
 * over the overlaps .50:.95 and the classes; at most 100 detections per picture and class; crowds are neither hit nor missed.
 *
 * One `update` per picture. Predictions [D, 6]: x1, y1, x2, y2, score, class. Targets [G, 5], [G, 6] or [G, 7]: x1, y1, x2,
 * y2, class, then 1 for a crowd (default 0), then the area (default the box's; COCO's own is the mask's).
 */
export class MeanAveragePrecision extends StreamingMetric {
  readonly name = "mAP";

  /** `seen` is, per picture, how many detections and truths, and then their numbers. */
  update(predictions: MetricValues, targets: MetricValues): void {
    const [found = 0, six] = predictions.shape;
    const [truths = 0, width = 0] = targets.shape;
    if (predictions.shape.length !== 2 || targets.shape.length !== 2 || six !== 6 || width < 5 || width > 7) {
      throw new ShapeError(
        `mAP: predictions of a picture are [D, 6] (x1, y1, x2, y2, score, class), targets [G, 5 … 7] (x1, y1, x2, y2, class, crowd, area); ` +
          `got ${showShape(predictions.shape)} and ${showShape(targets.shape)}`,
      );
    }
    const fresh: number[] = [found, truths];
    for (let i = 0; i < found * 6; i++) fresh.push(predictions.data[i]!);
    for (let i = 0; i < truths; i++) {
      const [x1, y1, x2, y2, label, crowd = 0, area] = Array.from(
        { length: width },
        (_, k) => targets.data[i * width + k]!,
      ) as [number, number, number, number, number, number?, number?];
      fresh.push(x1, y1, x2, y2, label, crowd, area ?? (x2 - x1) * (y2 - y1));
    }
    if (!fresh.every(Number.isFinite)) throw new UsageError("mAP: a box, a score or a class is not a finite number");
    for (const value of fresh) this.seen.push(value);
  }

  /** AP at .50:.95, mean over the classes that have something to find. */
  compute(): number {
    const { ap } = this.scores();
    return ap < 0 ? NaN : ap;
  }

  /** COCO's twelve figures. */
  scores(): CocoScores {
    const pictures = this.#pictures();
    const of = (area: Area, most = 100) => this.#evaluate(pictures, area, most);
    const [all, small, medium, large] = [of("all"), of("small"), of("medium"), of("large")];
    const at = (threshold: number) =>
      meanOf(all.flatMap(({ precisions }) => precisions[thresholds.indexOf(threshold)]!));
    const ap = (scores: readonly ClassResult[]) => meanOf(scores.flatMap(({ precisions }) => precisions));
    const ar = (scores: readonly ClassResult[]) => meanOf(scores.flatMap(({ recalls }) => recalls));
    return {
      ap: ap(all),
      ap50: at(0.5),
      ap75: at(0.75),
      apSmall: ap(small),
      apMedium: ap(medium),
      apLarge: ap(large),
      ar1: ar(of("all", 1)),
      ar10: ar(of("all", 10)),
      ar100: ar(all),
      arSmall: ar(small),
      arMedium: ar(medium),
      arLarge: ar(large),
    };
  }

  /** AP at .50:.95 of each class that has something to find. */
  perClass(): Map<number, number> {
    const results = this.#evaluate(this.#pictures(), "all", 100);
    return new Map(results.map(({ label, precisions }) => [label, meanOf(precisions)]));
  }

  #evaluate(pictures: readonly Picture[], area: Area, most: number): ClassResult[] {
    const labels = new Set(pictures.flatMap(({ truths }) => truths.map(({ label }) => label)));
    return [...labels]
      .toSorted((a, b) => a - b)
      .flatMap((label) => {
        const matches: Match[] = [];
        let wanted = 0;
        for (const { detections, truths } of pictures) {
          const ofClass = <T extends { label: number }>(things: readonly T[]) =>
            things.filter((t) => t.label === label);
          const result = matchPicture(ofClass(detections), ofClass(truths), thresholds, areas[area], most);
          for (const match of result.matches) matches.push(match);
          wanted += result.wanted;
        }
        if (wanted === 0) return [];
        const curves = thresholds.map((_, t) => averagePrecision(matches, t, wanted));
        return [{ label, precisions: curves.map((c) => c.precision), recalls: curves.map((c) => c.recall) }];
      });
  }

  #pictures(): Picture[] {
    const { seen } = this;
    const pictures: Picture[] = [];
    for (let at = 0; at < seen.length;) {
      const [found, truths] = [seen[at]!, seen[at + 1]!];
      at += 2;
      const rows = (count: number, width: number) =>
        Array.from({ length: count }, (_, i) => seen.slice(at + i * width, at + (i + 1) * width));
      const detections = rows(found, 6).map((row): Detection => ({
        box: corners(row),
        score: row[4]!,
        label: row[5]!,
      }));
      at += found * 6;
      const targets = rows(truths, 7).map((row): Truth => ({
        box: corners(row),
        label: row[4]!,
        crowd: row[5] === 1,
        area: row[6]!,
      }));
      at += truths * 7;
      pictures.push({ detections, truths: targets });
    }
    return pictures;
  }
}

interface Picture {
  readonly detections: readonly Detection[];
  readonly truths: readonly Truth[];
}

/** Of one class, by overlap. */
interface ClassResult {
  readonly label: number;
  readonly precisions: readonly number[];
  readonly recalls: readonly number[];
}

function corners(row: readonly number[]): readonly [number, number, number, number] {
  return [row[0]!, row[1]!, row[2]!, row[3]!];
}

function meanOf(values: readonly number[]): number {
  return values.length === 0 ? -1 : values.reduce((a, b) => a + b, 0) / values.length;
}
