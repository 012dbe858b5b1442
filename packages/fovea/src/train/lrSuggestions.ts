import { FoveaError } from "../base/errors.ts";
import { log, pow } from "../base/math.ts";

/** A rate and the (smoothed) loss after the step that took it. */
export interface LrPoint {
  readonly lr: number;
  readonly loss: number;
}

/** Rates to train with, as fastai's four rules find them. */
export interface LrSuggestions {
  /** Halfway down the longest fall of the loss (ESRI's rule): the one to start with. */
  readonly valley: number;
  /** Where the slope stops changing, seen from the end over 15 steps (Novetta's rule). */
  readonly slide: number;
  /** A tenth of the rate with the least loss. */
  readonly minimum: number;
  /** Where the loss falls fastest over the logarithm of the rate. */
  readonly steep: number;
}

/** The losses of the first tenth are of rates too small to matter, the last five of those that broke it. */
const SKIP_END = 5;

/** Looks for rates in a search of `iterations` steps that may have ended earlier. */
export function suggestRates(points: readonly LrPoint[], iterations: number): LrSuggestions {
  const seen = points.slice(Math.floor(iterations / 10), -SKIP_END);
  const broken = seen.findIndex(({ loss }) => Number.isNaN(loss));
  const used = broken < 0 ? seen : seen.slice(0, broken);
  if (used.length < 2) {
    throw new FoveaError(
      `lrFind: the loss diverged after ${points.length} of ${iterations} steps, too soon to suggest a rate; ` +
        "start from a smaller startLr",
    );
  }
  return { valley: valley(used), slide: slide(used), minimum: minimum(used), steep: steep(used) };
}

/** Half of the way through the longest falling sequence of losses (others may lie between), counted in steps. */
function valley(points: readonly LrPoint[]): number {
  const lengths: number[] = [];
  let end = 0;
  for (const [i, { loss }] of points.entries()) {
    let longest = 0;
    for (let j = 0; j < i; j++) if (loss < points[j]!.loss) longest = Math.max(longest, lengths[j]!);
    lengths.push(longest + 1);
    if (lengths[i]! > lengths[end]!) end = i;
  }
  const third = lengths[end]! / 3;
  return points[Math.max(0, end - lengths[end]! + Math.floor(third) + Math.floor(third / 2))]!.lr;
}

/** Two places 15 steps apart move down from the end while their slopes differ. */
function slide(points: readonly LrPoint[]): number {
  const loss = (i: number) => points[i]!.loss;
  const last = points.length - 1;
  const slope = (i: number) => {
    const [before, after] = [Math.max(0, i - 1), Math.min(last, i + 1)];
    return (loss(after) - loss(before)) / (after - before);
  };
  let left = last - 15;
  let { lr } = points[Math.max(0, left)]!;
  for (; left >= 0 && Math.abs(slope(left + 15) - slope(left)) > 0.005; left--) ({ lr } = points[left]!);
  return lr;
}

function minimum(points: readonly LrPoint[]): number {
  return points.reduce((best, point) => (point.loss < best.loss ? point : best)).lr / 10;
}

function steep(points: readonly LrPoint[]): number {
  let [best, steepest] = [0, Infinity];
  for (let i = 0; i < points.length - 1; i++) {
    const [from, to] = [points[i]!, points[i + 1]!];
    const slope = (to.loss - from.loss) / (log(to.lr) - log(from.lr));
    if (slope < steepest) [best, steepest] = [i, slope];
  }
  return points[best]!.lr;
}

/** A mean in which old losses fade, without a bias towards 0 at the start: fastai's, with 0.98. */
export function makeSmoother(beta = 0.98): (loss: number) => number {
  let [mean, count] = [0, 0];
  return (loss) => {
    mean = beta * mean + (1 - beta) * loss;
    return mean / (1 - pow(beta, ++count));
  };
}
