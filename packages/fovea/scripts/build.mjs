// The build: kernel list → wasm and native kernels → tsc → bundle. `npm ci` runs it; unchanged kernels are not compiled again.
import { spawn } from "node:child_process";
import fs from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { buildKernelList } from "./build-kernel-list.mjs";
import { buildNative } from "./build-native.mjs";
import { buildWasm } from "./build-wasm.mjs";
import { bundle } from "./bundle.mjs";
import { kernelSources, lock, root, seconds } from "./files.mjs";

const start = performance.now();
process.on("exit", await lock());
const sources = kernelSources();
// The addon is compiled by other processes while clang works in this one.
const native = buildNative(sources);
try {
  console.log(await buildWasm(sources));
  buildKernelList(sources); // last, so that a build that fails leaves list and binaries that belong together
} catch (error) {
  console.error(`wasm: ${error.message}`);
  process.exitCode = 1;
}
console.log(await native);
if (process.exitCode === undefined) process.exitCode = await compileTypeScript();
console.log(process.exitCode === 0 ? `built in ${seconds(start)}` : "the build failed");

async function compileTypeScript() {
  const begin = performance.now();
  const manifest = createRequire(import.meta.url).resolve("typescript/package.json");
  const tsc = path.join(path.dirname(manifest), "bin/tsc");
  const child = spawn(process.execPath, [tsc, "-p", root, "--listEmittedFiles"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let output = "";
  child.stdout.on("data", (chunk) => (output += chunk));
  const code = await new Promise((resolve) => child.on("close", resolve));
  const lines = output.split("\n");
  const emitted = new Set(lines.filter((l) => l.startsWith("TSFILE: ")).map((l) => path.resolve(l.slice(8).trim())));
  const messages = lines.filter((l) => !l.startsWith("TSFILE: ")).join("\n");
  if (messages.trim() !== "") process.stdout.write(messages);
  if (code !== 0) return code ?? 1;
  console.log(`tsc: ${emitted.size} files (${seconds(begin)})`);
  const bundled = await bundle();
  console.log(bundled.line);
  for (const file of bundled.files) emitted.add(file);
  removeStale(path.join(root, "dist"), emitted);
  return 0;
}

/** Deletes what an earlier build emitted from sources that are gone. */
function removeStale(folder, emitted) {
  if (emitted.size === 0) return;
  for (const name of fs.readdirSync(folder, { recursive: true })) {
    const file = path.resolve(folder, name);
    if (/\.(js|d\.ts|js\.map)$/.test(name) && !emitted.has(file)) fs.rmSync(file);
  }
}
