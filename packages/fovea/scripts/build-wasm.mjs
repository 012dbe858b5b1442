// The C kernels → build/fovea[-relaxed][-threads].wasm, for simd128 and for relaxed SIMD, and as base64 in
// wasm-binary.generated.ts. A binary without threads is the one with threads but for one byte: the flag of its memory.
// clang and lld run as WebAssembly themselves (@yowasp/clang), so no system compiler is needed.
import fs from "node:fs";
import path from "node:path";
import { Worker, isMainThread, parentPort, workerData } from "node:worker_threads";
import { buildKernelList } from "./build-kernel-list.mjs";
import { buildFolder, generatedFolder, isFresh, isMain, kernelHash, kernelSources, seconds, sha256 } from "./files.mjs";
import { root, writeAtomic, writeIfChanged } from "./files.mjs";

const compileFlags = [
  ..."--target=wasm32 -std=gnu11 -O2 -fno-math-errno -ffreestanding -fvisibility=hidden".split(" "),
  ..."-msimd128 -mbulk-memory -mnontrapping-fptoint -mmutable-globals -matomics -DVB=16".split(" "),
  ..."-Wall -Wno-unused-function -Wno-psabi".split(" "),
];
const linkFlags = [
  ..."--target=wasm32 -nostdlib -Wl,--no-entry -Wl,--strip-all -Wl,--stack-first -Wl,-z,stack-size=524288".split(" "),
  ..."-Wl,--initial-memory=16777216 -Wl,--max-memory=4294967296 -Wl,--export=__stack_pointer".split(" "),
  ..."-Wl,--import-memory -Wl,--shared-memory".split(" "),
];
/** clang relaxes whatever it recognises, unless contraction and vectors are left to vec.h. */
const onlyByName = "-ffp-contract=off -fno-vectorize -fno-slp-vectorize".split(" ");
/** Flags for each instruction set, and what its files are called. */
const isas = {
  simd128: { flags: [], name: "fovea" },
  "relaxed-simd": { flags: ["-mrelaxed-simd", ...onlyByName], name: "fovea-relaxed" },
};
const units = ["kernels.c", "pool.c", "run.c", "wasm.c"];

/** Returns a line about what was done. */
export async function buildWasm(sources = kernelSources()) {
  const start = performance.now();
  const clang = JSON.parse(fs.readFileSync(new URL("../package.json", import.meta.url))).devDependencies[
    "@yowasp/clang"
  ];
  const key = sha256(sources, compileFlags, linkFlags, isas, units, clang);
  const outputs = Object.values(isas).map(({ name }) => path.join(buildFolder, `${name}-threads.wasm`));
  const stamp = path.join(buildFolder, "wasm.key");
  const fresh = isFresh(key, outputs, stamp);
  if (!fresh) {
    const binaries = await Promise.all(Object.keys(isas).map((isa) => compileInThread(sources, isa)));
    for (const [i, binary] of binaries.entries()) writeAtomic(outputs[i], binary);
    writeAtomic(stamp, key);
  }
  const binaries = outputs.map((file) => fs.readFileSync(file));
  writeIfChanged(path.join(generatedFolder, "wasm-binary.generated.ts"), inlined(binaries));
  for (const [i, { name }] of Object.values(isas).entries()) {
    writeIfChanged(path.join(root, "dist", `${name}-threads.wasm`), binaries[i]);
    writeIfChanged(path.join(root, "dist", `${name}.wasm`), withoutSharedMemory(binaries[i]));
  }
  const sizes = Object.keys(isas).map((isa, i) => `${isa} ${Math.round(binaries[i].length / 1024)} KB`);
  return `wasm: ${sizes.join(", ")} (${fresh ? "unchanged" : seconds(start)})`;
}

/** The same kernels over a memory of their own: `withoutSharedMemory` of src/backend/cpu/wasm-module.ts. */
function withoutSharedMemory(binary) {
  const at = binary.indexOf("\x03env\x06memory\x02\x03", "latin1");
  if (at < 0) throw new Error("the wasm file imports no shared memory");
  const copy = Buffer.from(binary);
  copy[at + 12] = 1;
  return copy;
}

/** One binary in a thread of its own: clang keeps the thread it runs in busy. */
function compileInThread(sources, isa) {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL(import.meta.url), { workerData: { sources, isa } });
    worker.on("message", (binary) => resolve(Buffer.from(binary)));
    worker.on("error", reject);
    worker.on("exit", () => reject(new Error("the compiler ended without a result"))); // no news after a message
  });
}

async function compile({ sources, isa }) {
  const { runClang, runLLVM, Exit } = await import("@yowasp/clang");
  await runLLVM(["clang", "--version"], {}, { fetchProgress() {}, stdout() {} }); // loads it without a word
  const messages = [];
  const stderr = (bytes) => void (bytes && messages.push(Buffer.from(bytes)));
  const clang = async (args, files) => {
    try {
      return await runClang(["clang", ...args], files, { stderr, stdout: stderr });
    } catch (error) {
      if (!(error instanceof Exit)) throw error;
      throw new Error(`clang ${args.at(-1)} failed\n${Buffer.concat(messages).toString("utf8")}`, { cause: error });
    }
  };
  const all = [...compileFlags, ...isas[isa].flags, `-DFV_HASH=${kernelHash(sources)}.0`];
  const objects = {};
  for (const unit of units) {
    objects[unit.replace(/c$/, "o")] = (await clang([...all, "-c", "-o", "out.o", unit], { ...sources }))["out.o"];
  }
  const binary = (await clang([...linkFlags, "-o", "out.wasm", ...Object.keys(objects)], objects))["out.wasm"];
  if (messages.length > 0) process.stderr.write(Buffer.concat(messages));
  return binary;
}

function inlined([simd, relaxed]) {
  return `// Written by scripts/build-wasm.mjs: the kernels as WebAssembly over a shared memory, in base64.
export const wasmBinary =
  "${simd.toString("base64")}";
/** The same with multiply–adds of relaxed SIMD. */
export const wasmRelaxedBinary =
  "${relaxed.toString("base64")}";
`;
}

// oxlint-disable-next-line require-post-message-target-origin -- that is for windows, this is a worker
if (!isMainThread) parentPort.postMessage(await compile(workerData));
else if (isMain(import.meta.url)) {
  const sources = kernelSources();
  console.log(await buildWasm(sources));
  buildKernelList(sources);
}
