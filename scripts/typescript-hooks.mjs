// For tests: lets Node import .ts files, in worker threads too (vitest transforms only what it loads itself).
// node --import ./scripts/typescript-hooks.mjs --conditions=@fovea/source
import { register } from "node:module";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { transform } from "esbuild";

// This file is loaded twice: by --import, and by Node as the module with the hooks.
if (!import.meta.url.endsWith("?hooks")) register(`${import.meta.url}?hooks`);

export async function load(url, context, next) {
  if (!url.startsWith("file:") || !/\.ts(\?|$)/.test(url)) return next(url, context);
  const path = fileURLToPath(url);
  const { code } = await transform(await readFile(path, "utf8"), {
    loader: "ts",
    sourcefile: path,
    sourcemap: "inline",
  });
  return { format: "module", source: code, shortCircuit: true };
}
