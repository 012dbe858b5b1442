import type { CpuRuntime } from "./runtime.ts";
import { ProgramWords } from "./words.ts";

/** Floating-point operations of one round on one lane: CHAINS · STEPS multiply–adds of kernels/c/peak.c. */
const OPERATIONS = 2 * 12 * 4;
/** Rounds of a measurement take about this many seconds. */
const SECONDS = 0.02;
const MEASUREMENTS = 12;

/** The most multiply–adds the threads of an engine can do, in operations per second: the best of some short runs. */
export function measurePeak(runtime: CpuRuntime): number {
  const address = runtime.allocate(4 * runtime.lanes);
  const words = new ProgramWords();
  const speed = (rounds: number): number => {
    words.reset();
    words.command("peak", [address], [rounds]);
    const start = performance.now();
    runtime.run(words.words, words.count);
    return (rounds * OPERATIONS * runtime.lanes) / ((performance.now() - start) / 1000);
  };
  try {
    speed(10_000);
    let best = speed(100_000);
    const perRound = OPERATIONS * runtime.lanes;
    const rounds = Math.min(2 ** 30, Math.max(1, Math.round((best / perRound) * SECONDS)));
    for (let i = 0; i < MEASUREMENTS; i++) best = Math.max(best, speed(rounds));
    return best;
  } finally {
    runtime.free(address);
  }
}
