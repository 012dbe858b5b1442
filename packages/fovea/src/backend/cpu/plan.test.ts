import { expect, it } from "vitest";
import { withRecorder } from "../../tensor/apply.ts";
import { applyOp } from "../../tensor/apply.ts";
import { GraphRecorder } from "../../graph/recorder.ts";
import { toProgram } from "../../graph/graph.ts";
import { opCases } from "../../ops/cases.ts";
import { makeInputs } from "../../testing/cases.ts";
import { engineState } from "../engines.ts";
import { CpuBackend } from "./backend.ts";
import type { CpuBuffer } from "./buffer.ts";
import { Planner, touches } from "./plan.ts";
import { ProgramWords } from "./words.ts";

const state = engineState("native");
const engine = "engine" in state && state.engine instanceof CpuBackend ? state.engine : null;

// What is computed once and kept, and what shares memory, is decided by what commands say that they write.
it.skipIf(engine === null)("kernels write what their commands say, and nothing else", () => {
  const { runtime } = engine!;
  for (const { op, cases } of Object.values(opCases)) {
    for (const c of cases) {
      const inputs = makeInputs(c);
      const recorder = new GraphRecorder();
      const y = withRecorder(recorder, () => applyOp(op, inputs, c.attrs));
      const graph = recorder.finish([y]);
      const captured = graph.captured.map(({ storage }) => storage.buffer(engine!) as CpuBuffer);
      const { slots, steps } = new Planner(runtime.lanes, toProgram(graph, captured), []);
      const own = slots.map(({ block, bytes }) => (block === null ? runtime.allocate(bytes) : null));
      const address = slots.map(({ block }, i) => block?.address ?? own[i]!);
      const bytes = (slot: number) => {
        const data = new Uint8Array(slots[slot]!.bytes);
        runtime.read(address[slot]!, data);
        return data;
      };
      for (const step of steps) {
        if (!("kernel" in step)) continue;
        const { reads, writes } = touches(step);
        const kept = [...new Set(reads)].filter((slot) => !writes.includes(slot));
        const before = kept.map(bytes);
        const words = new ProgramWords();
        const places = step.buffers.map(({ slot, offset }) => address[slot]! + offset);
        words.command(step.kernel, places, step.params, step.threads);
        runtime.run(words.words, words.count);
        const after = kept.map(bytes);
        const same = before.every((data, i) => Buffer.compare(data, after[i]!) === 0);
        expect(same, `${op.name}, ${c.name}: ${step.kernel} writes what it should only read`).toBe(true);
      }
      for (const memory of own) if (memory !== null) runtime.free(memory);
    }
  }
});
