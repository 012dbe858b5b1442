import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { compile, tensor, type Tensor } from "../index.ts";
import type { CpuBackend } from "../backend/cpu/backend.ts";
import { Tuning } from "../backend/cpu/tuning.ts";
import { currentEngine } from "../backend/engines.ts";
import { conv2d } from "../ops/conv2d.ts";
import { testNumbers } from "../testing/cases.ts";
import { describeEngines } from "../testing/engines.ts";
import { cpuEngines } from "../testing/suite.ts";

function random(shape: readonly number[], seed: number): Tensor {
  const next = testNumbers(seed);
  return tensor(Float32Array.from({ length: shape.reduce((a, d) => a * d, 1) }, next), { shape });
}

const before = process.env["FOVEA_CACHE"];
let folder: string;
beforeEach(() => {
  process.env["FOVEA_CACHE"] = folder = mkdtempSync(join(tmpdir(), "fovea-tuning-"));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
  if (before === undefined) delete process.env["FOVEA_CACHE"];
  else process.env["FOVEA_CACHE"] = before;
});

const kernels = [
  [3, 3],
  [5, 5],
  [1, 7],
] as const;
const x = () => random([1, 16, 12, 12], 1);
const weights = kernels.map((kernel, i) => random([16, 16, ...kernel], 2 + i));
const network = (input: Tensor): Tensor =>
  weights.reduce((v, w) => conv2d(v, w, null, { padding: [(w.shape[2]! - 1) / 2, (w.shape[3]! - 1) / 2] }), input);

const file = (): string => join(folder, "tuning", readdirSync(join(folder, "tuning"))[0]!);
const measured = (): Record<string, Record<string, number>> =>
  JSON.parse(readFileSync(file(), "utf8")) as Record<string, Record<string, number>>;

describeEngines(
  "autotune",
  () => {
    it("times the algorithms of every shape once, keeps them, and gives the same numbers within 1e-5", () => {
      const plain = compile(network);
      const tuned = compile(network, { autotune: true });
      const input = x();
      const [want, got] = [plain(input), tuned(input)].map((y) => Float32Array.from(y.storage.values()));
      const largest = want!.reduce((m, v) => Math.max(m, Math.abs(v)), 0);
      want!.forEach((v, i) => expect(Math.abs(v - got![i]!)).toBeLessThan(1e-5 * largest));
      expect(plain.explainPlan().tuned).toEqual([]);
      const { tuned: lines } = tuned.explainPlan();
      expect(lines.length).toBe(3);
      expect(lines[0]).toMatch(/^conv2d \[1, 16, 12, 12\] \* \[16, 16, 3, 3\].*direct .* ms/);
      expect(String(tuned.explainPlan())).toContain(`tuned: ${lines[0]}`);
      expect(Object.values(measured()).map((times) => Object.keys(times).toSorted())).toEqual([
        ["direct", "tiles2", "tiles4"],
        ["direct", "tiles5x5"],
        ["direct", "lines"],
      ]);
    });

    it("reads what was measured, and a damaged file is as none", () => {
      const algorithms = ["tiles2", "direct"] as const;
      const [shape, weight] = [[1, 16, 12, 12], [16, 16, 3, 3]]; // prettier-ignore
      const attrs = { stride: [1, 1], padding: [[1, 1], [1, 1]], dilation: [1, 1], groups: 1 } as const; // prettier-ignore
      const choose = () => {
        const tuning = new Tuning((currentEngine() as CpuBackend).runtime);
        return tuning.choose({ x: shape!, weight: weight!, y: shape!, attrs }, algorithms).algorithm;
      };
      choose();
      const [key] = Object.keys(measured());
      for (const [fast, slow] of [algorithms, algorithms.toReversed()]) {
        writeFileSync(file(), JSON.stringify({ [key!]: { [fast!]: 1, [slow!]: 2 } }));
        expect(choose()).toBe(fast);
      }
      for (const text of ["{", "[1]", "null", '{"a": 3}', JSON.stringify({ [key!]: { direct: "fast" } })]) {
        writeFileSync(file(), text);
        expect(algorithms).toContain(choose());
        expect(Object.keys(measured()[key!]!)).toEqual(algorithms);
      }
    });
  },
  cpuEngines,
);
