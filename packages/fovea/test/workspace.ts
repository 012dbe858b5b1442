import { execFileSync, type ExecFileSyncOptions } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** The root of the repository. */
export const repository = fileURLToPath(new URL("../../../", import.meta.url));

/** The folder of real data beside the repository, or null. */
export function sharedFolder(name: string): string | null {
  const folder = join(process.env["FOVEA_SHARED"] ?? join(repository, "../shared"), name);
  return existsSync(folder) ? folder : null;
}

/** A new empty folder, and a function that removes it. */
export function temporaryFolder(): { path: string; remove: () => void } {
  const path = mkdtempSync(join(tmpdir(), "fovea-test-"));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

/** Debian's Chromium, or null where there is none. */
export const chromium = ["/usr/bin/chromium", "/usr/bin/chromium-browser"].find((path) => existsSync(path)) ?? null;

export function run(command: string, args: readonly string[], options: ExecFileSyncOptions = {}): string {
  return execFileSync(command, args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"], ...options }) as string;
}
