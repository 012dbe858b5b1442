import { afterAll, beforeAll, describe } from "vitest";
import type { EngineName } from "../backend/contract.ts";
import { currentEngine, engineNames, engineState, exact, setEngine, setExact } from "../backend/engines.ts";

/** A suite for each engine, run with it as the current one. Engines that are not here are reported as skipped. */
export function describeEngines(title: string, suite: () => void, engines: readonly EngineName[] = engineNames): void {
  for (const name of engines) {
    const state = engineState(name);
    const there = "engine" in state;
    describe.skipIf(!there)(`${title} on ${name}${there ? "" : ` (${state.reason})`}`, () => {
      let before = name;
      beforeAll(() => {
        before = currentEngine().name as typeof name;
        setEngine(name);
      });
      afterAll(() => {
        setEngine(before);
      });
      suite();
    });
  }
}

/** Runs `fn` with direct algorithms only. */
export function withExact<T>(fn: () => T): T {
  const before = exact();
  setExact(true);
  try {
    return fn();
  } finally {
    setExact(before);
  }
}
