import { UsageError } from "../base/errors.ts";
import type { Logs } from "./callback.ts";

export interface MonitorOptions {
  /** Which number decides; default "valLoss", or "loss" where nothing is validated. */
  monitor?: string;
  /** Whether smaller or larger is better; "auto" (default): larger for accuracies and other scores, smaller for losses. */
  mode?: "auto" | "min" | "max";
  /** By how much it must be better to count; default 0. */
  minDelta?: number;
  /** Among equals the one with the smaller value of this number, such as "valLoss"; default: the first. */
  thenBy?: string;
  /** What it must beat in the first place. */
  baseline?: number;
}

/** Names whose larger values are better. */
const SCORES = /acc|auc|precision|recall|f1|iou|dice|map|pck|top|score/i;

/** The best of a number so far. */
export class Monitor {
  readonly #options: MonitorOptions;
  best: number | null;
  /** Value of `thenBy` where the best was. */
  #tie = Infinity;

  constructor(options: MonitorOptions = {}) {
    const { mode = "auto", minDelta = 0, baseline = null } = options;
    if (!["auto", "min", "max"].includes(mode)) throw new UsageError(`mode is auto, min or max, got "${mode}"`);
    if (!(minDelta >= 0)) throw new UsageError(`minDelta must be a number ≥ 0, got ${minDelta}`);
    this.#options = options;
    this.best = baseline;
  }

  reset(): void {
    this.#tie = Infinity;
    this.best = this.#options.baseline ?? null;
  }

  /** The value in the logs; null where this epoch has none. */
  valueOf(logs: Logs): number | null {
    const { monitor } = this.#options;
    if (monitor === undefined) return logs["valLoss"] ?? logs["loss"] ?? null;
    const value = logs[monitor];
    if (value !== undefined) return value;
    if (monitor.startsWith("val") && "loss" in logs) return null; // an epoch without validation
    throw new UsageError(`there is no "${monitor}" to watch; there are ${Object.keys(logs).join(", ")}`);
  }

  /** Whether the logs have a better value than all before; it is then the best. */
  improves(logs: Logs): boolean {
    const value = this.valueOf(logs);
    if (value === null || Number.isNaN(value)) return false;
    const { monitor = "valLoss", mode = "auto", minDelta = 0, thenBy } = this.#options;
    const larger = mode === "max" || (mode === "auto" && SCORES.test(monitor));
    const better = this.best === null || (larger ? value - minDelta > this.best : value + minDelta < this.best);
    const tie = thenBy === undefined ? Infinity : (logs[thenBy] ?? Infinity);
    if (!better && !(value === this.best && tie < this.#tie)) return false;
    [this.best, this.#tie] = [value, tie];
    return true;
  }

  get state(): unknown {
    return { best: this.best, tie: Number.isFinite(this.#tie) ? this.#tie : null };
  }

  set state(state: unknown) {
    const { best = null, tie = null } = state as { best?: number | null; tie?: number | null };
    [this.best, this.#tie] = [best, tie ?? Infinity];
  }
}
