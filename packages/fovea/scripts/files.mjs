// What the build scripts share: where things are, hashes of sources, atomic writes.
import { createHash } from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

export const root = path.join(path.dirname(fileURLToPath(import.meta.url)), "..");
export const kernelFolder = path.join(root, "kernels/c");
export const buildFolder = path.join(root, "build");
export const generatedFolder = path.join(root, "src/backend/cpu");

/** The C sources by their path below kernels/c, sorted, with Unix line ends. */
export function kernelSources() {
  const names = fs.readdirSync(kernelFolder, { recursive: true }).filter((name) => /\.(c|h|inc|def)$/.test(name));
  const read = (name) => fs.readFileSync(path.join(kernelFolder, name), "utf8").replaceAll("\r\n", "\n");
  return Object.fromEntries(names.toSorted().map((name) => [name.replaceAll("\\", "/"), read(name)]));
}

/** The kernels in the order of their ids, read from kernels.def. Says which ones were forgotten there. */
export function kernelNames(sources) {
  const names = [...sources["kernels.def"].matchAll(/^\s*K\((\w+)\)/gm)].map((m) => m[1]);
  const files = Object.entries(sources).filter(([file]) => file.endsWith(".c"));
  const defined = files.flatMap(([, text]) => [...text.matchAll(/^KERNEL\((\w+)\) *\{/gm)].map((m) => m[1]));
  const forgotten = defined.filter((name) => !names.includes(name));
  if (forgotten.length > 0) console.warn(`kernels that kernels.def does not list: ${forgotten.join(", ")}`);
  return names;
}

export function sha256(...parts) {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(typeof part === "string" ? part : JSON.stringify(part)).update("\0");
  return hash.digest("hex");
}

/** 48 bits of the hash of all C sources: TypeScript, wasm and the addon must carry the same. */
export function kernelHash(sources) {
  return Number.parseInt(sha256(sources).slice(0, 12), 16);
}

/** Writes under a temporary name and renames, so that nobody ever reads or runs half a file. */
export function writeAtomic(file, data) {
  fs.mkdirSync(path.dirname(file), { recursive: true });
  const temporary = `${file}.${process.pid}.tmp`;
  fs.writeFileSync(temporary, data);
  fs.renameSync(temporary, file);
}

/** Like `writeAtomic`, but leaves a file alone that already has this content. */
export function writeIfChanged(file, data) {
  const bytes = Buffer.from(data);
  if (fs.existsSync(file) && fs.readFileSync(file).equals(bytes)) return;
  writeAtomic(file, bytes);
}

/** True when `file` was made from what `key` stands for. */
export function isFresh(key, files, stamp) {
  return fs.existsSync(stamp) && fs.readFileSync(stamp, "utf8") === key && files.every((file) => fs.existsSync(file));
}

export function seconds(since) {
  return `${((performance.now() - since) / 1e3).toFixed(1)} s`;
}

/** Waits until no other build works in this folder. Returns what ends the turn. */
export async function lock() {
  const folder = path.join(buildFolder, "lock");
  fs.mkdirSync(buildFolder, { recursive: true });
  for (;;) {
    try {
      fs.mkdirSync(folder);
      return () => fs.rmSync(folder, { recursive: true, force: true });
    } catch (error) {
      if (error.code !== "EEXIST") throw error;
      const age = Date.now() - (fs.statSync(folder, { throwIfNoEntry: false })?.mtimeMs ?? Date.now());
      if (age > 120_000) fs.rmSync(folder, { recursive: true, force: true }); // its build was killed
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }
}

/** True when the module at `url` is the script that was started. */
export function isMain(url) {
  return process.argv[1] !== undefined && fs.realpathSync(process.argv[1]) === fileURLToPath(url);
}
