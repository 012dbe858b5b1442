import { createHash } from "node:crypto";
import { mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { FoveaError, UsageError } from "../base/errors.ts";
import { cacheFolder, download } from "./download.ts";

const body = Buffer.from("some weights ".repeat(20_000));
const sha256 = createHash("sha256").update(body).digest("hex");
const md5 = createHash("md5").update(body).digest("hex");

let requests = 0;
const server = createServer((request, response) => {
  requests++;
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
