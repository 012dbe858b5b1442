import { copyFile, mkdir, readFile, symlink } from "node:fs/promises";
import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join, relative } from "node:path";
import { FoveaError, UsageError } from "../base/errors.ts";
import { fetchInto, type DownloadOptions } from "./download.ts";
import { writeFileAtomic } from "./files.ts";

// Node only: nothing that a browser loads imports this file.

/** A file of a repository on the Hugging Face hub. */
export interface HubFile {
  /** As "timm/resnet50.a1_in1k". */
  readonly repo: string;
  /** As "model.safetensors". */
  readonly file: string;
  /** Branch, tag or commit; default "main". */
  readonly revision?: string;
}

export type HubOptions = Pick<DownloadOptions, "offline" | "maxBytes" | "patience" | "onProgress" | "onWait">;

/** Where hub files are kept, as Python's huggingface_hub decides it: `HF_HUB_CACHE`, `HF_HOME`/hub, ~/.cache/huggingface/hub. */
export function hubCacheFolder(): string {
  const { HF_HUB_CACHE, HUGGINGFACE_HUB_CACHE, HF_HOME, XDG_CACHE_HOME } = process.env;
  const home = HF_HOME || join(XDG_CACHE_HOME || join(homedir(), ".cache"), "huggingface");
  return HF_HUB_CACHE || HUGGINGFACE_HUB_CACHE || join(home, "hub");
}

/**
 * The path of a hub file, fetched on first use into the hub's own cache, which Python programs share.
 *
 * A file that is in the cache is used without asking the hub. `HF_HUB_OFFLINE=1` forbids asking at all, `HF_ENDPOINT` is
 * the address of another hub. Large files are checked against the sha256 that the hub states.
 */
export async function hubDownload(
  { repo, file, revision = "main" }: HubFile,
  options: HubOptions = {},
): Promise<string> {
  const sound = /^[\w.-]+$/;
  const parts = [...repo.split("/"), ...file.split("/"), ...revision.split("/")];
  if (repo.split("/").length !== 2 || !parts.every((part) => sound.test(part) && part !== "." && part !== "..")) {
    throw new UsageError(`hubDownload: wanted a repository "owner/name" and a file, got ${repo}, ${file}, ${revision}`);
  }
  const folder = join(hubCacheFolder(), `models--${repo.replace("/", "--")}`);
  const known = await readFile(join(folder, "refs", revision), "utf8").catch(() => revision);
  for (const commit of [known.trim(), revision]) {
    const path = join(folder, "snapshots", commit, file);
    if (sound.test(commit.replaceAll("/", "")) && existsSync(path)) return path;
  }

  const endpoint = (process.env["HF_ENDPOINT"] || "https://huggingface.co").replace(/\/+$/, "");
  const url = `${endpoint}/${repo}/resolve/${revision}/${file}`;
  const byHand = `If this machine cannot reach it, download it by hand and put it at ${join(folder, "snapshots", revision, file)}`;
  if (options.offline ?? isOn(process.env["HF_HUB_OFFLINE"])) {
    throw new FoveaError(`${url} is not in ${folder}, and nothing is to be downloaded. ${byHand}`);
  }
  const { commit, etag } = await ask(url, options.patience ?? 60).catch((error: unknown) => {
    throw new FoveaError(`cannot download ${url}: ${(error as Error).message}. ${byHand}`, { cause: error });
  });
  const blob = join(folder, "blobs", etag);
  const sha256 = /^[0-9a-f]{64}$/.test(etag) ? etag : undefined; // of other files it is git's own hash
  await fetchInto(blob, url, url, { ...options, sha256 });
  const path = join(folder, "snapshots", commit, file);
  await place(blob, path);
  if (commit !== revision) {
    await mkdir(dirname(join(folder, "refs", revision)), { recursive: true });
    await writeFileAtomic(join(folder, "refs", revision), commit);
  }
  return path;
}

/** The commit that the address stands for, and the hash of the file there. */
async function ask(url: string, patience: number): Promise<{ commit: string; etag: string }> {
  let address = url;
  for (let hops = 0; hops < 5; hops++) {
    const signal = AbortSignal.timeout(patience * 1000);
    const response = await fetch(address, {
      method: "HEAD",
      redirect: "manual",
      signal,
      headers: { "accept-encoding": "identity" },
    });
    const { status, headers } = response;
    const etag = (headers.get("x-linked-etag") ?? headers.get("etag"))?.replace(/^W\//, "").replaceAll('"', "");
    const commit = headers.get("x-repo-commit");
    const location = headers.get("location");
    if (status >= 300 && status < 400 && location?.startsWith("/")) {
      address = new URL(location, address).href; // renamed; a redirect to another server is where the bytes are
      continue;
    }
    if (status >= 400) throw new FoveaError(`the server answered ${status} ${response.statusText}`.trimEnd());
    if (!etag || !commit || !/^[\w.-]+$/.test(etag) || !/^[\w.-]+$/.test(commit)) {
      throw new FoveaError("the server does not say which version it has; it is no Hugging Face hub");
    }
    return { commit, etag };
  }
  throw new FoveaError("the server redirects in circles");
}

/** A link from the snapshot to the blob; a copy where there are no links. */
async function place(blob: string, path: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  try {
    await symlink(relative(dirname(path), blob), path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EEXIST") return;
    if (code !== "EPERM" && code !== "ENOTSUP" && code !== "ENOSYS") throw error;
    await copyFile(blob, path);
  }
}

/** As huggingface_hub reads its switches. */
function isOn(value: string | undefined): boolean {
  return ["1", "ON", "YES", "TRUE"].includes((value ?? "").toUpperCase());
}
