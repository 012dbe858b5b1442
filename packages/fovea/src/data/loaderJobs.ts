import type { Entry } from "./entry.ts";
import type { PerChannel } from "./normalizer.ts";
import type { Held } from "./prepare.ts";
import type { RandomState } from "../base/random.ts";
import type { Stack } from "./stack.ts";
import type { TransformSpec } from "./transforms/transform.ts";

/** What a loader's worker threads are started with. */
export interface WorkerSettings {
  readonly seed: number | bigint;
  /** The transforms that it applies: built-in ones, which names and options make anew. */
  readonly transforms: readonly TransformSpec[];
  readonly mean: PerChannel;
  readonly std: PerChannel;
  /** Whether it makes whole batches, or leaves samples to the main thread for more transforms. */
  readonly stack: boolean;
  readonly cache: "none" | "memory" | "disk";
}

/** The samples of one batch. */
export interface Job {
  readonly id: number;
  readonly epoch: number;
  readonly indices: Uint32Array;
  readonly sources: readonly (Entry | Held)[];
  /** For messages. */
  readonly names: readonly string[];
}

/** What could not be read; and the batch, or its samples. */
export interface Reply {
  readonly id: number;
  readonly unread: readonly { readonly place: number; readonly error: SentError }[];
  /** Of the samples that could be read; null where none could. */
  readonly stack: Stack | null;
  /** In place of `stack`: the samples, and where their random streams stand. */
  readonly samples: readonly { readonly held: Held; readonly random: RandomState }[];
  /** Samples to keep in memory, by place. */
  readonly kept: readonly { readonly place: number; readonly held: Held }[];
}

/** An error on its way between threads, which keeps no class. */
export interface SentError {
  readonly name: string;
  readonly message: string;
}

export type WorkerMessage = { readonly reply: Reply } | { readonly id: number; readonly failed: SentError };
