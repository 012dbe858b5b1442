import { createWorker, type PlatformWorker } from "#platform";

/** Exports of kernels/c/wasm.c for threads. */
export interface PoolExports {
  fv_threads(limit: number): number;
  fv_may_block(yes: number): void;
}

/**
 * What a worker runs, in Node (`eval`) and in a browser (a blob): an instance of the same module over the same memory,
 * with a stack of its own, in the loop of kernels/c/pool.c. wasm-worker.ts is the same as a file.
 */
const workerSource = `
const port = typeof require === "function" ? require("node:worker_threads").parentPort : self;
port.onmessage = ({ data: { module, memory, index } }) => {
  const { exports } = new WebAssembly.Instance(module, { env: { memory } });
  exports.__stack_pointer.value = exports.fv_stack(index);
  try {
    exports.fv_worker(index);
  } catch (error) {
    exports.fv_fail(index);
    throw error;
  }
};`;

const HINT = " (where a content policy forbids workers made from text, pass init({ worker }) the file fovea/worker)";

/** The worker threads of a wasm runtime. They are started when first wanted and sleep when idle. */
export class WasmPool {
  readonly #module: WebAssembly.Module;
  readonly #memory: WebAssembly.Memory;
  readonly #exports: PoolExports;
  readonly #url: string | URL | undefined;
  readonly #onBreakdown: (why: string) => void;
  #workers: PlatformWorker[] = [];

  constructor(
    module: WebAssembly.Module,
    memory: WebAssembly.Memory,
    exports: PoolExports,
    url: string | URL | undefined,
    onBreakdown: (why: string) => void,
  ) {
    this.#module = module;
    this.#memory = memory;
    this.#exports = exports;
    this.#url = url;
    this.#onBreakdown = onBreakdown;
    exports.fv_may_block(mayBlock() ? 1 : 0);
  }

  /** Starts workers until there are `count`. */
  start(count: number): void {
    while (this.#workers.length < count) {
      const worker = createWorker(this.#url === undefined ? { source: workerSource } : { url: this.#url });
      this.#workers.push(worker);
      worker.onError((why) => this.#onBreakdown(`a worker failed: ${why}${this.#url ? "" : HINT}`));
      worker.post({ module: this.#module, memory: this.#memory, index: this.#workers.length });
    }
  }

  /** Threads of `limit` that could compute now, the calling one included. */
  ready(limit: number): number {
    return this.#exports.fv_threads(limit);
  }

  close(): void {
    for (const worker of this.#workers) worker.terminate();
    this.#workers = [];
  }
}

/** False on the main thread of a page, which may only spin. */
function mayBlock(): boolean {
  try {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 1, 0); // returns at once: the value is 0
    return true;
  } catch {
    return false;
  }
}
