/** What the library asks of its host. `#platform` is node.ts or browser.ts by export condition; both satisfy this. */
export interface Platform {
  readonly platformName: "node" | "browser";
  /** An environment variable; a browser has none. */
  env(name: string): string | undefined;
  /** Threads worth computing on. */
  availableThreads(): number;
  /** Bytes of memory this process may hope for. */
  memoryBytes(): number;
  /** Where downloads and measurements are kept; a browser has no such folder. */
  cacheFolder(): string | null;
  /** The kind of processor, as far as the host tells. */
  machineName(): string;
  /** The text of a file; null when it cannot be read. */
  readText(path: string): string | null;
  /** Writes a file whole or not at all, with its folders; does nothing where that is not possible. */
  writeText(path: string | null, text: string): void;
  /** A background thread that does not keep the process alive. */
  createWorker(code: WorkerCode): PlatformWorker;
  /** Why shared memory and worker threads cannot be used, or null when they can. */
  threadsBlockedBy(): string | null;
  /** The bytes of a file or an address. */
  fetchBytes(url: string | URL): Promise<ArrayBuffer | Uint8Array<ArrayBuffer>>;
  /** The addon with the native kernels, loaded, or why it is not there. */
  loadAddon(): { readonly addon: unknown; readonly path: string } | { readonly reason: string };
}

/** A worker is started from source text, or from a file where a content policy forbids that. */
export type WorkerCode = { readonly source: string } | { readonly url: string | URL };

export interface PlatformWorker {
  post(message: unknown): void;
  /** Calls `listener` when the worker breaks down. */
  onError(listener: (message: string) => void): void;
  terminate(): void;
}
