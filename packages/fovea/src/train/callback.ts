import type { Tensor } from "../tensor/tensor.ts";
import type { Trainer } from "./trainer.ts";

/** Numbers by name: `loss`, `accuracy`, `valLoss`, … */
export type Logs = { readonly [name: string]: number };

/** What a callback must remember for a run to go on exactly: tensors, and what fits into JSON. */
export interface CallbackState {
  readonly tensors?: ReadonlyMap<string, Tensor>;
  readonly values?: unknown;
}

type Later = void | Promise<void>;

/**
 * Something that looks on while a network trains, under Keras' names. Every hook is optional; epochs and batches count
 * from 0, and logs hold means over the epoch so far.
 *
 * @example
 * await trainer.fit(x, y, { callbacks: [{ onEpochEnd: (epoch, logs) => console.log(epoch, logs.loss) }] });
 */
export interface Callback {
  /** Under which its state is kept: needed with `state`, and different for each. */
  readonly name?: string;
  /** True for one that writes files: left out in a `fastDevRun`. */
  readonly writes?: boolean;
  /** Before the first step, also of a resumed run; `restore` comes after it. */
  onTrainBegin?(trainer: Trainer): Later;
  /** Training came to its end; not when it was interrupted. */
  onTrainEnd?(logs: Logs, trainer: Trainer): Later;
  onEpochBegin?(epoch: number, trainer: Trainer): Later;
  /** After the validation of the epoch. Set `trainer.stopTraining` to end with this epoch. */
  onEpochEnd?(epoch: number, logs: Logs, trainer: Trainer): Later;
  onTrainBatchBegin?(batch: number, trainer: Trainer): Later;
  /** After the step that the batch belongs to. */
  onTrainBatchEnd?(batch: number, logs: Logs, trainer: Trainer): Later;
  onTestBegin?(trainer: Trainer): Later;
  onTestEnd?(logs: Logs, trainer: Trainer): Later;
  /** The run could be resumed from here: after a step, after an epoch (all of `onEpochEnd` done), or when it stops. */
  onResumePoint?(at: "step" | "epoch" | "stop", trainer: Trainer): Later;
  /** The last call, however training ended. */
  close?(trainer: Trainer): Later;
  state?(): CallbackState;
  restore?(state: CallbackState): void;
}

/** The hooks of several callbacks, in order. */
export class CallbackList {
  readonly all: readonly Callback[];

  constructor(all: readonly Callback[]) {
    this.all = all;
  }

  /** Callbacks with a state, by name. */
  stateful(): ReadonlyMap<string, Callback> {
    const found = new Map<string, Callback>();
    for (const callback of this.all) {
      if (callback.state === undefined || callback.name === undefined) continue;
      let name = callback.name;
      for (let n = 2; found.has(name); n++) name = `${callback.name}${n}`;
      found.set(name, callback);
    }
    return found;
  }

  /** Calls a hook of each that has it. Nothing is awaited that is not a promise: hooks of batches must cost nothing. */
  async call<H extends Hook>(hook: H, ...args: Parameters<NonNullable<Callback[H]>>): Promise<void> {
    for (const callback of this.all) {
      const fn = callback[hook] as ((...args: unknown[]) => Later) | undefined;
      if (fn === undefined) continue;
      const later = fn.apply(callback, args);
      if (later instanceof Promise) await later;
    }
  }
}

type Hook = Exclude<keyof Callback, "name" | "writes" | "state" | "restore">;
