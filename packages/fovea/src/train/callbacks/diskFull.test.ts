import "../../tensor.ts";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import type * as FileSystem from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it, vi } from "vitest";
import { manualSeed } from "../../base/random.ts";
import { Linear } from "../../nn/linear.ts";
import { Trainer, type FitOptions } from "../trainer.ts";
import { Checkpoint } from "./checkpoint.ts";

/** Bytes that still fit on the disk. */
const disk = vi.hoisted(() => ({ left: Infinity }));

// The file layer with a disk that fills up: a write puts down what fits, and then fails as the system does.
vi.mock("node:fs/promises", async (load) => {
  const real = await load<typeof FileSystem>();
  const open = async (...args: Parameters<typeof real.open>) => {
    const file = await real.open(...args);
    const write = file.writeFile.bind(file);
    file.writeFile = async (data) => {
      const bytes = typeof data === "string" ? Buffer.from(data) : (data as Uint8Array);
      const fits = Math.min(bytes.length, disk.left);
      disk.left -= fits;
      await write(bytes.subarray(0, fits));
      if (fits < bytes.length)
        throw Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" });
    };
    return file;
  };
  return { ...real, open };
});

const folder = mkdtempSync(join(tmpdir(), "fovea-full-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const x = { data: Float32Array.from({ length: 64 }, (_, i) => Math.sin(i)), shape: [32, 2] };
const y = Int32Array.from({ length: 32 }, (_, i) => i % 2);
const make = () => {
  manualSeed(1);
  return new Trainer(new Linear(2, 2), { loss: "crossEntropy" });
};
const fit = (trainer: Trainer, more: FitOptions = {}) =>
  trainer.fit(x, y, { epochs: 6, batchSize: 16, verbose: 0, callbacks: [new Checkpoint(folder)], ...more });

it("a disk that fills up while a checkpoint is written leaves the one before, from which the run goes on exactly", async () => {
  const whole = make();
  await fit(whole, { callbacks: [] });
  const fillUp = { onEpochBegin: (epoch: number) => void (epoch === 3 && (disk.left = 1500)) };
  const failed = fit(make(), { callbacks: [new Checkpoint(folder, { background: false }), fillUp] });
  await expect(failed).rejects.toThrow(
    /^saving the run failed: cannot write .*: the disk is full; free some space; the checkpoint step-000000006-epoch-00003 is whole$/,
  );
  expect(readdirSync(folder).toSorted()).toEqual(["best.safetensors", "checkpoint", "last.safetensors"]);
  expect(readdirSync(join(folder, "checkpoint")).at(-1)).toBe("step-000000006-epoch-00003");

  disk.left = Infinity;
  const resumed = make();
  await fit(resumed, { resume: await Checkpoint.newest(folder) });
  expect(resumed.history.history).toEqual(whole.history.history);
});
