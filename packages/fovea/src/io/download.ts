import { createHash, randomBytes } from "node:crypto";
import type { Hash } from "node:crypto";
import { createReadStream } from "node:fs";
import { open, rename, rm, stat } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { FoveaError, UsageError } from "../base/errors.ts";
import { makeFolder, syncFolder } from "./files.ts";

// Node only: nothing that a browser loads imports this file.

export interface DownloadOptions {
  /** What the file must hash to, in hexadecimal. Give one: a download without checksum is only as good as its server. */
  readonly sha256?: string;
  readonly md5?: string;
  /** Folder for the file; default `cacheFolder()`. */
  readonly cacheDir?: string;
  /** Name of the file there; default the last part of the address. */
  readonly fileName?: string;
  /** A longer answer is refused; default 4 GiB. */
  readonly maxBytes?: number;
  /** Seconds without a byte after which it gives up; default 60. */
  readonly patience?: number;
  /** Called as bytes arrive; `total` is undefined when the server does not say. */
  readonly onProgress?: (received: number, total: number | undefined) => void;
}

/** Where downloads are kept: `FOVEA_CACHE`, or `~/.cache/fovea`. */
export function cacheFolder(): string {
  return process.env["FOVEA_CACHE"] || join(homedir(), ".cache", "fovea");
}

/**
 * Fetches a file once; later calls find it in the cache. Returns its path.
 *
 * The file appears under its name only when it is complete and its checksum is right. A cached file is checked too,
 * and fetched anew when it is damaged.
 */
export async function download(url: string, options: DownloadOptions = {}): Promise<string> {
  const address = URL.canParse(url) ? new URL(url) : undefined;
  if (address?.protocol !== "http:" && address?.protocol !== "https:") {
    throw new UsageError(`download: wanted an http or https address, got ${JSON.stringify(url)}`);
  }
  const fileName = options.fileName ?? decodeURIComponent(address.pathname.split("/").at(-1)!);
  if (fileName === "" || fileName === "." || fileName === ".." || /[/\\\0]/.test(fileName)) {
    throw new UsageError(`download: ${url} names no file; give fileName`);
  }
  const path = join(options.cacheDir ?? cacheFolder(), fileName);
  if (await isSound(path, options)) return path;

  await makeFolder(dirname(path));
  const temporary = `${path}.${randomBytes(4).toString("hex")}.part`;
  try {
    const sums = await receive(url, temporary, path, options);
    for (const sum of wantedSums(options)) {
      const got = sums.get(sum.algorithm)!;
      if (got !== sum.value) {
        throw new FoveaError(
          `${url}: the ${sum.algorithm} of what came is ${got}, not ${sum.value}; ` +
            `the file has changed or was damaged on its way, and was not kept`,
        );
      }
    }
    await rename(temporary, path);
    await syncFolder(dirname(path));
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  return path;
}

interface Checksum {
  readonly algorithm: "sha256" | "md5";
  readonly value: string;
}

function wantedSums({ sha256, md5 }: DownloadOptions): Checksum[] {
  const sums: Checksum[] = [];
  if (sha256 !== undefined) sums.push({ algorithm: "sha256", value: sha256.toLowerCase() });
  if (md5 !== undefined) sums.push({ algorithm: "md5", value: md5.toLowerCase() });
  return sums;
}

async function isSound(path: string, options: DownloadOptions): Promise<boolean> {
  if (!(await stat(path).catch(() => undefined))?.isFile()) return false;
  for (const { algorithm, value } of wantedSums(options)) {
    const hash = createHash(algorithm);
    for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
    if (hash.digest("hex") !== value) return false;
  }
  return true;
}

/** Streams the answer to a file; returns its checksums. */
async function receive(
  url: string,
  temporary: string,
  path: string,
  options: DownloadOptions,
): Promise<Map<string, string>> {
  const { maxBytes = 2 ** 32, patience = 60, onProgress } = options;
  const fail = (why: string, cause?: unknown): never => {
    const byHand = `If this machine cannot reach it, download it by hand and put it at ${path}`;
    throw new FoveaError(`cannot download ${url}: ${why}. ${byHand}`, { cause });
  };

  const abort = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const wait = (): void => {
    clearTimeout(timer);
    timer = setTimeout(() => abort.abort(), patience * 1000);
  };
  const hashes = new Map<string, Hash>(wantedSums(options).map((sum) => [sum.algorithm, createHash(sum.algorithm)]));
  let received = 0;
  wait();
  try {
    // Checksums are of the file as stored, so the server must not compress it on the way.
    const response = await fetch(url, { signal: abort.signal, headers: { "accept-encoding": "identity" } });
    if (!response.ok) fail(`the server answered ${response.status} ${response.statusText}`.trimEnd());
    const announced = response.headers.get("content-length");
    const total = announced === null ? undefined : Number(announced);
    if (total !== undefined && total > maxBytes) fail(`it has ${total} bytes, more than the ${maxBytes} allowed`);

    const file = await open(temporary, "wx");
    try {
      for await (const chunk of response.body ?? []) {
        wait();
        received += chunk.length;
        if (received > maxBytes) fail(`it has more than the ${maxBytes} bytes allowed`);
        for (const hash of hashes.values()) hash.update(chunk);
        await file.writeFile(chunk);
        onProgress?.(received, total);
      }
      if (total !== undefined && received !== total) fail(`only ${received} of ${total} bytes came`);
      await file.sync();
    } finally {
      await file.close();
    }
  } catch (error) {
    if (error instanceof FoveaError) throw error;
    if (abort.signal.aborted) fail(`nothing came for ${patience} s`, error);
    const { message, cause } = error as Error;
    fail(
      cause instanceof Error ? `${message} (${cause.message || (cause as NodeJS.ErrnoException).code})` : message,
      error,
    );
  } finally {
    clearTimeout(timer);
  }
  return new Map([...hashes].map(([algorithm, hash]) => [algorithm, hash.digest("hex")]));
}
