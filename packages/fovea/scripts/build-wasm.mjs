// The C kernels → build/fovea.wasm and build/fovea-threads.wasm, and both as base64 in wasm-binary.generated.ts.
// clang and lld run as WebAssembly themselves (@yowasp/clang), so no system compiler is needed.
import fs from "node:fs";
import path from "node:path";
import { buildKernelList } from "./build-kernel-list.mjs";
import { buildFolder, generatedFolder, isFresh, isMain, kernelHash, kernelSources, seconds, sha256 } from "./files.mjs";
import { root, writeAtomic, writeIfChanged } from "./files.mjs";

const compileFlags = [
  ..."--target=wasm32 -std=gnu11 -O3 -fno-math-errno -ffreestanding -fvisibility=hidden".split(" "),
  ..."-msimd128 -mbulk-memory -mnontrapping-fptoint -mmutable-globals -matomics -DVB=16".split(" "),
  ..."-Wall -Wno-unused-function -Wno-psabi".split(" "),
];
const linkFlags = [
  ..."--target=wasm32 -nostdlib -Wl,--no-entry -Wl,--strip-all -Wl,--stack-first -Wl,-z,stack-size=262144".split(" "),
  ..."-Wl,--initial-memory=16777216 -Wl,--max-memory=4294967296 -Wl,--export=__stack_pointer".split(" "),
];
const variants = {
  "fovea.wasm": { compile: ["-DFV_NO_THREADS"], link: [], files: ["wasm.c", "run.c"] },
  "fovea-threads.wasm": {
    compile: [],
    link: ["-Wl,--import-memory", "-Wl,--shared-memory"],
    files: ["wasm.c", "run.c", "pool.c"],
  },
};

/** Returns a line about what was done. */
export async function buildWasm(sources = kernelSources()) {
  const start = performance.now();
  const clang = JSON.parse(fs.readFileSync(new URL("../package.json", import.meta.url))).devDependencies[
    "@yowasp/clang"
  ];
  const key = sha256(sources, compileFlags, linkFlags, variants, clang);
  const outputs = Object.keys(variants).map((name) => path.join(buildFolder, name));
  const stamp = path.join(buildFolder, "wasm.key");
  const fresh = isFresh(key, outputs, stamp);
  if (!fresh) {
    const binaries = await compile(sources);
    for (const [name, binary] of Object.entries(binaries)) writeAtomic(path.join(buildFolder, name), binary);
    writeAtomic(stamp, key);
  }
  const [single, threads] = outputs.map((file) => fs.readFileSync(file));
  writeIfChanged(path.join(generatedFolder, "wasm-binary.generated.ts"), inlined(single, threads));
  writeIfChanged(path.join(root, "dist/fovea.wasm"), single);
  writeIfChanged(path.join(root, "dist/fovea-threads.wasm"), threads);
  return `wasm: ${kb(single)}, with threads ${kb(threads)} (${fresh ? "unchanged" : seconds(start)})`;
}

const kb = (binary) => `${Math.round(binary.length / 1024)} KB`;

async function compile(sources) {
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
  const flags = [...compileFlags, `-DFV_HASH=${kernelHash(sources)}.0`];
  const object = async (file, extra = []) =>
    (await clang([...flags, ...extra, "-c", "-o", "out.o", file], { ...sources }))["out.o"];
  const kernels = await object("kernels.c");
  const binaries = {};
  for (const [name, variant] of Object.entries(variants)) {
    const objects = { "kernels.o": kernels };
    for (const file of variant.files) objects[file.replace(/c$/, "o")] = await object(file, variant.compile);
    const args = [...linkFlags, ...variant.link, "-o", "out.wasm", ...Object.keys(objects)];
    binaries[name] = (await clang(args, objects))["out.wasm"];
  }
  if (messages.length > 0) process.stderr.write(Buffer.concat(messages));
  return binaries;
}

function inlined(single, threads) {
  return `// Written by scripts/build-wasm.mjs: the kernels as WebAssembly, in base64.
export const wasmBinary =
  "${single.toString("base64")}";
/** The same over a shared memory. */
export const wasmThreadsBinary =
  "${threads.toString("base64")}";
`;
}

if (isMain(import.meta.url)) {
  const sources = kernelSources();
  console.log(await buildWasm(sources));
  buildKernelList(sources);
}
