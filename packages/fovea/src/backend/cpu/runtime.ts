import type { TypedArray } from "../../base/dtype.ts";
import { FoveaError, UsageError } from "../../base/errors.ts";
import { env } from "#platform";
import type { HeapStats } from "./heap.ts";
import { kernelNames } from "./kernels.generated.ts";

/** Memory, threads and program execution of a CPU engine: the C kernels as an addon, or as WebAssembly. */
export interface CpuRuntime {
  readonly name: "native" | "wasm";
  /** The instruction set in use. */
  readonly isa: string;
  /** All that this machine can run, fastest first. */
  readonly isas: readonly string[];
  /** float32 values in a vector. */
  readonly lanes: number;
  /** Threads a program may use. */
  readonly threads: number;
  /** Threads a program would use now: workers take a moment to start, and until then others do their share. */
  readonly threadsReady: number;
  /** What is off, and why. */
  readonly notes: readonly string[];
  /** How many threads to use; results do not depend on it. */
  setThreads(count: number): void;
  /** The 64-byte aligned address of at least `bytes` bytes. */
  allocate(bytes: number): number;
  free(address: number): void;
  /** Copies host values to an address. */
  write(address: number, source: TypedArray): void;
  /** Copies memory into a host array. */
  read(address: number, target: TypedArray): void;
  /** Runs the first `count` words of a program (kernels/c/run.h). They must start at a multiple of 8 bytes. */
  run(words: Int32Array, count: number): void;
  stats(): HeapStats;
  /** Ends worker threads; computation goes on with one. */
  close(): void;
}

/** A runtime, or why it cannot be had here. */
export type RuntimeState = { readonly runtime: CpuRuntime } | { readonly reason: string };

/** Every instruction set that some machine has, by engine. A name in `FOVEA_ISA` is meant for the engine that knows it. */
const isaNames = {
  native: ["avx512", "avx2", "sse2", "neon", "scalar"],
  wasm: ["relaxed-simd", "simd128"],
} as const satisfies Record<CpuRuntime["name"], readonly string[]>;

/** The instruction set to use of those an engine has here, fastest first: `wanted`, else `FOVEA_ISA`, else the fastest. */
export function chooseIsa<Isa extends string>(engine: CpuRuntime["name"], has: readonly Isa[], wanted?: string): Isa {
  const name = wanted ?? env("FOVEA_ISA") ?? "";
  const found = has.find((isa) => isa === name);
  if (found !== undefined) return found;
  const other = engine === "native" ? isaNames.wasm : isaNames.native;
  const fastest = has[0];
  if (fastest !== undefined && (name === "" || (other as readonly string[]).includes(name))) return fastest;
  const source = wanted === undefined ? `FOVEA_ISA=${name}` : `isa "${name}"`;
  const all: readonly string[] = isaNames[engine];
  const what = all.includes(name) ? "is not there on this machine" : "is no instruction set that fovea knows";
  throw new UsageError(`${source} ${what}; the ${engine} engine has ${has.join(", ")} here`);
}

/** The most threads of the pool (POOL_MAX_THREADS in kernels/c/pool.h). */
export const MAX_THREADS = 64;

/** Threads to start with: `FOVEA_THREADS`, else what the machine has. */
export function initialThreads(available: number): number {
  const wanted = env("FOVEA_THREADS");
  if (wanted === undefined || wanted === "") return Math.max(1, Math.min(available, MAX_THREADS));
  return checkThreads(Number(wanted), "FOVEA_THREADS");
}

export function checkThreads(count: number, what = "threads"): number {
  if (Number.isInteger(count) && count >= 1) return Math.min(count, MAX_THREADS);
  throw new UsageError(`${what} must be a whole number from 1 to ${MAX_THREADS}, got ${count}`);
}

/** Turns a code of kernels/c/run.h into an error. These are faults of the engine, not of its user. */
export function runError(code: number, words: Int32Array): FoveaError {
  const at = Math.floor(code / 8);
  const word = words[at] ?? -1;
  const kernel = kernelNames[word & ~(1 << 30)] ?? `kernel ${word}`;
  const what = {
    1: `the command at word ${at} (${kernel}) does not fit into the program`,
    2: `the command at word ${at} names kernel ${word & ~(1 << 30)}, but there are ${kernelNames.length}`,
    3: `${kernel} (word ${at}) was given an address outside of the engine's memory`,
    4: `a worker thread broke down while it ran ${kernel}`,
    5: "a program is an Int32Array that starts at a multiple of 8 bytes and has at least as many words as are to be run",
  }[code % 8];
  return new FoveaError(`the engine could not run a program: ${what ?? `code ${code}`}`);
}

export function outsideError(name: string, address: number, bytes: number): FoveaError {
  return new FoveaError(`${name}: ${bytes} bytes at address ${address} are not in the engine's memory`);
}
