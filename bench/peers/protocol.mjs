// Every contestant is a process that answers lines on stdin, so that they can be run in turn (A B A B).
// On start it gets its job as JSON: { name, task, network, folder, batch, input, threads, engine } and says {"ready": version}.
//   "run N"   -> {"seconds": wall time of N predictions or training steps, "loss": the last one's, if it trains}
//   "output"  -> {"file": where the last prediction is, as float32}
//   "memory"  -> {"peakBytes": the most memory the process ever had resident}
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { writeOutput } from "./files.mjs";

/** Serves `once()`: a prediction (returns its values) or a training step (returns its loss); may be async. */
export async function serve(version, once, finish = (last) => last) {
  const say = (answer) => process.stdout.write(`${JSON.stringify(answer)}\n`);
  say({ ready: version });
  let last;
  const answers = {
    run: async (n) => {
      const start = performance.now();
      for (let i = 0; i < n; i++) last = await once();
      const value = await finish(last);
      const seconds = (performance.now() - start) / 1000;
      return { seconds, loss: typeof value === "number" ? value : null };
    },
    output: async () => ({ file: writeOutput(await finish(last)) }),
    memory: () => ({ peakBytes: peakBytes() }),
  };
  for await (const line of createInterface({ input: process.stdin })) {
    const [command, n] = line.split(" ");
    say(await answers[command](Number(n)));
  }
  process.exit(0);
}

/** VmHWM of this process; Linux only, null elsewhere. */
export function peakBytes() {
  try {
    return 1024 * Number(/VmHWM:\s+(\d+)/.exec(readFileSync("/proc/self/status", "utf8"))[1]);
  } catch {
    return null;
  }
}
