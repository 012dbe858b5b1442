import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { repository, temporaryFolder } from "./workspace.ts";

const { path: work, remove } = temporaryFolder();
const cli = join(repository, "packages/fovea/bin/fovea.js");

function fovea(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [cli, "data", ...args], {
    cwd: work,
    encoding: "utf8",
  });
  return { code: status, out: stdout, err: stderr };
}

beforeAll(async () => {
  for (const [i, path] of ["cat/1.png", "cat/2.png", "cat/3.png", "dog/1.png", "dog/2.png", "dog/3.png"].entries()) {
    mkdirSync(join(work, "pets", path, ".."), { recursive: true });
    const background = { r: 40 * i, g: 10, b: 200 - 20 * i };
    await sharp({ create: { width: 20, height: 10, channels: 3, background } })
      .png()
      .toFile(join(work, "pets", path));
  }
  writeFileSync(join(work, "pets/dog/bad.jpg"), "");
  mkdirSync(join(work, "one/only"), { recursive: true });
  writeFileSync(join(work, "one/only/1.png"), readFileSync(join(work, "pets/cat/1.png")));
});
afterAll(remove);

describe("fovea data", () => {
  it("shows classes, sizes and what cannot be read", () => {
    const { code, out, err } = fovea("pets");
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(out).toMatch(/^pets: pictures by class, 2 classes\n\nClass {2}train\ncat {8}3\ndog {8}4\nall {8}7\n/);
    expect(out).toContain("Width 20, height 10 pixels; 1 different size\n");
    expect(out).toContain("Cannot be read:\n  pets/dog/bad.jpg is neither a JPEG nor a PNG nor a WebP file\n");
  });

  it("writes a split that it reads again", () => {
    const { code, out } = fovea("pets", "--split", "70/30", "--out", "split.csv", "--seed", "4");
    expect([code, out.endsWith("wrote split.csv; use it in place of the folder\n")]).toEqual([0, true]);
    expect(readFileSync(join(work, "split.csv"), "utf8")).toMatch(
      /^file,label,split\npets\/cat\/1\.png,cat,(train|validation)\n/,
    );
    const summary = JSON.parse(fovea("split.csv", "--json").out) as { parts: { part: string; counts: number[] }[] };
    expect(summary.parts.map(({ part, counts }) => [part, counts])).toEqual([
      ["train", [2, 2]],
      ["validation", [1, 1]],
    ]);
  });

  it("draws a contact sheet of what a network would see", async () => {
    const { code, err, out } = fovea("pets", "--sheet", "sheet.png", "--augment", "randaugment", "--seed", "3");
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(out).toContain("wrote sheet.png: each row a sample");
    // Six of the seven pictures can be read: rows and columns of 160 pixels, 6 between them.
    const { width, height, format } = await sharp(join(work, "sheet.png")).metadata();
    expect([width, height, format]).toEqual([8 * 166 + 6, 6 * 166 + 6, "png"]);
    const spec = '[{"name": "rotate", "options": {"degrees": -1}}]';
    const wrong = fovea("pets", "--sheet", "other.png", "--augment", spec);
    expect([wrong.code, wrong.err]).toEqual([
      2,
      expect.stringContaining("rotate: degrees must be a number in 0 … 10000"),
    ]);
    expect(fovea("pets", "--augment", "randaugment").err).toContain("--augment goes with --sheet");
    expect(fovea("pets", "--sheet", "x.png", "--augment", "wild").err).toContain(
      '"wild" is none of none, crop, standard',
    );
  });

  it("tells one class only, and fails on it where it is strict", () => {
    expect(fovea("one").out).toContain("Errors:\n  there is one class only (only)");
    const { code, err } = fovea("one", "--strict");
    expect([code, err]).toEqual([
      1,
      expect.stringMatching(/^fovea: one cannot be trained with: there is one class only/),
    ]);
  });

  it.each<[string[], number, RegExp]>([
    [["nothing"], 1, /^fovea: cannot read nothing: there is no such file or folder/],
    [["pets", "--split", "80"], 2, /--split: "80" is no split; wanted shares such as 80\/20/],
    [["pets", "--split", "80/20"], 2, /--split and --out go together/],
  ])("%o is refused with the fix", (args, exit, message) => {
    const { code, err } = fovea(...args);
    expect(code).toBe(exit);
    expect(err).toMatch(message);
  });
});
