#!/usr/bin/env node
import { existsSync } from "node:fs";
import module from "node:module";

const main = new URL("../dist/node/cli.js", import.meta.url);
if (existsSync(main)) {
  module.enableCompileCache?.(); // Node 22: machine code of the last time, in the system's folder for temporary files
  await import(main.href);
} else {
  console.error("fovea is not built yet: run npm run build");
  process.exitCode = 1;
}
