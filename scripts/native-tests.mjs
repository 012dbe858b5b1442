// The native tests on another addon than that of the build, for sanitize.mjs and halves.mjs.
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { generatedFolder, kernelHash } from "../packages/fovea/scripts/files.mjs";

const vitest = path.join(path.dirname(createRequire(import.meta.url).resolve("vitest/package.json")), "vitest.mjs");
const filters = process.argv.length > 2 ? process.argv.slice(2) : ["src/ops/", "src/backend/", "src/nn/", "src/graph/"];

/** Whether the TypeScript is that of these kernels. If it is not, it refuses the addon, and all tests are skipped. */
export const kernelsAreBuilt = (sources) =>
  readFileSync(path.join(generatedFolder, "kernels.generated.ts"), "utf8").includes(`${kernelHash(sources)}`);

/** Runs the tests of the files named on the command line; returns how vitest ended. */
export function testNative(isa, addon, env = process.env) {
  return spawnSync(process.execPath, [vitest, "run", "--project", "unit", "-t", "native", ...filters], {
    cwd: fileURLToPath(new URL("..", import.meta.url)),
    stdio: "inherit",
    env: { ...env, FOVEA_ISA: isa, FOVEA_ADDON: addon },
  });
}
