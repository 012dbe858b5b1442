import type { TypedArray } from "../../base/dtype.ts";
import { FoveaError } from "../../base/errors.ts";
import { availableThreads, threadsBlockedBy } from "#platform";
import { Heap, type HeapStats } from "./heap.ts";
import { kernelHash, kernelNames } from "./kernels.generated.ts";
import {
  checkThreads,
  chooseIsa,
  initialThreads,
  outsideError,
  runError,
  type CpuRuntime,
  type RuntimeState,
} from "./runtime.ts";
import { packagedModule, wasmIsas, type PreparedWasm, type WasmIsa } from "./wasm-module.ts";
import { WasmPool, type PoolExports } from "./wasm-pool.ts";

const PAGE = 65536;
/** What kernels/c/wasm.c is linked with. */
const INITIAL_PAGES = 256;
/** The last page stays unused, so that no end of a buffer is 2³² and wraps to 0. */
const MOST_PAGES = 65535;
/** Memory grows by at least this. */
const GROWTH_PAGES = 256;
const MOST_WORKERS = 63;

/** The exports of kernels/c/wasm.c. */
interface Exports extends PoolExports {
  readonly __stack_pointer: WebAssembly.Global;
  fv_hash(): number;
  fv_kernels(): number;
  fv_relaxed(): number;
  fv_program(): number;
  fv_program_bytes(): number;
  fv_memory_base(workers: number): number;
  fv_run(words: number, threads: number, base: number, limit: number): number;
}

/** Starts the kernels as WebAssembly, or says why that fails. */
export function createWasmRuntime(prepared: PreparedWasm = {}): RuntimeState {
  const isas = wasmIsas();
  const isa = chooseIsa("wasm", isas, prepared.isa);
  const blocked = prepared.threads === false ? "they were switched off" : threadsBlockedBy();
  try {
    const threads = blocked === null;
    const given = prepared.module && instantiate(prepared.module, threads ? [false, true] : [false]);
    const started = given ?? instantiate(packagedModule(threads, isa), [threads]);
    if (started === null) return { reason: "the kernels want another kind of memory" };
    const { exports } = started;
    if (exports.fv_hash?.() !== kernelHash || exports.fv_kernels() !== kernelNames.length) {
      return { reason: "the wasm file was built from other kernel sources than this code" };
    }
    const why = blocked ?? "the module given is the one without threads";
    const notes = started.shared ? [] : [`threads off: ${why}`];
    return { runtime: new WasmRuntime(started, isas, prepared.worker, notes) };
  } catch (error) {
    return { reason: `WebAssembly with SIMD cannot be used here: ${error instanceof Error ? error.message : error}` };
  }
}

interface Started {
  readonly module: WebAssembly.Module;
  readonly exports: Exports;
  readonly memory: WebAssembly.Memory;
  readonly shared: boolean;
}

/** An instance over a memory of the first of these kinds that the module takes: shared or not. */
function instantiate(module: WebAssembly.Module, kinds: readonly boolean[]): Started | null {
  for (const shared of kinds) {
    const memory = shared ? sharedMemory() : new WebAssembly.Memory({ initial: INITIAL_PAGES, maximum: MOST_PAGES });
    try {
      const { exports } = new WebAssembly.Instance(module, { env: { memory } });
      return { module, exports: exports as unknown as Exports, memory, shared };
    } catch (error) {
      if (!(error instanceof WebAssembly.LinkError)) throw error;
    }
  }
  return null;
}

/** A shared memory that can grow as far as the host lets it: its address space is reserved at once. */
function sharedMemory(): WebAssembly.Memory {
  for (let maximum = 65536; ; maximum /= 2) {
    try {
      return new WebAssembly.Memory({ initial: INITIAL_PAGES, maximum, shared: true });
    } catch (error) {
      if (maximum <= 2 * INITIAL_PAGES) throw error;
    }
  }
}

class WasmRuntime implements CpuRuntime {
  readonly name = "wasm";
  readonly isa: WasmIsa;
  readonly isas: readonly WasmIsa[];
  readonly lanes = 4;
  readonly notes: string[];
  readonly #exports: Exports;
  readonly #memory: WebAssembly.Memory;
  readonly #heap: Heap;
  readonly #programWords: number;
  #pool: WasmPool | null = null;
  #threads = 1;
  #bytes!: Uint8Array;
  #program!: Int32Array;

  constructor(
    { module, exports, memory, shared }: Started,
    isas: readonly WasmIsa[],
    worker: string | URL | undefined,
    notes: string[],
  ) {
    this.isa = exports.fv_relaxed() === 1 ? "relaxed-simd" : "simd128";
    this.isas = isas;
    this.notes = notes;
    this.#exports = exports;
    this.#memory = memory;
    this.#programWords = exports.fv_program_bytes() / 4;
    const base = exports.fv_memory_base(shared ? MOST_WORKERS : 0) >>> 0;
    this.#view();
    if (!this.#grow(base)) throw new FoveaError("no memory for the kernels");
    this.#heap = new Heap({ base, limit: MOST_PAGES * PAGE, grow: (end) => this.#grow(end), name: "the wasm engine" });
    if (shared) this.#pool = new WasmPool(module, memory, exports, worker, (why) => this.#breakdown(why));
    this.setThreads(initialThreads(availableThreads()));
  }

  get threads(): number {
    return this.#threads;
  }

  get threadsReady(): number {
    return this.#pool?.ready(this.#threads) ?? 1;
  }

  setThreads(count: number): void {
    checkThreads(count);
    if (this.#pool === null) return;
    try {
      this.#pool.start(Math.min(count - 1, MOST_WORKERS));
      this.#threads = Math.min(count, MOST_WORKERS + 1);
    } catch (error) {
      this.#breakdown(error instanceof Error ? error.message : String(error));
    }
  }

  allocate(bytes: number): number {
    return this.#heap.allocate(bytes);
  }

  free(address: number): void {
    this.#heap.free(address);
  }

  write(address: number, source: TypedArray): void {
    if (!this.#inside(address, source.byteLength)) throw outsideError("write", address, source.byteLength);
    this.#bytes.set(bytesOf(source), address);
  }

  read(address: number, target: TypedArray): void {
    if (!this.#inside(address, target.byteLength)) throw outsideError("read", address, target.byteLength);
    bytesOf(target).set(this.#bytes.subarray(address, address + target.byteLength));
  }

  run(words: Int32Array, count: number): void {
    if (!(words instanceof Int32Array) || words.byteOffset % 8 !== 0 || !(count >= 0 && count <= words.length)) {
      throw runError(5, new Int32Array(0));
    }
    for (let from = 0; from < count;) {
      const to = this.#slice(words, from, count);
      this.#program.set(from === 0 && to === words.length ? words : words.subarray(from, to));
      const code = this.#execute(to - from);
      if (code !== 0) {
        if (code % 8 === 4) this.#breakdown("a kernel failed in a worker");
        throw runError(code + 8 * from, words);
      }
      from = to;
    }
  }

  stats(): HeapStats {
    return this.#heap.stats();
  }

  close(): void {
    this.#threads = 1;
    this.#pool?.close();
    this.#pool = null;
  }

  #execute(words: number): number {
    const stack = this.#exports["__stack_pointer"].value as number;
    try {
      return this.#exports.fv_run(words, this.#threads, this.#heap.base, this.#bytes.length);
    } catch (error) {
      this.#exports["__stack_pointer"].value = stack; // a trap leaves it where it was
      this.#breakdown("a kernel failed");
      throw new FoveaError(`a kernel failed in the wasm engine: ${String(error)}`, { cause: error });
    }
  }

  /** The end of what fits into the program's place in memory, cut between two commands. */
  #slice(words: Int32Array, from: number, count: number): number {
    if (count - from <= this.#programWords) return count;
    let end = from;
    while (end < count) {
      const size = words[end + 3] ?? 0;
      if (size < 4 || size > this.#programWords || end + size > count) throw runError(1 + 8 * end, words);
      if (end + size - from > this.#programWords) break;
      end += size;
    }
    return end;
  }

  #inside(address: number, bytes: number): boolean {
    return Number.isInteger(address) && address >= this.#heap.base && address + bytes <= this.#bytes.length;
  }

  /** Makes memory up to `end` usable. */
  #grow(end: number): boolean {
    if (end <= this.#bytes.length) return true;
    const have = this.#bytes.length / PAGE;
    const need = Math.ceil(end / PAGE);
    // A little ahead of need, so that growing stays rare; exactly what is needed where that is refused.
    for (const pages of [Math.min(MOST_PAGES, Math.max(need, have + GROWTH_PAGES, Math.ceil(have * 1.125))), need]) {
      try {
        this.#memory.grow(pages - have);
        this.#view();
        return true;
      } catch {
        // refused
      }
    }
    return false;
  }

  #view(): void {
    const { buffer } = this.#memory;
    this.#bytes = new Uint8Array(buffer);
    this.#program = new Int32Array(buffer, this.#exports.fv_program() >>> 0, this.#programWords);
  }

  /** A worker failed: computation goes on without workers. */
  #breakdown(why: string): void {
    if (this.#pool === null) return;
    this.close();
    this.notes.push(`threads off: ${why}`);
  }
}

function bytesOf(array: TypedArray): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}
