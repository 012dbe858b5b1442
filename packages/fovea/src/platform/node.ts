import { createRequire } from "node:module";
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import os from "node:os";
import { dirname, join } from "node:path";
import { Worker } from "node:worker_threads";
import { packageFile } from "./packageFile.ts";
import type { Platform, PlatformWorker, WorkerCode } from "./platform.ts";

export type { PlatformWorker } from "./platform.ts";

export const platformName = "node";

export function env(name: string): string | undefined {
  return process.env[name];
}

export function availableThreads(): number {
  return os.availableParallelism();
}

export function memoryBytes(): number {
  const limit = process.constrainedMemory?.() ?? 0; // 0, or far too much, where there is no limit
  return limit > 0 ? Math.min(limit, os.totalmem()) : os.totalmem();
}

/** Where downloads and measurements are kept: `FOVEA_CACHE`, or `~/.cache/fovea`. */
export function cacheFolder(): string {
  return env("FOVEA_CACHE") || join(os.homedir(), ".cache", "fovea");
}

export function machineName(): string {
  return os.cpus()[0]?.model ?? process.arch;
}

export function readText(path: string): string | null {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return null;
  }
}

export function writeText(path: string | null, text: string): void {
  if (path === null) return;
  try {
    mkdirSync(dirname(path), { recursive: true });
    const temporary = `${path}.${process.pid}`;
    writeFileSync(temporary, text);
    renameSync(temporary, path);
  } catch {
    // It is kept for this process only.
  }
}

export function threadsBlockedBy(): string | null {
  return null;
}

export function createWorker(code: WorkerCode): PlatformWorker {
  // execArgv: the flags of this process (a loader, --input-type) are not meant for the worker.
  const worker =
    "source" in code
      ? new Worker(code.source, { eval: true, execArgv: [] })
      : new Worker(new URL(code.url, import.meta.url), { execArgv: [] });
  worker.unref();
  return {
    post: (message) => worker.postMessage(message, []),
    onError: (listener) => void worker.on("error", (error) => listener(String(error))),
    terminate: () => void worker.terminate(),
  };
}

export async function fetchBytes(url: string | URL): Promise<ArrayBuffer | Uint8Array<ArrayBuffer>> {
  const address = String(url);
  if (address.startsWith("file:")) return readFile(new URL(address));
  if (!/^[a-z]{2,}:/i.test(address)) return readFile(address);
  return fetched(await fetch(address));
}

async function fetched(response: Response): Promise<ArrayBuffer> {
  if (!response.ok) throw new Error(`${response.url}: HTTP ${response.status}`);
  return response.arrayBuffer();
}

/** The addon at `FOVEA_ADDON`, else that of a development build, else that of the optional package of this platform. */
export function loadAddon(): ReturnType<Platform["loadAddon"]> {
  const target = `${process.platform}-${process.arch}`;
  const require = createRequire(import.meta.url);
  let path = env("FOVEA_ADDON") || packageFile(`dist/native/${target}/fovea.node`);
  if (!existsSync(path)) {
    try {
      path = require.resolve(`@fovea/${target}`);
    } catch {
      return { reason: `there is no addon for ${target}: it was not built here and @fovea/${target} is not installed` };
    }
  }
  try {
    return { addon: require(path) as unknown, path };
  } catch (error) {
    const why = error instanceof Error ? error.message.split("\n")[0] : String(error);
    return { reason: `the addon could not be loaded: ${why}` };
  }
}

({
  platformName,
  env,
  availableThreads,
  memoryBytes,
  cacheFolder,
  machineName,
  readText,
  writeText,
  threadsBlockedBy,
  createWorker,
  fetchBytes,
  loadAddon,
}) satisfies Platform;
