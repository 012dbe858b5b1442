import { createHash } from "node:crypto";
import { lstat, mkdir, mkdtemp, readFile, readdir, readlink, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { FoveaError, UsageError } from "../base/errors.ts";
import { hubCacheFolder, hubDownload } from "./hub.ts";

const weights = Buffer.from("weights ".repeat(9000));
const sha256 = createHash("sha256").update(weights).digest("hex");
const commit = "0123456789abcdef0123456789abcdef01234567";

/** As the hub answers: large files are elsewhere (here under /cdn), small ones are sent at once. */
let requests: string[] = [];
const server = createServer((request, response) => {
  requests.push(`${request.method} ${request.url}`);
  const { url = "" } = request;
  if (url.startsWith("/renamed/")) response.writeHead(307, { location: url.replace("/renamed/", "/timm/") }).end();
  else if (/^\/timm\/net\/resolve\/(main|[0-9a-f]{40})\/sub\/model\.safetensors$/.test(url)) {
    const location = `http://${request.headers.host}/cdn`;
    response.writeHead(302, { "x-repo-commit": commit, "x-linked-etag": `"${sha256}"`, location }).end();
  } else if (url === "/timm/net/resolve/main/config.json") {
    response.writeHead(200, { "x-repo-commit": commit, etag: 'W/"00ff"', "content-length": 2 }).end("{}");
  } else if (url === "/cdn") response.end(weights);
  else if (url === "/plain/server/resolve/main/a.bin") response.end("no hub");
  else response.writeHead(404).end();
});

let home = "";
beforeAll(() => new Promise<void>((done) => server.listen(0, "127.0.0.1", done)));
afterAll(() => void server.close());
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "fovea-hub-"));
  requests = [];
  for (const name of ["HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "XDG_CACHE_HOME", "HF_HUB_OFFLINE"])
    vi.stubEnv(name, "");
  vi.stubEnv("HF_HOME", home);
  vi.stubEnv("HF_ENDPOINT", `http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(home, { recursive: true });
});

const file = { repo: "timm/net", file: "sub/model.safetensors" };
const root = () => join(home, "hub/models--timm--net");

describe("hubDownload", () => {
  it("lays files out as Python's huggingface_hub does, and then asks no more", async () => {
    const path = await hubDownload(file);
    expect(path).toBe(join(root(), "snapshots", commit, "sub/model.safetensors"));
    expect((await lstat(path)).isSymbolicLink()).toBe(true);
    expect(await readlink(path)).toBe(`../../../blobs/${sha256}`);
    expect((await readFile(path)).equals(weights)).toBe(true);
    expect(await readFile(join(root(), "refs/main"), "utf8")).toBe(commit);
    expect(await readdir(join(root(), "blobs"))).toEqual([sha256]);
    expect(requests).toEqual([
      "HEAD /timm/net/resolve/main/sub/model.safetensors",
      "GET /timm/net/resolve/main/sub/model.safetensors",
      "GET /cdn",
    ]);
    expect(await hubDownload(file)).toBe(path);
    expect(requests).toHaveLength(3);
  });

  it("takes small files, commits as revisions, and repositories that were renamed", async () => {
    expect(await readFile(await hubDownload({ repo: "timm/net", file: "config.json" }), "utf8")).toBe("{}");
    const path = await hubDownload({ ...file, revision: commit });
    expect(path).toBe(join(root(), "snapshots", commit, "sub/model.safetensors"));
    const renamed = await hubDownload({ ...file, repo: "renamed/net" });
    expect((await readFile(renamed)).equals(weights)).toBe(true);
  });

  it("finds what a Python program has fetched, also offline", async () => {
    await mkdir(join(root(), "snapshots", commit, "sub"), { recursive: true });
    await mkdir(join(root(), "refs"));
    await writeFile(join(root(), "refs/main"), commit);
    await writeFile(join(root(), "snapshots", commit, "sub/model.safetensors"), weights);
    vi.stubEnv("HF_HUB_OFFLINE", "1");
    expect(await hubDownload(file)).toBe(join(root(), "snapshots", commit, "sub/model.safetensors"));
    expect(requests).toEqual([]);
  });

  it("HF_HUB_OFFLINE: says what to put where, and finds it there", async () => {
    vi.stubEnv("HF_HUB_OFFLINE", "yes");
    const place = join(root(), "snapshots/main/sub/model.safetensors");
    await expect(hubDownload(file)).rejects.toThrow(`download it by hand and put it at ${place}`);
    await mkdir(join(place, ".."), { recursive: true });
    await writeFile(place, weights);
    expect(await hubDownload(file)).toBe(place);
  });

  it("says what went wrong", async () => {
    const missing = hubDownload({ ...file, repo: "timm/none" });
    await expect(missing).rejects.toThrow(FoveaError);
    await expect(missing).rejects.toThrow(/timm\/none\/resolve\/main.*404 Not Found\. .*by hand and put it at/);
    await expect(hubDownload({ repo: "plain/server", file: "a.bin" })).rejects.toThrow("it is no Hugging Face hub");
    vi.stubEnv("HF_ENDPOINT", "http://127.0.0.1:9");
    await expect(hubDownload(file)).rejects.toThrow(/cannot download http:\/\/127\.0\.0\.1:9\/timm.*by hand/);
    await expect(hubDownload({ repo: "timm", file: "a" })).rejects.toThrow(UsageError);
    await expect(hubDownload({ repo: "timm/net", file: "../a" })).rejects.toThrow(UsageError);
    expect(requests.every((line) => line.startsWith("HEAD"))).toBe(true);
  });
});

it("hubCacheFolder goes by HF_HUB_CACHE, HF_HOME, XDG_CACHE_HOME, the home folder", () => {
  vi.stubEnv("HF_HUB_CACHE", "/a");
  expect(hubCacheFolder()).toBe("/a");
  vi.stubEnv("HF_HUB_CACHE", "");
  expect(hubCacheFolder()).toBe(join(home, "hub"));
  vi.stubEnv("HF_HOME", "");
  vi.stubEnv("XDG_CACHE_HOME", "/x");
  expect(hubCacheFolder()).toBe("/x/huggingface/hub");
  vi.stubEnv("XDG_CACHE_HOME", "");
  expect(hubCacheFolder()).toBe(join(homedir(), ".cache/huggingface/hub"));
});
