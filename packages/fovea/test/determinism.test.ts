import { afterAll, describe, expect, it } from "vitest";
import { setThreads, withEngine } from "fovea";
import { engineState } from "../src/backend/engines.ts";
import { expectedHash, trainLenet } from "./train-lenet.ts";

afterAll(() => withEngine("wasm", () => setThreads(1)));

describe("the same bits", () => {
  it("wasm: with 1 to 5 threads (more than there are cores), and equal to what is pinned", async () => {
    for (const threads of [1, 2, 3, 5, 5, 5])
      expect((await trainLenet(threads, { engine: "wasm" })).hash).toBe(expectedHash);
  });

  it.skipIf("reason" in engineState("native"))(
    "native: whatever the thread count, on this instruction set",
    async () => {
      const one = await trainLenet(1, { engine: "native" });
      for (const threads of [2, 3, 5, 5, 5]) {
        const report = await trainLenet(threads, { engine: "native" });
        expect(report).toMatchObject({ engine: "native", hash: one.hash });
        expect(report.losses).toEqual(one.losses);
      }
      expect(one.losses.at(-1)!).toBeLessThan(one.losses[0]! * 0.7);
    },
  );
});
