import { constants } from "node:fs";
import { access, mkdir, open, readFile as read, rename, rm } from "node:fs/promises";
import { randomBytes } from "node:crypto";
import { basename, dirname, join } from "node:path";
import { FoveaError } from "../base/errors.ts";

// Node only: nothing that a browser loads imports this file.

/** The bytes of a file; when it cannot be read, an error that names the path and what to do. */
export async function readFile(path: string): Promise<Uint8Array> {
  try {
    const bytes = await read(path);
    return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  } catch (error) {
    throw explain(error, "read", path);
  }
}

/**
 * Writes a file so that its path holds the old bytes or all of the new ones, never a part, also after a power cut.
 *
 * A temporary file in the same folder is written and synced, then renamed over the path, and the folder is synced.
 */
export async function writeFileAtomic(path: string, bytes: Uint8Array | string): Promise<void> {
  const temporary = join(dirname(path), `.${basename(path)}.${randomBytes(4).toString("hex")}.tmp`);
  try {
    const file = await open(temporary, "wx");
    try {
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw explain(error, "write", path);
  }
  await syncFolder(dirname(path));
}

/** Makes renames in a folder durable. Windows cannot sync folders, and does not need it. */
export async function syncFolder(path: string): Promise<void> {
  if (process.platform === "win32") return;
  const folder = await open(path, "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/** Creates a folder and its parents, and makes sure that files can be written there. */
export async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true });
    await access(path, constants.W_OK);
  } catch (error) {
    throw explain(error, "write", path);
  }
}

const reasons: Record<string, string> = {
  ENOENT: "there is no such file or folder; check the path",
  EACCES: "permission denied; check the rights of the file and its folder",
  EPERM: "not permitted; check the rights of the file and its folder",
  EISDIR: "it is a folder; name a file",
  ENOTDIR: "a part of the path is a file, not a folder; check the path",
  EEXIST: "a file of that name is in the way; choose another path",
  ENOSPC: "the disk is full; free some space",
  EROFS: "the disk is read-only; choose another place",
};

/** The error that names the path and what to do. */
export function explain(error: unknown, verb: "read" | "write", path: string): FoveaError {
  const { code, message } = error as NodeJS.ErrnoException;
  return new FoveaError(`cannot ${verb} ${path}: ${reasons[code ?? ""] ?? message}`, { cause: error });
}
