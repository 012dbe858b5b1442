// npm run test:avx512 [-- filter ...]: the native tests on AVX-512's kernels (16 lanes, tiles of 14×2) for processors without it:
// every vector is two of AVX2's. Only what AVX-512 has instructions of its own for (vec.h, vmath.h, walk.h, philox.h) is
// not seen. Packing, tails and choices by lanes are; a test that counts on 8 lanes fails here and not on its author's machine.
import { existsSync, readFileSync } from "node:fs";
import { buildElsewhere } from "../packages/fovea/scripts/build-native.mjs";
import { kernelSources } from "../packages/fovea/scripts/files.mjs";
import { kernelsAreBuilt, testNative } from "./native-tests.mjs";

const cpu = existsSync("/proc/cpuinfo") ? readFileSync("/proc/cpuinfo", "utf8") : "";
if (process.arch !== "x64" || !/\bavx2\b/.test(cpu)) skip("it needs Linux on a processor with AVX2");
const sources = kernelSources();
if (!kernelsAreBuilt(sources)) {
  console.error("avx512: the kernels have changed since the last build, run npm run build first");
  process.exit(1);
}
const built = await buildElsewhere("avx512", process.env.CC || "cc", sources);
if ("reason" in built) skip(built.reason);
process.exit(testNative("avx512", built.addon).status ?? 1);

function skip(why) {
  console.log(`avx512: skipped: ${why}`);
  process.exit(0);
}
