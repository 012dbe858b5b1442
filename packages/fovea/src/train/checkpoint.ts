import { createHash } from "node:crypto";
import { mkdir, open, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { FormatError } from "../base/errors.ts";
import { explain, readFile, syncFolder } from "../io/files.ts";

/** The list of a checkpoint's files that says whether they are whole. */
interface Manifest {
  readonly version: 1;
  readonly files: { readonly [name: string]: { readonly bytes: number; readonly sha256: string } };
}

/** A checkpoint that verified. */
export interface Checkpoint {
  /** Name of its folder. */
  readonly name: string;
  readonly files: ReadonlyMap<string, Uint8Array>;
}

const MANIFEST = "manifest.json";
const UNFINISHED = ".writing-";

/**
 * Writes a checkpoint: a folder `name` below `parent` that is either whole or not there.
 *
 * The files and a manifest of their sizes and hashes go into a folder under a temporary name; files and folder are
 * flushed to the disk; one rename makes it visible. Then older ones than the newest `keep` are removed.
 * Names must sort by age.
 */
export async function writeCheckpoint(
  parent: string,
  name: string,
  files: ReadonlyMap<string, Uint8Array>,
  keep = 2,
): Promise<void> {
  await mkdir(parent, { recursive: true });
  const temporary = join(parent, `${UNFINISHED}${name}-${process.pid}`);
  await rm(temporary, { recursive: true, force: true });
  await mkdir(temporary);
  const manifest: Manifest = {
    version: 1,
    files: Object.fromEntries(
      [...files].map(([file, bytes]) => [file, { bytes: bytes.length, sha256: sha256(bytes) }]),
    ),
  };
  const target = join(parent, name);
  try {
    for (const [file, bytes] of files) await writeDurably(join(temporary, file), bytes);
    await writeDurably(join(temporary, MANIFEST), new TextEncoder().encode(`${JSON.stringify(manifest, null, 2)}\n`));
    await syncFolder(temporary);
    await rm(target, { recursive: true, force: true }); // the same step again, after a resume
    await rename(temporary, target);
  } catch (error) {
    await rm(temporary, { recursive: true, force: true }); // what is half written takes room
    throw explain(error, "write", target);
  }
  await syncFolder(parent);
  await removeOld(parent, keep);
}

/** The newest checkpoint below `parent` that verifies; `problems` says what is wrong with newer ones. */
export async function readNewestCheckpoint(
  parent: string,
): Promise<{ checkpoint: Checkpoint | null; problems: readonly string[] }> {
  const problems: string[] = [];
  for (const name of (await names(parent)).toReversed()) {
    try {
      return { checkpoint: { name, files: await readCheckpoint(join(parent, name)) }, problems };
    } catch (error) {
      problems.push(`${join(parent, name)}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  return { checkpoint: null, problems };
}

/** The files of a checkpoint, each checked against the manifest. */
async function readCheckpoint(folder: string): Promise<ReadonlyMap<string, Uint8Array>> {
  const manifest = parseManifest(new TextDecoder().decode(await readFile(join(folder, MANIFEST))));
  const files = new Map<string, Uint8Array>();
  for (const [file, wanted] of Object.entries(manifest.files)) {
    if (file.includes("/") || file.includes("\\")) throw new FormatError(`the manifest names a path: ${file}`);
    const bytes = await readFile(join(folder, file));
    if (bytes.length !== wanted.bytes) throw new FormatError(`${file} has ${bytes.length} bytes, not ${wanted.bytes}`);
    if (sha256(bytes) !== wanted.sha256) throw new FormatError(`the hash of ${file} is not that of the manifest`);
    files.set(file, bytes);
  }
  return files;
}

function parseManifest(text: string): Manifest {
  const manifest = JSON.parse(text) as Partial<Manifest> | null;
  if (manifest?.version !== 1 || typeof manifest.files !== "object" || manifest.files === null) {
    throw new FormatError(`${MANIFEST} is not the manifest of a checkpoint of version 1`);
  }
  return manifest as Manifest;
}

/** Finished checkpoints, oldest first. */
async function names(parent: string): Promise<string[]> {
  const entries = await readdir(parent, { withFileTypes: true }).catch(() => []);
  return entries
    .filter((entry) => entry.isDirectory() && !entry.name.startsWith(UNFINISHED))
    .map((entry) => entry.name)
    .toSorted();
}

async function removeOld(parent: string, keep: number): Promise<void> {
  const unfinished = (await readdir(parent)).filter((name) => name.startsWith(UNFINISHED));
  const old = (await names(parent)).slice(0, -keep);
  for (const name of [...unfinished, ...old]) await rm(join(parent, name), { recursive: true, force: true });
}

async function writeDurably(path: string, bytes: Uint8Array): Promise<void> {
  const file = await open(path, "wx");
  try {
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
