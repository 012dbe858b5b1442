/**
 * The worker of the wasm engine as a file, for pages whose content policy forbids workers made from text:
 * `init({ worker: new URL("fovea/worker", import.meta.url) })`. It does what `workerSource` in wasm-pool.ts does.
 */
export interface Job {
  readonly module: WebAssembly.Module;
  readonly memory: WebAssembly.Memory;
  readonly index: number;
}

interface WorkerExports {
  readonly __stack_pointer: WebAssembly.Global;
  fv_stack(index: number): number;
  fv_worker(index: number): void;
  fv_fail(index: number): void;
}

interface Port {
  addEventListener(type: "message", listener: (event: { data: Job }) => void): void;
  start?(): void;
}

const host = globalThis as { process?: { getBuiltinModule?(name: string): { parentPort: Port } } };
const port = host.process?.getBuiltinModule?.("node:worker_threads").parentPort ?? (globalThis as unknown as Port);

port.addEventListener("message", ({ data: { module, memory, index } }) => {
  const exports = new WebAssembly.Instance(module, { env: { memory } }).exports as unknown as WorkerExports;
  exports["__stack_pointer"].value = exports.fv_stack(index);
  try {
    exports.fv_worker(index);
  } catch (error) {
    exports.fv_fail(index);
    throw error;
  }
});
port.start?.();
