import { mkdtemp, mkdir, readFile as read, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { FoveaError } from "../base/errors.ts";
import { makeFolder, readFile, writeFileAtomic } from "./files.ts";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "fovea-files-"));
});
afterAll(() => rm(folder, { recursive: true }));

it("writes a file, replaces it, and leaves nothing else behind", async () => {
  const path = join(folder, "a.bin");
  await writeFileAtomic(path, Uint8Array.of(1, 2, 3));
  await writeFileAtomic(path, "new");
  expect((await read(path)).toString()).toBe("new");
  expect(await readdir(folder)).toEqual(["a.bin"]);
});

it("keeps the old file and removes the temporary one when a write fails", async () => {
  const path = join(folder, "taken");
  await mkdir(join(path, "inside"), { recursive: true });
  await expect(writeFileAtomic(path, "x")).rejects.toThrow(FoveaError);
  expect((await readdir(folder)).filter((name) => name.includes("tmp"))).toEqual([]);
  expect(await readdir(path)).toEqual(["inside"]);
});

it("says what is wrong with a path, and which", async () => {
  await expect(readFile(join(folder, "missing"))).rejects.toThrow(/cannot read .*missing: there is no such file/);
  await expect(readFile(folder)).rejects.toThrow("it is a folder; name a file");
  await expect(writeFileAtomic(join(folder, "no", "b"), "x")).rejects.toThrow(/cannot write .*there is no such/);
  await writeFile(join(folder, "file"), "");
  await expect(makeFolder(join(folder, "file", "sub"))).rejects.toThrow("a part of the path is a file");
});

it("gives the bytes of a file as a view of their own memory", async () => {
  await writeFile(join(folder, "b"), Uint8Array.of(7, 8));
  expect([...(await readFile(join(folder, "b")))]).toEqual([7, 8]);
});
