import { readFileSync } from "node:fs";
import { packageFile } from "../../platform/packageFile.ts";
import type { WasmIsa } from "./wasm-module.ts";

// Node only: `#kernelBinary` is this file or kernelBinary.browser.ts by export condition.

/** The kernels over a shared memory: a file beside the code, read when it is wanted. */
export function kernelBinary(isa: WasmIsa): Uint8Array<ArrayBuffer> {
  const name = isa === "simd128" ? "fovea-threads" : "fovea-relaxed-threads";
  return new Uint8Array(readFileSync(packageFile(`dist/${name}.wasm`)));
}
