// src → dist/node: what Node runs, in a few dozen files instead of hundreds. All entries of the library are built in one go,
// so that what several of them use lies in shared chunks: one copy of all state. What runs in a process or a thread of its
// own is built apart, for every entry more cuts the chunks finer. Dynamic imports stay chunks that load when called.
import { readFileSync } from "node:fs";
import path from "node:path";
import { build } from "esbuild";
import { isMain, root, seconds, writeIfChanged } from "./files.mjs";

/**
 * Files that worker threads start with, by the name in `new Worker(new URL("./<name>.js", import.meta.url))`: all bundles
 * lie in one folder, so code finds the file beside itself.
 */
const workers = { loaderWorker: "src/data/loaderWorker.ts" };

/** The library's entry points, as package.json has them, by name of their bundle. */
function entryPoints() {
  const { exports } = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8"));
  const sources = Object.entries(exports).flatMap(([name, { "@fovea/source": source }]) => {
    if (source === undefined) return [];
    return [[name === "." ? "index" : name.slice(2), source.node ?? source]];
  });
  return Object.fromEntries(sources);
}

const options = {
  absWorkingDir: root,
  outdir: "dist/node",
  chunkNames: "chunk-[hash]",
  bundle: true,
  format: "esm",
  platform: "node",
  target: "node20",
  packages: "external",
  conditions: ["@fovea/source"],
  sourcemap: true,
  sourcesContent: false, // src is published
  write: false,
  logLevel: "warning",
};

/** Returns the files it wrote, and a line about them. */
export async function bundle() {
  const start = performance.now();
  const built = await Promise.all([
    build({ ...options, entryPoints: entryPoints(), splitting: true }),
    build({ ...options, entryPoints: { cli: "src/cli/main.ts" }, splitting: true }),
    build({ ...options, entryPoints: workers }),
  ]);
  const outputFiles = built.flatMap((result) => result.outputFiles);
  for (const { path: file, text } of outputFiles)
    writeIfChanged(file, file.endsWith(".js") ? withClassNames(text) : text);
  const files = outputFiles.map((file) => file.path);
  return { files, line: `bundle: ${files.filter((file) => file.endsWith(".js")).length} files (${seconds(start)})` };
}

/** esbuild calls a class that names itself `_Tensor` in its own body; people see that name. */
function withClassNames(text) {
  const names = [...text.matchAll(/^var (\w+) = class _\1\b/gm)].map(([, name]) => name);
  return names.reduce((code, name) => code.replaceAll(new RegExp(`\\b_${name}\\b`, "g"), name), text);
}

if (isMain(import.meta.url)) console.log((await bundle()).line);
