import { mkdtemp, readdir, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { readNewestCheckpoint, writeCheckpoint } from "./checkpoint.ts";

let parent: string;
beforeEach(async () => void (parent = await mkdtemp(join(tmpdir(), "fovea-checkpoint-"))));
afterEach(() => rm(parent, { recursive: true, force: true }));

const bytes = (text: string) => new TextEncoder().encode(text);
const files = (text: string) =>
  new Map([
    ["weights.safetensors", bytes(text)],
    ["state.json", bytes("{}")],
  ]);

async function newest(): Promise<[string | undefined, string | undefined]> {
  const { checkpoint } = await readNewestCheckpoint(parent);
  const weights = checkpoint?.files.get("weights.safetensors");
  return [checkpoint?.name, weights && new TextDecoder().decode(weights)];
}

describe("checkpoints", () => {
  it("come back as they were written, and the newest two stay", async () => {
    for (const step of ["1", "2", "3"]) await writeCheckpoint(parent, `step-${step}`, files(step));
    expect(await newest()).toEqual(["step-3", "3"]);
    expect((await readdir(parent)).toSorted()).toEqual(["step-2", "step-3"]);
  });

  it("writing the same name again replaces it", async () => {
    await writeCheckpoint(parent, "step-1", files("a"));
    await writeCheckpoint(parent, "step-1", files("b"));
    expect(await newest()).toEqual(["step-1", "b"]);
  });

  it.each([
    ["is truncated", (folder: string) => truncate(join(folder, "weights.safetensors"), 0), /0 bytes, not 1/],
    ["has another byte", (folder: string) => writeFile(join(folder, "weights.safetensors"), "x"), /hash/],
    ["lacks a file", (folder: string) => rm(join(folder, "state.json")), /state\.json/],
    ["lacks the manifest", (folder: string) => rm(join(folder, "manifest.json")), /manifest\.json/],
    ["has a broken manifest", (folder: string) => writeFile(join(folder, "manifest.json"), "{"), /JSON/],
    [
      "has a manifest of something else",
      (folder: string) => writeFile(join(folder, "manifest.json"), "{}"),
      /version 1/,
    ],
  ])("one that %s is passed over for the one before", async (_, damage, problem) => {
    await writeCheckpoint(parent, "step-1", files("1"));
    await writeCheckpoint(parent, "step-2", files("2"));
    await damage(join(parent, "step-2"));
    expect(await newest()).toEqual(["step-1", "1"]);
    const { problems } = await readNewestCheckpoint(parent);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(problem);
  });

  it("what an interrupted write left is not seen, and goes with the next write", async () => {
    await writeCheckpoint(parent, ".writing-step-9-1", files("half")); // what a crash before the rename leaves
    expect(await newest()).toEqual([undefined, undefined]);
    await writeCheckpoint(parent, "step-1", files("1"));
    expect(await readdir(parent)).toEqual(["step-1"]);
  });

  it("no folder is no checkpoint", async () => {
    expect(await readNewestCheckpoint(join(parent, "none"))).toEqual({ checkpoint: null, problems: [] });
  });
});
