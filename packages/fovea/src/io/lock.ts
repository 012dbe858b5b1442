import { randomBytes } from "node:crypto";
import { link, readFile, rename, rm, stat, utimes, writeFile } from "node:fs/promises";
import { hostname } from "node:os";

// Node only: nothing that a browser loads imports this file.

/** Who holds a lock. */
export interface LockOwner {
  readonly pid: number;
  readonly host: string;
  /** When it was taken: ISO 8601. */
  readonly since: string;
  /** Tells two locks of one process apart. */
  readonly token: string;
}

export interface LockOptions {
  /** Called once if another one holds the lock. */
  readonly onWait?: ((owner: LockOwner) => void) | undefined;
  /** Seconds without a sign of life after which a lock is taken over; default 30. */
  readonly staleAfter?: number;
}

const POLL_MS = 100;

/**
 * Runs `fn` while holding the lock file `path`: one process at a time, also across machines that share the folder.
 *
 * The file names its owner, who touches it every few seconds. A lock whose process is gone, or that nobody has touched
 * for `staleAfter` seconds, is taken over.
 */
export async function withLock<T>(path: string, fn: () => Promise<T>, options: LockOptions = {}): Promise<T> {
  const { staleAfter = 30, onWait } = options;
  const owner: LockOwner = {
    pid: process.pid,
    host: hostname(),
    since: new Date().toISOString(),
    token: randomBytes(8).toString("hex"),
  };
  for (let waited = false; !(await take(path, owner));) {
    const other = await look(path);
    if (other === null) continue; // it was just given back
    if (isDead(other, staleAfter)) await breakLock(path, other);
    else {
      if (!waited && other.owner !== null) onWait?.(other.owner);
      waited = true;
      await new Promise((done) => setTimeout(done, POLL_MS));
    }
  }
  const alive = setInterval(() => void utimes(path, new Date(), new Date()).catch(() => {}), (staleAfter * 1000) / 6);
  alive.unref();
  try {
    return await fn();
  } finally {
    clearInterval(alive);
    // Only if it is still ours: a process that slept for long may have lost it.
    if ((await look(path))?.owner?.token === owner.token) await rm(path, { force: true });
  }
}

/** "process 4711 on host since …", for messages. */
export function showOwner({ pid, host, since }: LockOwner): string {
  return `process ${pid} on ${host} since ${since}`;
}

/** The file appears with its contents or not at all: it is written aside and linked. */
async function take(path: string, owner: LockOwner): Promise<boolean> {
  const aside = `${path}.${owner.token}`;
  await writeFile(aside, JSON.stringify(owner));
  try {
    await link(aside, path);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EEXIST") return false;
    // A file system without hard links: the exclusive flag must do.
    if (code !== "EPERM" && code !== "ENOTSUP" && code !== "EOPNOTSUPP" && code !== "ENOSYS") throw error;
    return writeFile(path, JSON.stringify(owner), { flag: "wx" }).then(
      () => true,
      (failed: NodeJS.ErrnoException) => {
        if (failed.code === "EEXIST") return false;
        throw failed;
      },
    );
  } finally {
    await rm(aside, { force: true });
  }
}

interface Found {
  /** Null when the file does not say. */
  readonly owner: LockOwner | null;
  readonly touchedMs: number;
}

async function look(path: string): Promise<Found | null> {
  try {
    const [{ mtimeMs }, text] = await Promise.all([stat(path), readFile(path, "utf8")]);
    return { owner: parseOwner(text), touchedMs: mtimeMs };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
}

function parseOwner(text: string): LockOwner | null {
  try {
    const { pid, host, since, token } = JSON.parse(text) as Partial<LockOwner>;
    const known = typeof pid === "number" && typeof host === "string" && typeof since === "string";
    return known && typeof token === "string" ? { pid, host, since, token } : null;
  } catch {
    return null;
  }
}

function isDead({ owner, touchedMs }: Found, staleAfter: number): boolean {
  if (Date.now() - touchedMs > staleAfter * 1000) return true;
  if (owner?.host !== hostname()) return false;
  try {
    process.kill(owner.pid, 0); // sends nothing: asks whether it is there
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ESRCH";
  }
}

/** Takes a dead lock away; if another process was quicker and the file is a new lock by now, it goes back. */
async function breakLock(path: string, { owner }: Found): Promise<void> {
  const aside = `${path}.${randomBytes(8).toString("hex")}`;
  try {
    await rename(path, aside);
  } catch {
    return;
  }
  const taken = await look(aside);
  if (taken?.owner?.token !== owner?.token) await link(aside, path).catch(() => {});
  await rm(aside, { force: true });
}
