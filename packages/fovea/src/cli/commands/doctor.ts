import os from "node:os";
import { cacheFolder } from "../../io/download.ts";
import { CpuBackend } from "../../backend/cpu/backend.ts";
import { currentEngine, engineNames, engineState } from "../../backend/engines.ts";
import { describeEnvironment } from "../../train/environment.ts";
import { showBytes } from "../../train/format.ts";
import type { Command } from "../command.ts";

export const doctor: Command<{ json?: boolean }> = {
  options: [{ flags: "--json", description: "print one JSON object" }],
  examples: [
    ["fovea doctor", "what this machine can do"],
    ["FOVEA_ENGINE=wasm fovea doctor", "the same, with another engine in use"],
  ],
  run(options) {
    const environment = describeEnvironment();
    const engines = engineNames.map(inspectEngine);
    const facts = { ...environment, cache: cacheFolder(), engines };
    console.log(options.json ? JSON.stringify(facts) : describe(facts));
    return Promise.resolve();
  },
};

interface EngineFacts {
  readonly name: string;
  readonly available: boolean;
  readonly used: boolean;
  readonly isa: string | null;
  readonly isas: readonly string[];
  readonly threads: number | null;
  /** What is off, and why. */
  readonly notes: readonly string[];
}

function inspectEngine(name: (typeof engineNames)[number]): EngineFacts {
  const state = engineState(name);
  const nothing = { isa: null, isas: [], threads: null };
  if ("reason" in state) return { name, available: false, used: false, ...nothing, notes: [state.reason] };
  const { engine } = state;
  const used = engine === currentEngine();
  if (!(engine instanceof CpuBackend)) {
    return { name, available: true, used, ...nothing, threads: 1, notes: ["for checking: float64 loops, slow"] };
  }
  const { isa, isas, threads, notes } = engine.runtime;
  return { name, available: true, used, isa, isas, threads, notes };
}

function describe(
  facts: ReturnType<typeof describeEnvironment> & { cache: string; engines: readonly EngineFacts[] },
): string {
  const rows = [
    ["fovea", facts.fovea],
    ["Node", `${facts.node} on ${facts.system}`],
    ["processor", facts.cpu],
    ["memory", `${showBytes(facts.memory)}, ${showBytes(os.freemem())} free`],
    ["cache", facts.cache],
  ].map(([name, value]) => `${name!.padEnd(10)} ${value}`);
  const engines = facts.engines.flatMap(({ name, available, used, isa, isas, threads, notes }) => {
    const others = isas.filter((other) => other !== isa);
    const parts = [
      available ? (used ? "in use" : "available") : "not available",
      isa && `${isa}${others.length > 0 ? ` (also ${others.join(", ")})` : ""}`,
      threads !== null && `${threads} ${threads === 1 ? "thread" : "threads"}`,
    ].filter(Boolean);
    return [
      `${used ? "*" : " "} ${name.padEnd(10)} ${parts.join(", ")}`,
      ...notes.map((note) => `${" ".repeat(13)}${note}`),
    ];
  });
  return [...rows, "", "engines", ...engines].join("\n");
}
