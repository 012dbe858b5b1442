import { open, readFile, rm, stat, writeFile } from "node:fs/promises";
import { FoveaError } from "../base/errors.ts";

// Node only: nothing that a browser loads imports this file.

export interface TransferOptions {
  /** A longer answer is refused. */
  readonly maxBytes: number;
  /** Seconds without a byte after which it gives up. */
  readonly patience: number;
  /** Whether wrong bytes will be noticed afterwards, so that a part of unknown version may be continued. */
  readonly checked: boolean;
  readonly onProgress?: ((received: number, total: number | undefined) => void) | undefined;
}

/** Of one call: a connection that breaks again and again is given up. */
const MAX_TRIES = 20;

/** The transfer broke off; what came so far may be of use. */
class BrokenOff extends Error {}

/** What is known of the version that a part is of. */
interface Part {
  readonly url: string;
  /** ETag or Last-Modified, to be sent as If-Range; null when the server gave none. */
  readonly version: string | null;
}

/**
 * Fetches an address into the file `part`, going on where an earlier transfer of the same version broke off.
 *
 * While the connection breaks after new bytes came, it is tried again. A part that can be continued later stays, with
 * its version in `<part>.json`; any other is removed.
 */
export async function transfer(url: string, part: string, options: TransferOptions): Promise<void> {
  let most = 0;
  for (let tries = 1; ; tries++) {
    try {
      await attempt(url, part, options);
      await rm(`${part}.json`, { force: true });
      return;
    } catch (error) {
      const kept = error instanceof BrokenOff && (await resumable(url, part, options)) ? await sizeOf(part) : 0;
      if (kept === 0) await discard(part);
      if (kept > most && tries < MAX_TRIES) {
        most = kept;
        continue;
      }
      if (!(error instanceof BrokenOff)) throw error;
      const later = kept === 0 ? "" : `; the ${kept} bytes that came are kept, the next try goes on from there`;
      throw new FoveaError(error.message + later, { cause: error.cause });
    }
  }
}

/** Removes a part and what is known of it. */
export async function discard(part: string): Promise<void> {
  await rm(part, { force: true });
  await rm(`${part}.json`, { force: true });
}

async function attempt(url: string, part: string, options: TransferOptions): Promise<void> {
  const { patience } = options;
  const abort = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const wait = (): void => {
    clearTimeout(timer);
    timer = setTimeout(() => abort.abort(), patience * 1000);
  };
  wait();
  try {
    await receive(url, part, options, abort.signal, wait);
  } catch (error) {
    if (error instanceof FoveaError || error instanceof BrokenOff) throw error;
    if (abort.signal.aborted) throw new BrokenOff(`nothing came for ${patience} s`, { cause: error });
    const { message, cause } = error as Error;
    if ((error as NodeJS.ErrnoException).syscall !== undefined) throw new FoveaError(message, { cause: error });
    const why = cause instanceof Error ? ` (${cause.message || (cause as NodeJS.ErrnoException).code})` : "";
    throw new BrokenOff(message + why, { cause: error });
  } finally {
    clearTimeout(timer);
  }
}

async function receive(
  url: string,
  part: string,
  options: TransferOptions,
  signal: AbortSignal,
  wait: () => void,
): Promise<void> {
  const { maxBytes, onProgress } = options;
  const done = (await resumable(url, part, options)) ? await sizeOf(part) : 0;
  // Checksums are of the file as stored, so the server must not compress it on the way.
  const headers = new Headers({ "accept-encoding": "identity" });
  if (done > 0) {
    headers.set("range", `bytes=${done}-`);
    const version = (await partInfo(part))?.version ?? null;
    if (version !== null) headers.set("if-range", version);
  }
  const response = await fetch(url, { signal, headers });
  const range = /^bytes (?:(\d+)-\d+|\*)\/(\d+)$/.exec(response.headers.get("content-range") ?? "");
  if (done > 0 && (response.status === 416 || (response.status === 206 && Number(range?.[1]) !== done))) {
    await response.body?.cancel();
    if (response.status === 416 && Number(range?.[2]) === done) return; // it was all there
    await discard(part);
    return receive(url, part, options, signal, wait);
  }
  if (!response.ok) {
    throw new FoveaError(`the server answered ${response.status} ${response.statusText}`.trimEnd());
  }
  const start = response.status === 206 ? done : 0;
  const announced = response.headers.get("content-length");
  const total = announced === null ? undefined : start + Number(announced);
  if (total !== undefined && total > maxBytes) {
    throw new FoveaError(`it has ${total} bytes, more than the ${maxBytes} allowed`);
  }
  if (start === 0) await writeFile(`${part}.json`, JSON.stringify({ url, version: versionOf(response.headers) }));

  let received = start;
  const file = await open(part, start === 0 ? "w" : "a");
  try {
    for await (const chunk of response.body ?? []) {
      wait();
      received += chunk.length;
      if (received > maxBytes) throw new FoveaError(`it has more than the ${maxBytes} bytes allowed`);
      await file.writeFile(chunk);
      onProgress?.(received, total);
    }
    if (total !== undefined && received !== total) throw new BrokenOff(`only ${received} of ${total} bytes came`);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Whether going on gives the same file: its version is known, or its bytes will be checked. */
async function resumable(url: string, part: string, { checked }: TransferOptions): Promise<boolean> {
  const info = await partInfo(part);
  return checked || (info?.url === url && info.version !== null);
}

async function partInfo(part: string): Promise<Part | null> {
  try {
    const { url, version } = JSON.parse(await readFile(`${part}.json`, "utf8")) as Partial<Part>;
    return typeof url === "string" && (typeof version === "string" || version === null) ? { url, version } : null;
  } catch {
    return null;
  }
}

/** A strong validator: weak ETags promise nothing about bytes. */
function versionOf(headers: Headers): string | null {
  const etag = headers.get("etag");
  return etag !== null && !etag.startsWith("W/") ? etag : headers.get("last-modified");
}

async function sizeOf(path: string): Promise<number> {
  return (await stat(path).catch(() => undefined))?.size ?? 0;
}
