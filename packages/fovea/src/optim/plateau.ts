import { UsageError } from "../base/errors.ts";

export interface PlateauOptions {
  /** Whether the metric shall fall (`min`, default) or rise. */
  mode?: "min" | "max";
  /** What the rate is multiplied by; default 0.1. */
  factor?: number;
  /** Measurements without improvement that are endured; default 10. */
  patience?: number;
  /** The least improvement; default 1e-4. */
  threshold?: number;
  /** Whether the threshold is a share of the best value (`rel`, default) or a difference (`abs`). */
  thresholdMode?: "rel" | "abs";
  /** Measurements after a reduction that do not count; default 0. */
  cooldown?: number;
  /** The lowest rate; default 0. */
  minLr?: number;
  /** A smaller change of the rate is left undone; default 1e-8. */
  eps?: number;
}

/** What a resumed run needs; fits into JSON. */
export interface PlateauState {
  /** The best value so far; null before the first. */
  readonly best: number | null;
  readonly badMeasurements: number;
  readonly cooldownLeft: number;
}

/**
 * Lowers a rate when a metric stops improving, as `torch.optim.lr_scheduler.ReduceLROnPlateau`.
 *
 * @example
 * const plateau = new optim.Plateau({ patience: 3 });
 * optimizer.lr = plateau.step(validationLoss, optimizer.lr); // after every epoch
 */
export class Plateau {
  readonly #options: Required<PlateauOptions>;
  state: PlateauState = { best: null, badMeasurements: 0, cooldownLeft: 0 };

  constructor(options: PlateauOptions = {}) {
    const defaults = { mode: "min", patience: 10, threshold: 1e-4, thresholdMode: "rel", cooldown: 0 } as const;
    this.#options = { ...defaults, factor: 0.1, minLr: 0, eps: 1e-8, ...options };
    const { mode, factor, patience, thresholdMode } = this.#options;
    const refuse = (what: string, got: unknown) => {
      throw new UsageError(`Plateau: ${what}, got ${String(got)}`);
    };
    if (mode !== "min" && mode !== "max") refuse("mode is min or max", mode);
    if (thresholdMode !== "rel" && thresholdMode !== "abs") refuse("thresholdMode is rel or abs", thresholdMode);
    if (!(factor > 0 && factor < 1)) refuse("factor must be between 0 and 1", factor);
    if (!(Number.isInteger(patience) && patience >= 0)) refuse("patience must be a whole number ≥ 0", patience);
  }

  /** Takes a measurement; the rate to go on with. A NaN is no improvement. */
  step(metric: number, lr: number): number {
    const { factor, patience, cooldown, minLr, eps } = this.#options;
    let { best, badMeasurements, cooldownLeft } = this.state;
    if (this.#improves(metric, best)) [best, badMeasurements] = [metric, 0];
    else badMeasurements++;
    if (cooldownLeft > 0) [cooldownLeft, badMeasurements] = [cooldownLeft - 1, 0];
    const reduce = badMeasurements > patience;
    if (reduce) [cooldownLeft, badMeasurements] = [cooldown, 0];
    this.state = { best, badMeasurements, cooldownLeft };
    const lower = Math.max(lr * factor, minLr);
    return reduce && lr - lower > eps ? lower : lr;
  }

  #improves(metric: number, best: number | null): boolean {
    const { mode, threshold, thresholdMode } = this.#options;
    if (best === null) return !Number.isNaN(metric);
    const sign = mode === "min" ? -1 : 1;
    const bar = thresholdMode === "rel" ? best * (1 + sign * threshold) : best + sign * threshold;
    return mode === "min" ? metric < bar : metric > bar;
  }
}
