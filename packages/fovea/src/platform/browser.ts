import type { Platform, PlatformWorker, WorkerCode } from "./platform.ts";

export type { PlatformWorker } from "./platform.ts";

export const platformName = "browser";

export function env(_name: string): string | undefined {
  return undefined;
}

export function availableThreads(): number {
  return globalThis.navigator?.hardwareConcurrency ?? 1;
}

export function memoryBytes(): number {
  return 2 ** 32;
}

export function cacheFolder(): null {
  return null;
}

export function machineName(): string {
  return "browser";
}

export function readText(_path: string): null {
  return null;
}

export function writeText(_path: string | null, _text: string): void {}

export function threadsBlockedBy(): string | null {
  if (typeof Worker === "undefined") return "this runtime has no Worker";
  if (typeof SharedArrayBuffer === "undefined" || globalThis.crossOriginIsolated === false) {
    return "the page is not cross-origin isolated (it needs the headers COOP: same-origin and COEP: require-corp)";
  }
  return null;
}

export function createWorker(code: WorkerCode): PlatformWorker {
  let worker: Worker;
  if ("url" in code) {
    worker = new Worker(code.url, { type: "module" });
  } else {
    const url = URL.createObjectURL(new Blob([code.source], { type: "text/javascript" }));
    worker = new Worker(url);
    setTimeout(() => URL.revokeObjectURL(url), 60_000);
  }
  return {
    post: (message) => worker.postMessage(message, []),
    onError: (listener) =>
      worker.addEventListener("error", (event) => listener(event.message || "the worker was refused")),
    terminate: () => worker.terminate(),
  };
}

export async function fetchBytes(url: string | URL): Promise<ArrayBuffer> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${response.url}: HTTP ${response.status}`);
  return response.arrayBuffer();
}

export function loadAddon(): ReturnType<Platform["loadAddon"]> {
  return { reason: "a browser has no native addons" };
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
