import { createHash } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, beforeEach, expect, it, vi } from "vitest";
import { fetchTensors } from "./fetchTensors.browser.ts";
import { encodeSafetensors } from "./safetensors.ts";

const body = encodeSafetensors(new Map([["a", { dtype: "F32", shape: [2], data: Float32Array.of(1, 2) }]]));
const sha256 = createHash("sha256").update(body).digest("hex").slice(0, 8);

let requests: string[] = [];
const server = createServer((request, response) => {
  requests.push(request.url!);
  if (request.url === "/a.org/a.safetensors") response.end(body);
  else response.writeHead(404).end();
});
let mirror = "";
beforeAll(async () => {
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  mirror = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
});
afterAll(() => void server.close());

/** As much of a browser's cache storage as is used. */
const kept = new Map<string, Response>();
beforeEach(() => {
  requests = [];
  kept.clear();
  const store = {
    match: async (url: string) => kept.get(url)?.clone(),
    put: async (url: string, response: Response) => void kept.set(url, response),
  };
  vi.stubGlobal("caches", { open: async () => store });
  return () => vi.unstubAllGlobals();
});

const source = { url: "https://a.org/a.safetensors", sha256 };

it("fetches once, and then takes it from the cache storage", async () => {
  for (let i = 0; i < 2; i++) {
    const { tensors, file } = await fetchTensors(source, { mirror });
    expect(file).toBe(`${mirror}a.org/a.safetensors`);
    expect([...tensors.get("a")!.data]).toEqual([1, 2]);
  }
  expect(requests).toEqual(["/a.org/a.safetensors"]);
});

it("keeps nothing that is wrong, and says what is", async () => {
  await expect(fetchTensors({ ...source, sha256: "00112233" }, { mirror })).rejects.toThrow(/not 00112233/);
  expect(kept.size).toBe(0);
  await expect(fetchTensors({ repo: "a/b", file: "c" }, { mirror })).rejects.toThrow("the server answered 404");
  await expect(fetchTensors(source, { mirror, offline: true })).rejects.toThrow("not in the cache of this page");
  await expect(fetchTensors(source, { mirror: "http://127.0.0.1:9" })).rejects.toThrow("CORS");
});
