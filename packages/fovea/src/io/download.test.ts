import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtemp, readFile, readdir, rm, utimes, writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { hostname, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { build } from "esbuild";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { FoveaError, UsageError } from "../base/errors.ts";
import { cacheFolder, download } from "./download.ts";
import { withLock, type LockOwner } from "./lock.ts";

const body = Buffer.from("some weights ".repeat(20_000));
const sha256 = createHash("sha256").update(body).digest("hex");
const md5 = createHash("md5").update(body).digest("hex");

let requests = 0;
/** What resumable.bin was asked for. */
let ranges: (string | undefined)[] = [];
/** Bytes after which the next answers of resumable.bin break off. */
let breaks: number[] = [];
let version = '"v1"';

/** As a server of static files: ranges, versions, and 416 for what is past the end. */
function serveRanges(request: IncomingMessage, response: ServerResponse): void {
  const { range, "if-range": wanted } = request.headers;
  ranges.push(range);
  response.setHeader("etag", version);
  const asked = wanted === undefined || wanted === version ? /^bytes=(\d+)-$/.exec(range ?? "") : null;
  const start = Number(asked?.[1] ?? 0);
  if (start >= body.length) {
    response.writeHead(416, { "content-range": `bytes */${body.length}` }).end();
    return;
  }
  const part = body.subarray(start);
  if (asked !== null) response.setHeader("content-range", `bytes ${start}-${body.length - 1}/${body.length}`);
  response.writeHead(asked === null ? 200 : 206, { "content-length": part.length });
  const end = breaks.shift();
  if (end === undefined) response.end(part);
  else response.write(part.subarray(0, end), () => setTimeout(() => response.destroy(), 20));
}

const server = createServer((request, response) => {
  requests++;
  if (request.url!.endsWith("/resumable.bin")) return serveRanges(request, response);
  if (request.url === "/file.bin") response.setHeader("content-length", body.length).end(body);
  else if (request.url === "/chunked.bin") response.write(body, () => response.end());
  else if (request.url === "/short.bin") {
    response.setHeader("content-length", body.length).write(body.subarray(0, 1000), () => response.destroy());
  } else if (request.url === "/silent.bin") response.setHeader("content-length", 10).flushHeaders();
  else response.writeHead(404).end("no");
});

let url = "";
let cacheDir = "";
beforeAll(async () => {
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});
beforeEach(async () => {
  cacheDir = await mkdtemp(join(tmpdir(), "fovea-download-"));
  requests = 0;
  ranges = [];
  breaks = [];
  version = '"v1"';
  return () => rm(cacheDir, { recursive: true });
});

describe("download", () => {
  it("fetches once, checks both sums, reports progress, and then serves from the cache", async () => {
    const seen: number[] = [];
    const options = { cacheDir, sha256, md5: md5.toUpperCase(), onProgress: (received: number) => seen.push(received) };
    const path = await download(`${url}/file.bin`, options);
    expect(path).toBe(join(cacheDir, "file.bin"));
    expect((await readFile(path)).equals(body)).toBe(true);
    expect(seen.at(-1)).toBe(body.length);
    await download(`${url}/file.bin`, options);
    expect(requests).toBe(1);
    expect(await readdir(cacheDir)).toEqual(["file.bin"]);
  });

  it("takes an answer without a length", async () => {
    const path = await download(`${url}/chunked.bin`, { cacheDir, sha256, fileName: "other.bin" });
    expect(path).toBe(join(cacheDir, "other.bin"));
  });

  it("fetches a damaged cached file anew", async () => {
    await writeFile(join(cacheDir, "file.bin"), "rubbish");
    await download(`${url}/file.bin`, { cacheDir, sha256 });
    expect((await readFile(join(cacheDir, "file.bin"))).equals(body)).toBe(true);
  });

  it("keeps its cache where FOVEA_CACHE says", () => {
    const before = process.env["FOVEA_CACHE"];
    process.env["FOVEA_CACHE"] = "/somewhere";
    expect(cacheFolder()).toBe("/somewhere");
    delete process.env["FOVEA_CACHE"];
    expect(cacheFolder()).toMatch(/[/\\]\.cache[/\\]fovea$/);
    if (before !== undefined) process.env["FOVEA_CACHE"] = before;
  });
});

describe("a download that broke off", () => {
  const path = () => join(cacheDir, "resumable.bin");
  const sound = async () => expect((await readFile(path())).equals(body)).toBe(true);

  it("goes on by itself while new bytes come", async () => {
    breaks = [1000, 5000];
    await download(`${url}/resumable.bin`, { cacheDir, sha256: sha256.slice(0, 8) });
    expect(ranges).toEqual([undefined, "bytes=1000-", "bytes=6000-"]);
    await sound();
    expect(await readdir(cacheDir)).toEqual(["resumable.bin"]);
  });

  it("goes on at the next call, and tells how much it has", async () => {
    breaks = [1000, 0];
    const seen: number[] = [];
    await expect(download(`${url}/resumable.bin`, { cacheDir })).rejects.toThrow(
      /the 1000 bytes that came are kept, the next try goes on from there/,
    );
    expect((await readdir(cacheDir)).toSorted()).toEqual(["resumable.bin.part", "resumable.bin.part.json"]);
    await download(`${url}/resumable.bin`, { cacheDir, onProgress: (received) => seen.push(received) });
    expect(ranges.at(-1)).toBe("bytes=1000-");
    expect(seen[0]).toBeGreaterThan(1000);
    expect(seen.at(-1)).toBe(body.length);
    await sound();
    expect(await readdir(cacheDir)).toEqual(["resumable.bin"]);
  });

  it("starts again when the file has changed meanwhile", async () => {
    breaks = [1000, 0];
    await expect(download(`${url}/resumable.bin`, { cacheDir })).rejects.toThrow("are kept");
    await writeFile(`${path()}.part`, "x".repeat(1000));
    version = '"v2"';
    await download(`${url}/resumable.bin`, { cacheDir });
    await sound();
  });

  it("starts again when the part turns out to be wrong", async () => {
    await writeFile(`${path()}.part`, "x".repeat(1000));
    await download(`${url}/resumable.bin`, { cacheDir, sha256 });
    expect(ranges).toEqual(["bytes=1000-", undefined]);
    await sound();
  });

  it.each<[string, number]>([
    ["complete", 0],
    ["longer than the file", 10],
  ])("takes 416 for a part that is %s", async (_, more) => {
    await writeFile(`${path()}.part`, Buffer.concat([body, Buffer.alloc(more)]));
    await download(`${url}/resumable.bin`, { cacheDir, sha256 });
    expect(ranges).toEqual([`bytes=${body.length + more}-`, ...(more === 0 ? [] : [undefined])]);
    await sound();
  });
});

describe("mirror and offline", () => {
  it("takes the file from the mirror, under the name of its host", async () => {
    const path = await download("https://download.example.org/models/resumable.bin", {
      cacheDir,
      mirror: `${url}/m/`,
      sha256,
    });
    expect((await readFile(path)).equals(body)).toBe(true);
    await expect(download("https://a.org/missing", { cacheDir, mirror: `${url}/m` })).rejects.toThrow(
      `cannot download ${url}/m/a.org/missing: the server answered 404 Not Found. ` +
        `If this machine cannot reach it, download https://a.org/missing by hand and put it at ${join(cacheDir, "missing")}`,
    );
    await expect(download("https://a.org/b", { cacheDir, mirror: "nowhere" })).rejects.toThrow(UsageError);
  });

  it("fetches nothing offline", async () => {
    await expect(download(`${url}/file.bin`, { cacheDir, offline: true })).rejects.toThrow(
      `${join(cacheDir, "file.bin")} is not there, and nothing is to be downloaded`,
    );
    await writeFile(join(cacheDir, "file.bin"), body);
    expect(await download(`${url}/file.bin`, { cacheDir, sha256, offline: true })).toBe(join(cacheDir, "file.bin"));
    expect(requests).toBe(0);
  });
});

describe("several at once", () => {
  it("in one process fetch a file once", async () => {
    const owners: LockOwner[] = [];
    const options = { cacheDir, sha256, onWait: (owner: LockOwner) => owners.push(owner) };
    await Promise.all([1, 2, 3].map(() => download(`${url}/resumable.bin`, options)));
    expect(requests).toBe(1);
    expect(owners[0]?.pid).toBe(process.pid);
    expect(await readdir(cacheDir)).toEqual(["resumable.bin"]);
  });

  it("in two processes too", async () => {
    const contents = `import { download } from "./download.ts";
      await download(process.argv[2], { cacheDir: process.argv[3], sha256: process.argv[4] });`;
    const script = join(await mkdtemp(join(tmpdir(), "fovea-process-")), "one.mjs");
    await build({
      stdin: { contents, resolveDir: import.meta.dirname, loader: "ts" },
      outfile: script,
      bundle: true,
      platform: "node",
      format: "esm",
    });
    const one = () =>
      new Promise<number | null>((done) => {
        const args = [script, `${url}/resumable.bin`, cacheDir, sha256];
        spawn(process.execPath, args, { stdio: "inherit" }).on("close", done);
      });
    expect(await Promise.all([one(), one()])).toEqual([0, 0]);
    expect(requests).toBe(1);
    expect((await readFile(join(cacheDir, "resumable.bin"))).equals(body)).toBe(true);
    await rm(dirname(script), { recursive: true });
  });
});

describe("withLock", () => {
  const lock = () => join(cacheDir, "a.lock");
  const owner = (more: Partial<LockOwner>) =>
    JSON.stringify({ pid: process.pid, host: hostname(), since: "2026-01-01T00:00:00.000Z", token: "t", ...more });

  it("names its owner, and is gone afterwards, also after an error", async () => {
    const tried = withLock(lock(), async () => {
      const { pid, host, since } = JSON.parse(await readFile(lock(), "utf8")) as LockOwner;
      expect([pid, host]).toEqual([process.pid, hostname()]);
      expect(Date.now() - Date.parse(since)).toBeLessThan(60_000);
      throw new Error("mine");
    });
    await expect(tried).rejects.toThrow("mine");
    expect(await readdir(cacheDir)).toEqual([]);
  });

  it.each<[string, () => Promise<void>]>([
    ["whose process is gone", () => writeFile(lock(), owner({ pid: 2 ** 22 + 1 }))],
    ["that nobody touches any more", () => writeFile(lock(), owner({ host: "elsewhere" })).then(age)],
    ["that says nothing", () => writeFile(lock(), "").then(age)],
  ])("takes a lock over %s", async (_, make) => {
    await make();
    expect(await withLock(lock(), async () => 7)).toBe(7);
    expect(await readdir(cacheDir)).toEqual([]);
  });

  it("waits for a living one, and says for whom", async () => {
    await writeFile(lock(), owner({ host: "elsewhere", pid: 7 }));
    const seen: LockOwner[] = [];
    setTimeout(() => void rm(lock()), 300);
    await withLock(lock(), async () => {}, { onWait: (other) => seen.push(other) });
    expect(seen.map(({ pid, host }) => [pid, host])).toEqual([[7, "elsewhere"]]);
  });

  const age = () => utimes(lock(), new Date(0), new Date(0));
});

describe("a download that fails leaves nothing behind and says", () => {
  it.each<[string, string, object, string | RegExp]>([
    [
      "what the server answered, and what to do by hand",
      "/missing.bin",
      {},
      /answered 404 Not Found\. .*put it at .*missing\.bin/,
    ],
    [
      "both checksums when they differ",
      "/file.bin",
      { sha256: "00ff" },
      `the sha256 of what came is ${sha256}, not 00ff`,
    ],
    ["that it was cut short", "/short.bin", {}, "cannot download"],
    ["that the announced length is too much", "/file.bin", { maxBytes: 100 }, "more than the 100 allowed"],
    [
      "that the length is too much when not announced",
      "/chunked.bin",
      { maxBytes: 100 },
      "more than the 100 bytes allowed",
    ],
    ["that the server fell silent", "/silent.bin", { patience: 0.2 }, "nothing came for 0.2 s"],
  ])("%s", async (_, path, options, message) => {
    const tried = download(url + path, { cacheDir, ...options });
    await expect(tried).rejects.toThrow(FoveaError);
    await expect(tried).rejects.toThrow(message);
    expect(await readdir(cacheDir)).toEqual([]);
  });

  it("that there is no connection", async () => {
    const closed = createServer();
    await new Promise<void>((done) => closed.listen(0, "127.0.0.1", done));
    const { port } = closed.address() as AddressInfo;
    await new Promise((done) => closed.close(done));
    await expect(download(`http://127.0.0.1:${port}/a.bin`, { cacheDir })).rejects.toThrow(/ECONNREFUSED.*by hand/);
  });

  it("that an address is none, or names no file", async () => {
    await expect(download("ftp://host/file", { cacheDir })).rejects.toThrow(UsageError);
    await expect(download("nonsense", { cacheDir })).rejects.toThrow(UsageError);
    await expect(download(`${url}/`, { cacheDir })).rejects.toThrow("give fileName");
    await expect(download(`${url}/a%2f..%2fb`, { cacheDir })).rejects.toThrow(UsageError);
  });
});
