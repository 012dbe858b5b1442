import { UsageError } from "../../base/errors.ts";
import { fetchBytes } from "#platform";
import { wasmBinary, wasmThreadsBinary } from "./wasm-binary.generated.ts";

/** Where the kernels may come from instead of the inlined copy. */
export type WasmSource = WebAssembly.Module | Response | URL | string | BufferSource;

export interface WasmOptions {
  /**
   * The kernels: `fovea/fovea.wasm`, or `fovea/fovea-threads.wasm` to compute on threads. Default: inlined.
   * Strict content policies and edge runtimes want a compiled module or a file.
   */
  readonly wasm?: WasmSource;
  /** The file of `fovea/worker`, where a policy forbids workers made from text. */
  readonly worker?: string | URL;
  /** False never uses shared memory and worker threads. Default: where they work. */
  readonly threads?: boolean;
}

/** Options whose module is compiled. */
export interface PreparedWasm {
  readonly module?: WebAssembly.Module;
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

/** The inlined kernels, compiled. */
export function inlinedModule(threads: boolean): WebAssembly.Module {
  return new WebAssembly.Module(decode(threads ? wasmThreadsBinary : wasmBinary));
}

/** True for the build that wants a shared memory. */
export function wantsSharedMemory(module: WebAssembly.Module): boolean {
  return WebAssembly.Module.imports(module).some(({ kind }) => kind === "memory");
}

function decode(base64: string): Uint8Array<ArrayBuffer> {
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}
