import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { rename, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { cacheFolder } from "#platform";
import { FoveaError, UsageError } from "../base/errors.ts";
import { makeFolder, syncFolder } from "./files.ts";
import { withLock, type LockOptions } from "./lock.ts";
import { discard, transfer } from "./transfer.ts";

// Node only: nothing that a browser loads imports this file.

/** What a file must hash to, in hexadecimal; the first eight or more digits of a sum will do. */
export interface Checksums {
  readonly sha256?: string | undefined;
  readonly md5?: string | undefined;
}

export interface DownloadOptions extends Checksums, Pick<LockOptions, "onWait"> {
  /** Folder for the file; default `cacheFolder()`. */
  readonly cacheDir?: string | undefined;
  /** Name of the file there; default the last part of the address. */
  readonly fileName?: string | undefined;
  /**
   * Address of a server that has copies: `https://a.org/b/c.bin` is then taken from `<mirror>/a.org/b/c.bin`, with the
   * same checksums. Default `FOVEA_MIRROR`, or none.
   */
  readonly mirror?: string | undefined;
  /** With true nothing is fetched: the file is in the cache or it is an error. Default `FOVEA_OFFLINE=1`. */
  readonly offline?: boolean | undefined;
  /** A longer answer is refused; default 4 GiB. */
  readonly maxBytes?: number | undefined;
  /** Seconds without a byte after which it gives up; default 60. */
  readonly patience?: number | undefined;
  /** Called as bytes arrive; `total` is undefined when the server does not say. */
  readonly onProgress?: ((received: number, total: number | undefined) => void) | undefined;
}

export { cacheFolder };

/**
 * Fetches a file once; later calls find it in the cache. Returns its path. Give a checksum: a download without one is
 * only as good as its server.
 *
 * The file appears under its name only when it is complete and its checksum is right. A cached file is checked too,
 * and fetched anew when it is damaged. A download that broke off goes on where it stopped. Where several processes want
 * the same file, one fetches it and the others wait; `onWait` is told who.
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
  if (options.offline ?? process.env["FOVEA_OFFLINE"] === "1") {
    throw new FoveaError(`${path} is not there, and nothing is to be downloaded. ${byHand(url, path)}`);
  }
  return fetchInto(path, mirrored(address, options.mirror ?? (process.env["FOVEA_MIRROR"] || undefined)), url, options);
}

/** Fetches `url` to `path` unless another process does so first. `shown` is the address that messages name. */
export async function fetchInto(path: string, url: string, shown: string, options: DownloadOptions): Promise<string> {
  await makeFolder(dirname(path));
  const part = `${path}.part`;
  const { maxBytes = 2 ** 32, patience = 60, onProgress, onWait } = options;
  const checked = options.sha256 !== undefined || options.md5 !== undefined;
  const fetchAll = async (): Promise<string> => {
    if (await isSound(path, options)) return path; // another process has fetched it meanwhile
    const continued = (await stat(part).catch(() => undefined)) !== undefined;
    try {
      await transfer(url, part, { maxBytes, patience, checked, onProgress });
    } catch (error) {
      const { message } = error as Error;
      throw new FoveaError(`cannot download ${url}: ${message}. ${byHand(shown, path)}`, { cause: error });
    }
    const wrong = await wrongSum(part, options);
    if (wrong !== null) {
      await discard(part);
      if (continued) return fetchAll(); // the old part may have been of another version
      throw new FoveaError(
        `${url}: ${wrong}; the file has changed or was damaged on its way, and was not kept. ${byHand(shown, path)}`,
      );
    }
    await rename(part, path);
    await syncFolder(dirname(path));
    return path;
  };
  return withLock(`${path}.lock`, fetchAll, { onWait });
}

function byHand(url: string, path: string): string {
  return `If this machine cannot reach it, download ${url} by hand and put it at ${path}`;
}

function mirrored({ protocol, host, pathname, search, href }: URL, mirror: string | undefined): string {
  if (mirror === undefined) return href;
  if (!URL.canParse(mirror) || !/^https?:/.test(mirror) || !/^https?:/.test(protocol)) {
    throw new UsageError(`download: the mirror must be an http or https address, got ${JSON.stringify(mirror)}`);
  }
  return `${mirror.replace(/\/+$/, "")}/${host}${pathname}${search}`;
}

/** True for a file that is there and has the right sums. */
export async function isSound(path: string, sums: Checksums): Promise<boolean> {
  return ((await stat(path).catch(() => undefined))?.isFile() ?? false) && (await wrongSum(path, sums)) === null;
}

/** What is wrong with a file's sums; null when they are right. */
async function wrongSum(path: string, { sha256, md5 }: Checksums): Promise<string | null> {
  for (const [algorithm, wanted] of Object.entries({ sha256, md5 })) {
    if (wanted === undefined) continue;
    const hash = createHash(algorithm);
    for await (const chunk of createReadStream(path, { highWaterMark: 2 ** 20 })) hash.update(chunk as Buffer);
    const got = hash.digest("hex");
    if (!got.startsWith(wanted.toLowerCase())) return `the ${algorithm} of what came is ${got}, not ${wanted}`;
  }
  return null;
}
