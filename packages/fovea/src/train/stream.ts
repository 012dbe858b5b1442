import { UsageError } from "../base/errors.ts";
import type { TrainBatch } from "./batch.ts";
import type { BatchSource } from "./source.ts";

/** The batches of a source one by one, pass after pass, from any place on. */
export class BatchStream {
  readonly source: BatchSource;
  #pass: number;
  #batch: number;
  #open: AsyncIterator<TrainBatch> | null = null;
  /** Read ahead to see whether there is one. */
  #ahead: TrainBatch | "end" | null = null;

  constructor(source: BatchSource, { pass, batch }: { readonly pass: number; readonly batch: number }) {
    this.source = source;
    this.#pass = pass;
    this.#batch = batch;
  }

  /** The next batch to come. */
  get at(): { readonly pass: number; readonly batch: number } {
    return { pass: this.#pass, batch: this.#batch };
  }

  /** The next batch; null at the end of a pass, after which the next pass begins. */
  async next(): Promise<TrainBatch | null> {
    const batch = this.#ahead === "end" ? null : (this.#ahead ?? (await this.#read()));
    this.#ahead = null;
    if (batch !== null) this.#batch = (batch.index ?? this.#batch) + 1;
    else {
      this.#pass++;
      this.#batch = 0;
    }
    return batch;
  }

  /** Whether the pass has another batch. */
  async hasNext(): Promise<boolean> {
    const { length } = this.source;
    if (length !== null) return this.#batch < length;
    this.#ahead ??= (await this.#read()) ?? "end";
    return this.#ahead !== "end";
  }

  async close(): Promise<void> {
    await this.#open?.return?.();
    this.#open = null;
  }

  async #read(): Promise<TrainBatch | null> {
    this.#open ??= this.source.pass(this.#pass, this.#batch)[Symbol.asyncIterator]();
    const { done, value } = await this.#open.next();
    if (!done) return value;
    this.#open = null;
    return null;
  }
}

/** The first batches of each pass only: a count, or below 1 a share. */
export function limited(source: BatchSource, limit: number | undefined, what: string): BatchSource {
  if (limit === undefined) return source;
  const count = limit < 1 && source.length !== null ? Math.max(1, Math.round(limit * source.length)) : limit;
  if (!(Number.isInteger(count) && count >= 1)) {
    throw new UsageError(
      `${what} must be a number of batches, or a share below 1 where their number is known; got ${limit}`,
    );
  }
  return {
    ...source,
    length: source.length === null ? null : Math.min(source.length, count),
    async *pass(number, first) {
      let index = first;
      if (index >= count) return;
      for await (const batch of source.pass(number, first)) {
        yield batch;
        if (++index >= count) return;
      }
    },
  };
}

/** The first batches of the first pass again and again: a network that cannot learn them by heart has a fault. */
export function repeated(source: BatchSource, count: number): BatchSource {
  const few = limited(source, count, "overfitBatches");
  return { ...few, pass: (_number, first) => few.pass(0, first) };
}
