import { UsageError } from "../base/errors.ts";
import { checkNotAsync } from "../base/notAsync.ts";
import { env } from "#platform";
import type { Backend, EngineName } from "./contract.ts";
import { CpuBackend } from "./cpu/backend.ts";
import { createNativeRuntime } from "./cpu/native.ts";
import { createWasmRuntime } from "./cpu/wasm.ts";
import { prepareWasm, type WasmOptions } from "./cpu/wasm-module.ts";
import { ReferenceBackend } from "./reference/backend.ts";

/** An engine that can be used, or why it cannot. */
export type EngineState = { readonly engine: Backend } | { readonly reason: string };

export const engineNames = ["native", "wasm", "reference"] as const satisfies readonly EngineName[];

const makers = {
  native: () => cpu(createNativeRuntime()),
  wasm: () => cpu(createWasmRuntime()),
  reference: () => ({ engine: new ReferenceBackend() }),
} satisfies Record<EngineName, () => EngineState>;

const made = new Map<EngineName, EngineState>();
let current: Backend | null = null;

/** The engine of that name, started on first use, or the reason why it is not there. */
export function engineState(name: EngineName): EngineState {
  let state = made.get(name);
  if (state === undefined) made.set(name, (state = makers[name]()));
  return state;
}

/** The engine in use: the one set, else `FOVEA_ENGINE`, else the fastest that is there. */
export function currentEngine(): Backend {
  return (current ??= chooseEngine());
}

/** Makes an engine the current one for everything that follows. */
export function setEngine(name: EngineName): Backend {
  return (current = requireEngine(name));
}

/** Runs `fn`, which must not be async, on another engine. */
export function withEngine<T>(name: EngineName, fn: () => T): T {
  checkNotAsync(fn, "withEngine");
  const before = current;
  current = requireEngine(name);
  try {
    return fn();
  } finally {
    current = before;
  }
}

/** The engines that work here, fastest first. */
export function availableEngines(): EngineName[] {
  return engineNames.filter((name) => "engine" in engineState(name));
}

export interface InitOptions extends WasmOptions {
  /** Engine to use; by default `FOVEA_ENGINE`, else the fastest that is there. */
  readonly engine?: EngineName;
}

/**
 * Chooses the engine before its first use, and waits until its threads have started.
 *
 * Never needed in Node. In a browser it gives the first computation all threads, and strict content policies or edge
 * runtimes pass the kernels and the worker as files: `init({ wasm, worker })`.
 */
export async function init(options: InitOptions = {}): Promise<Backend> {
  const { engine, ...wasm } = options;
  if (Object.keys(wasm).length > 0) {
    const prepared = await prepareWasm(wasm);
    const before = made.get("wasm");
    if (before !== undefined && "engine" in before) (before.engine as CpuBackend).runtime.close();
    made.set("wasm", cpu(createWasmRuntime(prepared)));
    if (current?.name === "wasm") current = null;
  }
  if (engine !== undefined) setEngine(engine);
  const chosen = currentEngine();
  if (chosen instanceof CpuBackend) await threadsStarted(chosen);
  return chosen;
}

/** Workers start in the background; a second is plenty, and without them everything works on fewer threads. */
async function threadsStarted({ runtime }: CpuBackend): Promise<void> {
  for (let i = 0; i < 100 && runtime.threadsReady < runtime.threads; i++) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

export { exact, setExact } from "./exact.ts";

/** Compute threads of the current engine; 1 on the reference engine. */
export function threads(): number {
  const engine = currentEngine();
  return engine instanceof CpuBackend ? engine.runtime.threads : 1;
}

/** Sets the number of compute threads of the current engine. Results do not depend on it. */
export function setThreads(count: number): void {
  if (!Number.isInteger(count) || count < 1) throw new UsageError(`threads must be a whole number ≥ 1, got ${count}`);
  const engine = currentEngine();
  if (engine instanceof CpuBackend) engine.runtime.setThreads(count);
}

function chooseEngine(): Backend {
  const wanted = env("FOVEA_ENGINE");
  if (wanted !== undefined && wanted !== "") return requireEngine(wanted);
  const native = engineState("native");
  if ("engine" in native) return native.engine;
  return requireEngine("wasm");
}

function requireEngine(name: string): Backend {
  if (!(engineNames as readonly string[]).includes(name)) {
    throw new UsageError(`there is no engine "${name}"; engines are ${engineNames.join(", ")}`);
  }
  const state = engineState(name as EngineName);
  if ("engine" in state) return state.engine;
  const others = availableEngines().join(", ");
  throw new UsageError(`the ${name} engine is not available: ${state.reason} (available: ${others})`);
}

function cpu(result: ReturnType<typeof createNativeRuntime>): EngineState {
  return "runtime" in result ? { engine: new CpuBackend(result.runtime) } : result;
}
