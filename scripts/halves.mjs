// npm run test:avx512 [-- filter ...]: the native tests on AVX-512's kernels (16 lanes, tiles of 14×2) for processors without it:
// every vector is two of AVX2's. Only what AVX-512 has instructions of its own for (vec.h, vmath.h, walk.h, philox.h) is
// not seen. Packing, tails and choices by lanes are; a test that counts on 8 lanes fails here and not on its author's machine.
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { buildElsewhere } from "../packages/fovea/scripts/build-native.mjs";

const cpu = existsSync("/proc/cpuinfo") ? readFileSync("/proc/cpuinfo", "utf8") : "";
if (process.arch !== "x64" || !/\bavx2\b/.test(cpu)) skip("it needs Linux on a processor with AVX2");
const built = await buildElsewhere("avx512", process.env.CC || "cc");
if ("reason" in built) skip(built.reason);
const vitest = path.join(path.dirname(createRequire(import.meta.url).resolve("vitest/package.json")), "vitest.mjs");
const filters = process.argv.length > 2 ? process.argv.slice(2) : ["src/ops/", "src/backend/", "src/nn/", "src/graph/"];
const { status } = spawnSync(process.execPath, [vitest, "run", "--project", "unit", "-t", "native", ...filters], {
  cwd: fileURLToPath(new URL("..", import.meta.url)),
  stdio: "inherit",
  env: { ...process.env, FOVEA_ISA: "avx512", FOVEA_ADDON: built.addon },
});
process.exit(status ?? 1);

function skip(why) {
  console.log(`avx512: skipped: ${why}`);
  process.exit(0);
}
