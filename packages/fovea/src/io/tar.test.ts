import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { readTar } from "./tar.ts";

const root = mkdtempSync(join(tmpdir(), "fovea-tar-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));
const long = `${"d".repeat(120)}/${"f".repeat(150)}.bin`;
mkdirSync(join(root, "a", "d".repeat(120)), { recursive: true });
writeFileSync(join(root, "a", "one.txt"), "one");
writeFileSync(join(root, "a", long), "x".repeat(1000));
symlinkSync("/etc/passwd", join(root, "a", "link"));

/** Written by the system's tar, an implementation that nobody here wrote. */
function archive(format: string): Uint8Array {
  execFileSync("tar", [`--format=${format}`, "-cf", join(root, `${format}.tar`), "-C", join(root, "a"), "."]);
  return readFileSync(join(root, `${format}.tar`));
}

it.each(["gnu", "pax"])("reads %s archives with long names, leaving links out", (format) => {
  const entries = readTar(archive(format), "t").map(({ path, bytes }) => [path.replace(/^\.\//, ""), bytes.length]);
  expect(entries.toSorted()).toEqual(
    [
      [long, 1000],
      ["one.txt", 3],
    ].toSorted(),
  );
});

it("refuses damage and lengths beyond the archive", () => {
  const bytes = Uint8Array.from(archive("gnu"));
  const at = bytes.findIndex((_, i) => i % 512 === 0 && bytes[i + 156] === 48); // a plain file
  const broken = bytes.slice();
  broken[at + 130]! ^= 1;
  expect(() => readTar(broken, "t.tar")).toThrow("t.tar is not a sound tar archive: the header at byte");
  expect(() => readTar(bytes.subarray(0, at + 512), "t.tar")).toThrow("is it cut short?");
});
