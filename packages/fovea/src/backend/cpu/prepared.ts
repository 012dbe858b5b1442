import type { CpuBackend } from "./backend.ts";
import type { Block } from "./buffer.ts";
import type { Command, Place, Slot } from "./plan.ts";

/** A value that depends on captured tensors only. Those that are read at every run have memory of their own. */
export interface Prepared {
  readonly key: string;
  readonly id: number;
  /** The captured tensors it comes from. */
  readonly sources: ReadonlySet<Block>;
  memory: Block | null;
  /** The engine's clock when the memory was written; −1 before. */
  madeAt: number;
  users: number;
}

/**
 * Prepared values of all programs of an engine, by what computes them: packed weights are the same for every batch
 * size, for evaluation and for another program with the same network.
 */
export class PreparedValues {
  readonly #engine: CpuBackend;
  readonly #known = new Map<string, Prepared>();
  #count = 0;

  constructor(engine: CpuBackend) {
    this.#engine = engine;
  }

  /** The final values of the slots that constant commands write, by slot. Each is held until `release`. */
  follow(slots: readonly Slot[], commands: readonly Command[], held: Prepared[]): Map<number, Prepared> {
    const now = new Map<number, Prepared>();
    const name = ({ slot, offset }: Place) => {
      const { block, bytes } = slots[slot]!;
      return `${offset} in ${block === null ? (now.get(slot)?.id ?? `new ${bytes}`) : `block ${block.id}`}`;
    };
    for (const { kernel, buffers, writes, params, threads } of commands) {
      const what = `${kernel} ${params.join(",")} ${threads} ${buffers.map(name).join(",")}`;
      const sources = new Set<Block>();
      for (const { slot } of buffers) {
        const { block } = slots[slot]!;
        if (block !== null) sources.add(block);
        for (const source of now.get(slot)?.sources ?? []) sources.add(source);
      }
      const first = buffers.length - writes;
      const results = buffers.slice(first).map((_, i) => this.#hold(`${what} ${i}`, sources));
      results.forEach((result, i) => now.set(buffers[first + i]!.slot, result));
      held.push(...results);
    }
    return now;
  }

  /** Gives the value memory that stays. */
  keep(value: Prepared, bytes: number): void {
    value.memory ??= this.#engine.block(bytes);
  }

  release(values: readonly Prepared[]): void {
    for (const value of values) {
      if (--value.users > 0) continue;
      this.#known.delete(value.key);
      value.memory?.free();
    }
  }

  #hold(key: string, sources: ReadonlySet<Block>): Prepared {
    let value = this.#known.get(key);
    if (value === undefined) {
      value = { key, id: ++this.#count, sources, memory: null, madeAt: -1, users: 0 };
      this.#known.set(key, value);
    }
    value.users++;
    return value;
  }
}

/** True when a captured tensor was written since. */
export function isStale({ madeAt, sources }: Prepared): boolean {
  if (madeAt < 0) return true;
  for (const { writtenAt } of sources) if (writtenAt > madeAt) return true;
  return false;
}
