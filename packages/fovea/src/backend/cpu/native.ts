import type { TypedArray } from "../../base/dtype.ts";
import { availableThreads, loadAddon, memoryBytes } from "#platform";
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

/** The exports of kernels/c/napi.c. */
interface Addon {
  readonly hash: number;
  isas(): (string | number)[];
  open(): NativeEngine;
}

interface NativeEngine {
  selectIsa(name: string): number;
  reserve(bytes: number): [address: number, bytes: number] | undefined;
  write(address: number, source: TypedArray): boolean;
  read(address: number, target: TypedArray): boolean;
  run(words: Int32Array, count: number): number;
  setThreads(count: number): number;
  ready(): number;
  /** Only of an addon built for the address sanitizer: memory that kernels may, and may no longer, touch. */
  openMemory?(address: number, bytes: number): boolean;
  closeMemory?(address: number, bytes: number): boolean;
}

/** Bytes behind each buffer that nobody may touch, in an addon built for the address sanitizer. */
const GUARD = 64;

/** Starts the native kernels, or says why they cannot be used. */
export function createNativeRuntime(): RuntimeState {
  const loaded = loadAddon();
  if ("reason" in loaded) return loaded;
  const addon = loaded.addon as Addon;
  if (addon.hash !== kernelHash) {
    return { reason: `${loaded.path} was built from other kernel sources than this code; run npm run build` };
  }
  const isas = readIsas(addon);
  const names = isas.map(({ name }) => name);
  const isa = isas[names.indexOf(chooseIsa("native", names))]!;
  const engine = addon.open();
  if (engine.selectIsa(isa.name) !== kernelNames.length) return { reason: `${loaded.path} lacks kernels` };
  const region = engine.reserve(memoryBytes());
  if (region === undefined) return { reason: "the system gave no address space for the engine's memory" };
  return { runtime: new NativeRuntime(engine, isa, names, region) };
}

function readIsas(addon: Addon): { name: string; lanes: number }[] {
  const flat = addon.isas();
  return Array.from({ length: flat.length / 2 }, (_, i) => ({
    name: String(flat[2 * i]),
    lanes: Number(flat[2 * i + 1]),
  }));
}

class NativeRuntime implements CpuRuntime {
  readonly name = "native";
  readonly isa: string;
  readonly isas: readonly string[];
  readonly lanes: number;
  readonly notes: readonly string[] = [];
  readonly #engine: NativeEngine;
  readonly #heap: Heap;
  /** Sizes of live buffers by address, where a sanitizer watches their ends; null in the ordinary addon. */
  readonly #guarded: Map<number, number> | null;
  #threads = 1;

  constructor(
    engine: NativeEngine,
    isa: { name: string; lanes: number },
    isas: readonly string[],
    [base, bytes]: readonly [number, number],
  ) {
    this.#engine = engine;
    this.isa = isa.name;
    this.isas = isas;
    this.lanes = isa.lanes;
    this.#guarded = engine.openMemory ? new Map() : null;
    this.#heap = new Heap({ base, limit: base + bytes, name: "the native engine" });
    this.setThreads(initialThreads(availableThreads()));
  }

  get threads(): number {
    return this.#threads;
  }

  get threadsReady(): number {
    return this.#engine.ready();
  }

  setThreads(count: number): void {
    this.#threads = this.#engine.setThreads(checkThreads(count));
  }

  allocate(bytes: number): number {
    if (this.#guarded === null) return this.#heap.allocate(bytes);
    const address = this.#heap.allocate(bytes + GUARD);
    this.#engine.openMemory?.(address, bytes);
    this.#guarded.set(address, bytes);
    return address;
  }

  free(address: number): void {
    this.#heap.free(address);
    const bytes = this.#guarded?.get(address);
    if (bytes !== undefined) this.#engine.closeMemory?.(address, bytes);
  }

  write(address: number, source: TypedArray): void {
    if (!this.#engine.write(address, source)) throw outsideError("write", address, source.byteLength);
  }

  read(address: number, target: TypedArray): void {
    if (!this.#engine.read(address, target)) throw outsideError("read", address, target.byteLength);
  }

  run(words: Int32Array, count: number): void {
    const code = this.#engine.run(words, count);
    if (code !== 0) throw runError(code, words);
  }

  stats(): HeapStats {
    const stats = this.#heap.stats();
    return this.#guarded === null ? stats : { ...stats, liveBytes: stats.liveBytes - GUARD * stats.liveBlocks };
  }

  close(): void {
    this.setThreads(1);
  }
}
