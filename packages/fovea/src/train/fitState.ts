import { defaultStream, type RandomState } from "../base/random.ts";
import type { HistoryLine } from "./history.ts";
import { emptyTally, type Tally } from "./metrics.ts";

/** Where a run stands: with the weights and the optimizer's state all that it needs to go on as if never stopped. */
export interface FitState {
  /** The epoch in progress, from 1. */
  readonly epoch: number;
  /** Batches of that epoch that are done. */
  readonly batch: number;
  /** Steps taken since the start. */
  readonly step: number;
  /** Of this epoch so far. */
  readonly tally: Tally;
  /** Since the last line of the history. */
  readonly stretch: Tally;
  /** The global random stream. */
  readonly random: RandomState;
  readonly history: readonly HistoryLine[];
  /** Images trained on since the start, and the time that took. */
  readonly images: number;
  readonly seconds: number;
}

/** Before the first step. */
export function startState(): FitState {
  return {
    epoch: 1,
    batch: 0,
    step: 0,
    tally: emptyTally,
    stretch: emptyTally,
    random: defaultStream().state,
    history: [],
    images: 0,
    seconds: 0,
  };
}
