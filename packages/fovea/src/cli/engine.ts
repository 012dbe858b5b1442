import { FoveaError } from "../base/errors.ts";
import type { EngineName } from "../backend/contract.ts";
import {
  availableEngines,
  currentEngine,
  engineNames,
  engineState,
  setEngine,
  setThreads,
} from "../backend/engines.ts";
import { MAX_THREADS } from "../backend/cpu/runtime.ts";
import type { Option } from "./command.ts";
import { choice, wholeNumber } from "./parse.ts";

/** Options that every computing command has. */
export const engineOptions = [
  {
    flags: "--engine <name>",
    description: `${engineNames.join(", ")}; by default the fastest that is there`,
    parse: choice(engineNames),
  },
  {
    flags: "--threads <n>",
    description: "compute threads; by default as many as the machine has (results do not depend on it)",
    parse: wholeNumber(1, MAX_THREADS),
  },
] as const satisfies readonly Option[];

export interface EngineOptions {
  readonly engine?: EngineName | undefined;
  readonly threads?: number | undefined;
}

/** Makes the wanted engine the current one. */
export function useEngine({ engine, threads }: EngineOptions): void {
  if (engine !== undefined) {
    const state = engineState(engine);
    if ("reason" in state) {
      const others = availableEngines().filter((name) => name !== "reference");
      throw new FoveaError(
        `the ${engine} engine is not available: ${state.reason}; without --engine, ${others[0] ?? "another"} serves ` +
          "(fovea doctor says more)",
      );
    }
    setEngine(engine);
  } else if (currentEngine().name === "wasm") {
    const native = engineState("native");
    if ("reason" in native) process.stderr.write(`wasm serves, the native engine is not available: ${native.reason}\n`);
  }
  if (threads !== undefined) setThreads(threads);
}
