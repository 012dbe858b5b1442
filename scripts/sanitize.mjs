// npm run test:sanitize [-- filter]: the op suite on kernels built with the address and undefined-behaviour sanitizers, on
// every ISA of this machine. Each buffer's exact end is guarded (napi.c, FV_SANITIZE), so that an overrun of one byte
// ends the run with its kernel and line. Compiled programs share one arena; their kernels are those that run eagerly.
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { buildSanitized } from "../packages/fovea/scripts/build-native.mjs";
import { generatedFolder, kernelSources } from "../packages/fovea/scripts/files.mjs";
import { kernelsAreBuilt, testNative } from "./native-tests.mjs";

const sources = kernelSources();
if (!kernelsAreBuilt(sources)) {
  console.error("sanitizers: the kernels have changed since the last build, run npm run build first");
  process.exit(1);
}
const built = await buildSanitized(sources);
if ("reason" in built) {
  console.log(`sanitizers: skipped: ${built.reason}`);
  process.exit(0);
}
const cpu = existsSync("/proc/cpuinfo") ? readFileSync("/proc/cpuinfo", "utf8") : "";
const has = (feature) => new RegExp(`^flags\\s*:.*\\b${feature}\\b`, "m").test(cpu);
checkGuard();
for (const isa of built.isas) {
  if (isa.startsWith("avx") && !has(isa === "avx512" ? "avx512vl" : isa)) {
    console.log(`sanitizers: ${isa} skipped: this processor does not have it`);
    continue;
  }
  console.log(`sanitizers: ${isa}`);
  const { status, signal } = testNative(isa, built.addon, environment());
  if (status !== 0) {
    console.error(`sanitizers: ${isa} failed (${signal ?? status})`);
    process.exit(1);
  }
}
console.log("sanitizers: no findings");

function environment() {
  // Node itself leaks at exit; V8 handles faults of wasm memory itself
  const options = {
    ASAN_OPTIONS: "detect_leaks=0:handle_segv=0:abort_on_error=1",
    UBSAN_OPTIONS: "print_stacktrace=1",
  };
  return { ...process.env, ...options, LD_PRELOAD: built.library };
}

/** A kernel told to read one number more than its buffer has must be caught: else a clean run would mean nothing. */
function checkGuard() {
  const list = readFileSync(path.join(generatedFolder, "kernels.generated.ts"), "utf8");
  const id = [...list.matchAll(/^  "(\w+)",$/gm)].findIndex(([, name]) => name === "neg_f32");
  const code = (n) => `
    const engine = require(${JSON.stringify(built.addon)}).open();
    engine.selectIsa("sse2") || engine.selectIsa("neon");
    const [base] = engine.reserve(2 ** 26);
    engine.openMemory(base, 256);
    engine.openMemory(base + 1024, 256);
    const halves = (a) => [a % 2 ** 32 | 0, Math.floor(a / 2 ** 32)];
    engine.run(Int32Array.of(${id}, 2, 3, 12, ...halves(base), ...halves(base + 1024), ${n}, 0, 0, 0), 12);`;
  const run = (n) => spawnSync(process.execPath, ["-e", code(n)], { encoding: "utf8", env: environment() });
  const inside = run(64);
  const beyond = run(65);
  if (inside.status === 0 && /use-after-poison[^]*neg_f32/.test(beyond.stderr)) return;
  console.error(`sanitizers: the guard does not work:\n${inside.stderr}\n${beyond.stderr.slice(0, 2000)}`);
  process.exit(1);
}
