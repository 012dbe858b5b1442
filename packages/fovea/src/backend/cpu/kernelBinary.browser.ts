import { wasmBinary, wasmRelaxedBinary } from "./wasm-binary.generated.ts";
import type { WasmIsa } from "./wasm-module.ts";

/** The kernels over a shared memory: inlined, so that a page needs no second file. */
export function kernelBinary(isa: WasmIsa): Uint8Array<ArrayBuffer> {
  const text = atob(isa === "simd128" ? wasmBinary : wasmRelaxedBinary);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}
