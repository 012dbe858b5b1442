import { existsSync } from "node:fs";
import { mkdir, mkdtemp, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import { readFile } from "../io/files.ts";
import { readTar } from "../io/tar.ts";

/** A file of the folder `shared` beside the repository (or where `FOVEA_SHARED` points); null where it is not there. */
export function shared(path: string): string | null {
  const folder = process.env["FOVEA_SHARED"] ?? fileURLToPath(new URL("../../../../../shared", import.meta.url));
  return existsSync(join(folder, path)) ? join(folder, path) : null;
}

/** Unpacks a .tar.gz into a new folder inside `parent`; returns it. */
export async function unpacked(archive: string, parent: string): Promise<string> {
  const folder = await mkdtemp(join(parent, "unpacked-"));
  for (const { path: name, bytes } of readTar(gunzipSync(await readFile(archive)), archive)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), bytes);
  }
  return folder;
}
