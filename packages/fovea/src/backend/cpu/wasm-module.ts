import { FoveaError, UsageError } from "../../base/errors.ts";
import { fetchBytes } from "#platform";
import { kernelBinary } from "#kernelBinary";

/** Instruction sets of the wasm engine, fastest first. */
export const wasmIsaNames = ["relaxed-simd", "simd128"] as const;
export type WasmIsa = (typeof wasmIsaNames)[number];

/** Where the kernels may come from instead of the package. */
export type WasmSource = WebAssembly.Module | Response | URL | string | BufferSource;

export interface WasmOptions {
  /**
   * The kernels: `fovea/fovea.wasm`, or `fovea/fovea-threads.wasm` to compute on threads; `fovea/fovea-relaxed.wasm` and
   * `fovea/fovea-relaxed-threads.wasm` where there is relaxed SIMD. Default: those of the package; in a page they are inlined.
   * Strict content policies and edge runtimes want a compiled module or a file.
   */
  readonly wasm?: WasmSource;
  /**
   * The instruction set. `"simd128"` gives the same bits on every machine and in every browser; `"relaxed-simd"`
   * rounds a multiply–add once where the processor can, which is faster, and its last bits differ between machines.
   * Default: `FOVEA_ISA`, else relaxed SIMD where it is there. Without effect on kernels given as `wasm`.
   */
  readonly isa?: WasmIsa;
  /** The file of `fovea/worker`, where a policy forbids workers made from text. */
  readonly worker?: string | URL;
  /** False never uses shared memory and worker threads. Default: where they work. */
  readonly threads?: boolean;
}

/** Options whose module is compiled. */
export interface PreparedWasm {
  readonly module?: WebAssembly.Module;
  readonly isa?: WasmIsa;
  readonly worker?: string | URL;
  readonly threads?: boolean;
}

/** Fetches and compiles what `init` was given; the rest of the engine starts synchronously. */
export async function prepareWasm({ wasm, ...rest }: WasmOptions): Promise<PreparedWasm> {
  return wasm === undefined ? rest : { ...rest, module: await compile(wasm) };
}

async function compile(source: WasmSource): Promise<WebAssembly.Module> {
  if (source instanceof WebAssembly.Module) return source;
  if (typeof source === "string" || source instanceof URL) return WebAssembly.compile(await fetchBytes(source));
  if (typeof Response !== "undefined" && source instanceof Response) {
    if (!source.ok) throw new UsageError(`init: ${source.url} answered HTTP ${source.status}`);
    return WebAssembly.compile(await source.arrayBuffer());
  }
  return WebAssembly.compile(source as BufferSource);
}

/** A function that multiplies and adds once, of three vectors. */
const relaxedProbe = new Uint8Array(
  [
    [0, 97, 115, 109, 1, 0, 0, 0], // "\0asm", version 1
    [1, 8, 1, 96, 3, 123, 123, 123, 1, 123], // type: (v128, v128, v128) → v128
    [3, 2, 1, 0], // one function of it
    [10, 13, 1, 11, 0, 32, 0, 32, 1, 32, 2, 253, 133, 2, 11], // f32x4.relaxed_madd
  ].flat(),
);

/** The instruction sets that this host has, fastest first. */
export function wasmIsas(): WasmIsa[] {
  return WebAssembly.validate(relaxedProbe) ? [...wasmIsaNames] : ["simd128"];
}

/** The kernels that come with the package, compiled. */
export function packagedModule(threads: boolean, isa: WasmIsa = "simd128"): WebAssembly.Module {
  const binary = kernelBinary(isa);
  return new WebAssembly.Module(threads ? binary : withoutSharedMemory(binary));
}

/** `"env"`, `"memory"`: a memory with a maximum, shared. */
const sharedImport = [3, 101, 110, 118, 6, 109, 101, 109, 111, 114, 121, 2, 3];

/** The same kernels over a memory that is not shared: without threads, they need no page that is cross-origin isolated. */
function withoutSharedMemory(binary: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  for (let at = 0; at < binary.length; at++) {
    if (sharedImport.every((byte, i) => binary[at + i] === byte)) {
      binary[at + sharedImport.length - 1] = 1;
      return binary;
    }
  }
  throw new FoveaError("the kernels import no shared memory");
}
