/** How COCO compares the boxes of one picture and class, and makes a curve of all pictures' results (cocoapi's COCOeval). */

export interface Detection {
  readonly box: readonly [x1: number, y1: number, x2: number, y2: number];
  readonly score: number;
  readonly label: number;
}

export interface Truth {
  readonly box: readonly [x1: number, y1: number, x2: number, y2: number];
  readonly label: number;
  readonly crowd: boolean;
  readonly area: number;
}

/** What became of a detection: per overlap, a hit, a mistake, or nothing that counts. */
export interface Match {
  readonly score: number;
  readonly outcomes: readonly ("hit" | "wrong" | "ignored")[];
}

/**
 * Gives each detection, surest first, the free truth that it overlaps most. Crowds and truths outside of the area range are
 * taken only where no other is left, and then the detection does not count; nor does one without a partner whose own area
 * is outside.
 */
export function matchPicture(
  detections: readonly Detection[],
  truths: readonly Truth[],
  thresholds: readonly number[],
  [smallest, largest]: readonly [number, number],
  most: number,
): { matches: Match[]; wanted: number } {
  const outside = (area: number) => area < smallest || area > largest;
  const ignored = (truth: Truth) => truth.crowd || outside(truth.area);
  const sorted = [...truths.filter((t) => !ignored(t)), ...truths.filter(ignored)];
  const wanted = truths.length - truths.filter(ignored).length;
  const surest = detections.toSorted((a, b) => b.score - a.score).slice(0, most);
  const overlaps = surest.map((d) => sorted.map((t) => overlap(d.box, t)));
  const taken = thresholds.map(() => sorted.map(() => false));
  const matches = surest.map((detection, d) => ({
    score: detection.score,
    outcomes: thresholds.map((threshold, t) => {
      const partner = bestPartner(overlaps[d]!, sorted, wanted, taken[t]!, threshold);
      if (partner < 0) return outside(areaOf(detection.box)) ? "ignored" : "wrong";
      taken[t]![partner] = true;
      return partner < wanted ? "hit" : "ignored";
    }),
  }));
  return { matches, wanted };
}

/** The last of the free truths with the largest overlap ≥ threshold, those that count before those that do not; or −1. */
function bestPartner(
  overlaps: readonly number[],
  truths: readonly Truth[],
  counting: number,
  taken: readonly boolean[],
  threshold: number,
): number {
  let partner = -1;
  let least = Math.min(threshold, 1 - 1e-10);
  for (let i = 0; i < truths.length; i++) {
    if (taken[i] && !truths[i]!.crowd) continue;
    if (i >= counting && partner >= 0 && partner < counting) break;
    if (overlaps[i]! < least) continue;
    least = overlaps[i]!;
    partner = i;
  }
  return partner;
}

/** Intersection over union; over the detection's own area where the truth is a crowd. */
function overlap(box: Detection["box"], { box: other, crowd }: Truth): number {
  const width = Math.min(box[2], other[2]) - Math.max(box[0], other[0]);
  const height = Math.min(box[3], other[3]) - Math.max(box[1], other[1]);
  if (width <= 0 || height <= 0) return 0;
  const both = width * height;
  return both / (crowd ? areaOf(box) : areaOf(box) + areaOf(other) - both);
}

function areaOf([x1, y1, x2, y2]: Detection["box"]): number {
  return (x2 - x1) * (y2 - y1);
}

/** The precision at the recalls 0, 0.01, … 1, where it is the best at that recall or above; and the largest recall. */
export function averagePrecision(
  matches: readonly Match[],
  threshold: number,
  wanted: number,
): { precision: number; recall: number } {
  const recalls: number[] = [];
  const precisions: number[] = [];
  let [hits, wrong] = [0, 0];
  for (const { outcomes } of matches.toSorted((a, b) => b.score - a.score)) {
    const outcome = outcomes[threshold]!;
    if (outcome === "hit") hits++;
    if (outcome === "wrong") wrong++;
    recalls.push(hits / wanted);
    precisions.push(hits === 0 ? 0 : hits / (hits + wrong));
  }
  for (let i = precisions.length - 2; i >= 0; i--) precisions[i] = Math.max(precisions[i]!, precisions[i + 1]!);
  let [sum, at] = [0, 0];
  for (let percent = 0; percent <= 100; percent++) {
    while (at < recalls.length && recalls[at]! < percent * 0.01) at++; // as numpy makes the 101 recalls
    sum += precisions[at] ?? 0;
  }
  return { precision: sum / 101, recall: recalls.at(-1) ?? 0 };
}
