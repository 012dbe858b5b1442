import os from "node:os";
import type { EngineName } from "../backend/contract.ts";
import { currentEngine, threads } from "../backend/engines.ts";
import { CpuBackend } from "../backend/cpu/backend.ts";
import { foveaVersion } from "./version.ts";

export { foveaVersion };

/** What a run was computed with: its numbers are the same again where this is the same. */
export interface Environment {
  readonly fovea: string;
  readonly engine: EngineName;
  /** Instruction set of the kernels; "float64 loops" on the reference engine. */
  readonly isa: string;
  readonly threads: number;
  readonly node: string;
  readonly system: string;
  readonly cpu: string;
  readonly memory: number;
}

/** What is in use right now. */
export function describeEnvironment(): Environment {
  const engine = currentEngine();
  return {
    fovea: foveaVersion(),
    engine: engine.name,
    isa: engine instanceof CpuBackend ? engine.runtime.isa : "float64 loops",
    threads: threads(),
    node: process.version,
    system: `${process.platform} ${process.arch}`,
    cpu: `${os.cpus()[0]?.model.trim() ?? "unknown"} (${os.availableParallelism()} threads)`,
    memory: os.totalmem(),
  };
}
