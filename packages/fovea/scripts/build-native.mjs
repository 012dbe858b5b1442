// The C kernels → dist/native/<platform>-<arch>/fovea.node, with the system's C compiler and the headers that came with
// Node. Whatever is missing or fails, the build goes on: the wasm engine serves.
import { execFile } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { buildFolder, isFresh, isMain, kernelHash, kernelSources, root, seconds, sha256 } from "./files.mjs";
import { writeAtomic } from "./files.mjs";

const run = promisify(execFile);
const target = `${process.platform}-${process.arch}`;

const isasOf = {
  x64: {
    avx512: ["-march=x86-64-v4", "-DVB=64"],
    avx2: ["-march=x86-64-v3", "-DVB=32"],
    sse2: ["-march=x86-64", "-DVB=16"],
  },
  arm64: { neon: ["-DVB=16"] },
};
/** Flags for each instruction set of this architecture; on one without a line above, what its compiler makes of the C. */
const isas = isasOf[process.arch] ?? { scalar: ["-DVB=16"] };
const flags = [
  ..."-std=gnu11 -O3 -fPIC -fno-math-errno -fno-trapping-math -fvisibility=hidden -pthread".split(" "),
  ..."-Wall -Wno-unused-function -Wno-psabi -Wno-unknown-pragmas".split(" "),
];
const linkFlags = {
  linux: ["-shared", "-pthread", "-Wl,-z,nodelete", "-Wl,--gc-sections", "-s"],
  darwin: ["-bundle", "-undefined", "dynamic_lookup"],
};

/** Returns a line about what was done, or about why nothing was. Never throws for what the machine lacks. */
export async function buildNative(sources = kernelSources()) {
  const start = performance.now();
  if (process.env.FOVEA_SKIP_NATIVE === "1") return skipped("FOVEA_SKIP_NATIVE=1");
  if (!(process.platform in linkFlags)) return skipped(`it is not built on ${target}`);
  const compiler = await findCompiler();
  if (compiler === null) return skipped("no C compiler was found (cc, gcc or clang, or the variable CC)");
  const headers = findHeaders();
  if (headers === null) return skipped("node_api.h was not found beside Node (<prefix>/include/node)");

  const key = sha256(sources, flags, linkFlags, isas, compiler.version, headers, target);
  const output = path.join(buildFolder, "native", target, "fovea.node");
  const stamp = `${output}.key`;
  const fresh = isFresh(key, [output], stamp);
  if (!fresh) {
    try {
      await compile(compiler.command, headers, output, sources);
    } catch (error) {
      if (isMain(import.meta.url)) process.stderr.write(error.stderr ?? `${error.stack}\n`);
      const first = /^.*error:.*$/im.exec(error.stderr ?? "")?.[0] ?? error.message.split("\n")[0];
      return skipped(`${path.basename(compiler.command)} failed: ${first} (all of it: node scripts/build-native.mjs)`);
    }
    writeAtomic(stamp, key);
  }
  const copy = path.join(root, "dist/native", target, "fovea.node");
  const bytes = fs.readFileSync(output);
  if (!fs.existsSync(copy) || !fs.readFileSync(copy).equals(bytes)) writeAtomic(copy, bytes);
  return `native: ${Object.keys(isas).join(", ")}, ${Math.round(bytes.length / 1024)} KB (${fresh ? "unchanged" : seconds(start)})`;
}

function skipped(why) {
  return `native: none, the wasm engine will serve: ${why}`;
}

async function findCompiler() {
  for (const command of [process.env.CC, "cc", "gcc", "clang"]) {
    if (!command) continue;
    try {
      const { stdout } = await run(command, ["--version"]);
      return { command, version: stdout.split("\n")[0] };
    } catch {
      // not this one
    }
  }
  return null;
}

function findHeaders() {
  const beside = path.join(path.dirname(fs.realpathSync(process.execPath)), "..");
  const prefixes = [beside, process.config.variables.node_prefix, "/usr", "/usr/local"];
  for (const prefix of prefixes) {
    if (typeof prefix !== "string") continue;
    const folder = path.join(prefix, "include/node");
    if (fs.existsSync(path.join(folder, "node_api.h"))) return folder;
  }
  return null;
}

/**
 * The addon with the address and undefined-behaviour sanitizers in it, for scripts/sanitize.mjs at the root: its path and
 * the sanitizer's library that Node must load first, or the reason why it cannot be made here.
 */
export async function buildSanitized(sources = kernelSources()) {
  if (process.platform !== "linux") return { reason: `it is not built on ${target}` };
  const compiler = await findCompiler();
  const headers = findHeaders();
  if (compiler === null || headers === null) return { reason: "there is no C compiler, or no node_api.h beside Node" };
  const library = await findSanitizer(compiler.command);
  if (library === null) return { reason: `${compiler.command} has no shared address sanitizer (libasan)` };
  const sanitize = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"];
  if (library.includes("clang")) sanitize.push("-shared-libasan");
  const output = path.join(buildFolder, "sanitize", "fovea.node");
  const key = sha256(sources, sanitize, flags, isas, compiler.version, headers);
  if (!isFresh(key, [output], `${output}.key`)) {
    const extra = [...sanitize, "-DFV_SANITIZE", "-O1", "-g", "-fno-omit-frame-pointer"];
    await compile(compiler.command, headers, output, sources, extra, ["-shared", "-pthread", ...sanitize]);
    writeAtomic(`${output}.key`, key);
  }
  return { addon: output, library, isas: Object.keys(isas) };
}

/** Builds that tests run elsewhere than on the processors they are for. */
const elsewhere = {
  neon: { folder: "linux-arm64", defines: [], made: isasOf.arm64 },
  scalar: { folder: "linux-arm64-scalar", defines: ["-DFV_SCALAR"], made: { scalar: ["-DVB=16"] } },
  avx512: { folder: "linux-x64-avx512", defines: ["-DFV_HALVES"], made: { avx512: ["-march=x86-64-v3", "-DVB=64"] } },
};

/** The addon of a line of `elsewhere`, for cross.mjs and halves.mjs at the root: its path, or the reason why it cannot be made. */
export async function buildElsewhere(isa, command, sources = kernelSources()) {
  const headers = findHeaders();
  if (headers === null) return { reason: "node_api.h was not found beside Node (<prefix>/include/node)" };
  let version;
  try {
    version = (await run(command, ["--version"])).stdout.split("\n")[0];
  } catch {
    return { reason: `there is no ${command}` };
  }
  const { folder, defines, made } = elsewhere[isa];
  const output = path.join(buildFolder, "native", folder, "fovea.node");
  const key = sha256(sources, flags, defines, made, version, headers);
  if (!isFresh(key, [output], `${output}.key`)) {
    await compile(command, headers, output, sources, defines, linkFlags.linux, made);
    writeAtomic(`${output}.key`, key);
  }
  return { addon: output };
}

async function findSanitizer(command) {
  for (const name of ["libasan.so", `libclang_rt.asan-${os.machine()}.so`]) {
    const { stdout } = await run(command, [`-print-file-name=${name}`]);
    const file = stdout.trim();
    if (path.isAbsolute(file) && fs.existsSync(file)) return fs.realpathSync(file);
  }
  return null;
}

async function compile(
  command,
  headers,
  output,
  sources,
  extraFlags = [],
  link = linkFlags[process.platform],
  kinds = isas,
) {
  fs.mkdirSync(path.dirname(output), { recursive: true });
  const objects = fs.mkdtempSync(path.join(path.dirname(output), "objects-"));
  for (const [name, text] of Object.entries(sources)) {
    fs.mkdirSync(path.join(objects, path.dirname(name)), { recursive: true });
    fs.writeFileSync(path.join(objects, name), text); // what was hashed is what is compiled
  }
  const common = [
    ...flags,
    `-DFV_HASH=${kernelHash(sources)}.0`,
    "-DNAPI_VERSION=8",
    "-isystem",
    headers,
    ...extraFlags,
  ];
  const job =
    (name, file, extra = []) =>
    async () => {
      await run(command, [...common, ...extra, "-c", file, "-o", `${name}.o`], { cwd: objects });
      return path.join(objects, `${name}.o`);
    };
  const jobs = [
    ...Object.entries(kinds).map(([isa, f]) => job(isa, "kernels.c", [...f, `-DFV_TABLE=kernels_${isa}`])),
    ...["napi", "run", "pool"].map((name) => job(name, `${name}.c`)),
  ];
  try {
    const made = await inParallel(jobs, os.availableParallelism());
    const linked = path.join(objects, "fovea.node");
    await run(command, [...link, ...made, "-o", linked]);
    fs.renameSync(linked, output);
  } finally {
    fs.rmSync(objects, { recursive: true, force: true });
  }
}

async function inParallel(jobs, width) {
  const results = [];
  let next = 0;
  const lane = async () => {
    while (next < jobs.length) {
      const mine = next++;
      results[mine] = await jobs[mine]();
    }
  };
  await Promise.all(Array.from({ length: width }, lane));
  return results;
}

if (isMain(import.meta.url)) console.log(await buildNative());
