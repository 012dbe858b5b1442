import { UsageError } from "../base/errors.ts";
import { cos } from "../base/math.ts";
import { checkRate, checkSteps, type Schedule } from "./schedules.ts";

interface Phases {
  /** Length of the whole cycle in steps; the last value stays. */
  steps: number;
  /** Share of the steps in which the rate rises; default 0.3. */
  pctStart?: number;
  /** The way from value to value: half a cosine (`cos`, default) or a line (`linear`). */
  annealStrategy?: "cos" | "linear";
  /** Fall as long as it rose, and then to the last value, instead of falling to it at once; default false. */
  threePhase?: boolean;
}

export interface OneCycleOptions extends Phases {
  /** The first rate is maxLr / divFactor; default 25. */
  divFactor?: number;
  /** The last rate is the first one / finalDivFactor; default 1e4. */
  finalDivFactor?: number;
}

/**
 * Up to `maxLr`, then down to almost nothing (Smith and Topin, 2018, "Super-Convergence"), as `torch.optim.lr_scheduler.OneCycleLR`.
 *
 * @example
 * const cycle = { steps: epochs * loader.length };
 * new optim.SGD(params, { lr: optim.oneCycle(0.1, cycle), momentum: optim.oneCycleMomentum(cycle) });
 */
export function oneCycle(maxLr: number, options: OneCycleOptions): Schedule {
  const { divFactor = 25, finalDivFactor = 1e4 } = options;
  checkRate(maxLr, "oneCycle");
  const first = maxLr / divFactor;
  return cycle(options, first, maxLr, first, first / finalDivFactor);
}

export interface OneCycleMomentumOptions extends Phases {
  /** Momentum where the rate is highest; default 0.85. */
  baseMomentum?: number;
  /** Momentum at first and last; default 0.95. */
  maxMomentum?: number;
}

/** The momentum that goes with `oneCycle`: low where the rate is high. */
export function oneCycleMomentum(options: OneCycleMomentumOptions): Schedule {
  const { baseMomentum = 0.85, maxMomentum = 0.95 } = options;
  return cycle(options, maxMomentum, baseMomentum, maxMomentum, maxMomentum);
}

/** From `first` over `peak` (and back to `middle` where there are three phases) to `last`. */
function cycle(
  { steps, pctStart = 0.3, annealStrategy = "cos", threePhase = false }: Phases,
  first: number,
  peak: number,
  middle: number,
  last: number,
): Schedule {
  checkSteps(steps, "oneCycle", "steps");
  const most = threePhase ? 0.5 : 1;
  if (!(pctStart > 0 && pctStart <= most)) {
    throw new UsageError(`oneCycle: pctStart must be a share above 0, up to ${most}, got ${pctStart}`);
  }
  if (annealStrategy !== "cos" && annealStrategy !== "linear") {
    throw new UsageError(`oneCycle: annealStrategy is cos or linear, got ${String(annealStrategy)}`);
  }
  const rise = pctStart * steps - 1;
  const points: [step: number, value: number][] = [
    [0, first],
    [rise, peak],
    ...(threePhase ? [[2 * rise, middle] as [number, number]] : []),
    [steps - 1, last],
  ];
  return (taken) => {
    for (let i = 1; i < points.length; i++) {
      const [[from, start], [to, end]] = [points[i - 1]!, points[i]!];
      if (taken > to || to <= from) continue; // a phase shorter than a step is left out
      const share = (taken - from) / (to - from);
      return annealStrategy === "linear"
        ? start + (end - start) * share
        : end + ((start - end) / 2) * (1 + cos(Math.PI * share));
    }
    return last;
  };
}
