import { createServer, type Server } from "node:http";
import { readFileSync, writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { build as esbuild } from "esbuild";
import { chromium as playwright, type Browser } from "playwright-core";
import { build as vite } from "vite";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { expectedHash, trainLenet, type Report } from "./train-lenet.ts";
import { chromium, repository, temporaryFolder } from "./workspace.ts";

// The same program in Node and in headless Chromium, built by two bundlers, with threads (the page is cross-origin
// isolated) and without. The wasm engine promises the same bits everywhere, which is stronger than the 1e-4 it must reach.
const folder = temporaryFolder();
const page = join(repository, "packages/fovea/test/train-lenet.ts");
const entry = `
  import { trainLenet } from ${JSON.stringify(page)};
  window.run = (threads, options) => trainLenet(threads, options);
`;
const files = new Map<string, { type: string; body: string | Uint8Array }>();
let server: Server;
let browser: Browser;
let inNode: Report;

const html = (script: string) =>
  `<!doctype html><meta charset="utf-8"><title>fovea</title><script type="module" src="${script}"></script>`;

describe.skipIf(chromium === null)("in headless Chromium (Debian's chromium package)", () => {
  beforeAll(async () => {
    inNode = await trainLenet(2);
    const source = join(folder.path, "entry.js");
    writeFileSync(source, entry);

    const bundled = await esbuild({
      entryPoints: [source],
      bundle: true,
      format: "esm",
      write: false,
      logLevel: "error",
    });
    files.set("/esbuild.js", { type: "text/javascript", body: bundled.outputFiles[0]!.text });

    const result = await vite({
      root: repository,
      logLevel: "error",
      configFile: false,
      build: { write: false, rollupOptions: { input: source } },
    });
    const chunks = (Array.isArray(result) ? result : [result]).flatMap((r) => ("output" in r ? r.output : []));
    for (const chunk of chunks) {
      const name = chunk.type === "chunk" && chunk.isEntry ? "vite.js" : chunk.fileName;
      files.set(`/${name}`, { type: "text/javascript", body: chunk.type === "chunk" ? chunk.code : chunk.source });
    }

    const dist = join(repository, "packages/fovea/dist");
    files.set("/fovea-threads.wasm", {
      type: "application/wasm",
      body: readFileSync(join(dist, "fovea-threads.wasm")),
    });
    files.set("/worker.js", { type: "text/javascript", body: readFileSync(join(dist, "backend/cpu/wasm-worker.js")) });
    for (const bundler of ["esbuild", "vite"])
      files.set(`/${bundler}.html`, { type: "text/html", body: html(`/${bundler}.js`) });

    server = createServer((request, response) => {
      const url = new URL(request.url!, "http://localhost");
      const file = files.get(url.pathname);
      const headers: Record<string, string> = { "content-type": file?.type ?? "text/plain" };
      if (url.pathname.endsWith(".wasm") || url.pathname.endsWith("worker.js") || url.searchParams.has("isolated")) {
        headers["cross-origin-opener-policy"] = "same-origin";
        headers["cross-origin-embedder-policy"] = "require-corp";
      }
      if (url.searchParams.has("strict"))
        headers["content-security-policy"] = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'";
      response.writeHead(file ? 200 : 404, headers).end(file?.body ?? "not found");
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    browser = await playwright.launch({
      executablePath: chromium!,
      args: [
        "--no-sandbox",
        "--disable-gpu",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
      ],
    });
  });

  afterAll(async () => {
    await browser?.close();
    server?.close();
    folder.remove();
  });

  async function inPage(path: string, threads: number, options: object = {}): Promise<Report & { isolated: boolean }> {
    const tab = await browser.newPage();
    try {
      const errors: string[] = [];
      tab.on("pageerror", (error) => errors.push(error.message));
      await tab.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`);
      await tab.waitForFunction("typeof window.run === 'function'", null, { timeout: 10_000 }).catch(() => {
        throw new Error(`the page did not start: ${errors.join("; ")}`);
      });
      const program = `window.run(${threads}, ${JSON.stringify(options)}).then((r) => ({ ...r, isolated: crossOriginIsolated }))`;
      return (await tab.evaluate(program)) as Report & { isolated: boolean };
    } finally {
      await tab.close();
    }
  }

  for (const bundler of ["esbuild", "vite"]) {
    it(`a build by ${bundler} trains with threads on an isolated page, to Node's bits`, async () => {
      const report = await inPage(`/${bundler}.html?isolated`, 2);
      expect(report).toMatchObject({ engine: "wasm", threads: 2, isolated: true, hash: inNode.hash });
      expect(report.losses).toEqual(inNode.losses);
    });

    it(`a build by ${bundler} trains without threads on an ordinary page, to Node's bits`, async () => {
      const report = await inPage(`/${bundler}.html`, 2);
      expect(report).toMatchObject({ engine: "wasm", threads: 1, isolated: false, hash: inNode.hash });
      expect(report.losses).toEqual(inNode.losses);
    });
  }

  it("a strict content policy is served by files: init({ wasm, worker })", async () => {
    const report = await inPage("/esbuild.html?isolated&strict", 2, {
      wasm: "/fovea-threads.wasm",
      worker: "/worker.js",
    });
    expect(report).toMatchObject({ engine: "wasm", threads: 2, hash: inNode.hash });
  });

  it("Node gives the pinned bits, and learns something in 50 steps", () => {
    expect(inNode.hash).toBe(expectedHash);
    expect(inNode.losses).toHaveLength(50);
    expect(inNode.losses.at(-1)!).toBeLessThan(inNode.losses[0]! * 0.7);
  });
});
