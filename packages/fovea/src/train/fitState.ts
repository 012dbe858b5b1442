import { defaultStream, type RandomState } from "../base/random.ts";

/** Sums over the examples of an epoch so far; survives `JSON.stringify`, so that an interrupted epoch goes on exactly. */
export interface Tally {
  readonly examples: number;
  readonly sums: { readonly [name: string]: number };
}

export const emptyTally: Tally = { examples: 0, sums: {} };

/** Adds a batch, given its means. */
export function addBatch({ examples, sums }: Tally, count: number, means: Iterable<readonly [string, number]>): Tally {
  const next: Record<string, number> = { ...sums };
  for (const [name, mean] of means) next[name] = (next[name] ?? 0) + mean * count;
  return { examples: examples + count, sums: next };
}

export function meansOf({ examples, sums }: Tally): Record<string, number> {
  return Object.fromEntries(Object.entries(sums).map(([name, sum]) => [name, sum / examples]));
}

/** Where a run stands: with weights, optimizer and callbacks all that it needs to go on as if never stopped. */
export interface FitState {
  /** The epoch in progress, from 0. */
  readonly epoch: number;
  /** Batches of that epoch that are done. */
  readonly batch: number;
  /** Whether `onEpochBegin` of that epoch is done. */
  readonly begun: boolean;
  /** A callback ends the run with this epoch. */
  readonly stopped: boolean;
  /** Steps of the optimizer since the start. */
  readonly step: number;
  /** The pass over the data, and its next batch. */
  readonly at: { readonly pass: number; readonly batch: number };
  /** Of this epoch. */
  readonly tally: Tally;
  /** Rate of the latest step. */
  readonly lr: number;
  /** Metrics on the host, of this epoch. */
  readonly metrics: readonly (readonly number[])[];
  /** The global random stream. */
  readonly random: RandomState;
  readonly history: {
    readonly epoch: readonly number[];
    readonly history: { readonly [name: string]: readonly number[] };
  };
  /** Examples trained on since the start, and the time that took. */
  readonly examples: number;
  readonly seconds: number;
}

/** Before the first step. */
export function startState(epoch = 0): FitState {
  return {
    epoch,
    batch: 0,
    begun: false,
    stopped: false,
    step: 0,
    at: { pass: epoch, batch: 0 },
    tally: emptyTally,
    lr: 0,
    metrics: [],
    random: defaultStream().state,
    history: { epoch: [], history: {} },
    examples: 0,
    seconds: 0,
  };
}
