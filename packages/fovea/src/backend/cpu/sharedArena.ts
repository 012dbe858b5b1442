import type { CpuRuntime } from "./runtime.ts";

/** One piece of memory that all programs of an engine use in turn: only one runs at a time. */
export class SharedArena {
  readonly #runtime: CpuRuntime;
  readonly #users = new Set<{ readonly arenaBytes: number }>();
  #bytes = 0;
  address = 0;
  /** Changes whenever the arena moves; programs then write their addresses anew. */
  version = 0;

  constructor(runtime: CpuRuntime) {
    this.#runtime = runtime;
  }

  join(program: { readonly arenaBytes: number }): void {
    this.#users.add(program);
    if (program.arenaBytes > this.#bytes) this.#resize(program.arenaBytes);
  }

  leave(program: { readonly arenaBytes: number }): void {
    if (this.#users.delete(program) && this.#users.size === 0) this.#resize(0);
  }

  #resize(bytes: number): void {
    if (this.#bytes > 0) this.#runtime.free(this.address);
    this.#bytes = 0;
    this.address = bytes > 0 ? this.#runtime.allocate(bytes) : 0;
    this.#bytes = bytes;
    this.version++;
  }
}
